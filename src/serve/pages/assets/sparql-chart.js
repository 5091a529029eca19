// Charts of results: bars for labels with numbers, a time line for years with numbers. What is along the width is in percent: the
// texts stay as large as others. The table remains for those who cannot see them.
'use strict';
(() => {
  const page = window.sparqlPage;
  const { make, message, number } = page;
  const SVG = 'http://www.w3.org/2000/svg';
  const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
  const YEAR = /^[12]\d{3}$/;
  // The most bars; a time line has all its years.
  const MOST_BARS = 200;

  const short = (text) => (text.length > 26 ? `${text.slice(0, 25)}…` : text);
  const labelOf = (term, name) => {
    if (name) return name.value;
    if (term.type !== 'uri') return term.value;
    const last = term.value.replace(/#it$/, '').split(/[/#]/).filter(Boolean).pop() || term.value;
    try { return decodeURIComponent(last); } catch { return last; }
  };

  const canvas = (height, title) => {
    const svg = document.createElementNS(SVG, 'svg');
    for (const [key, value] of Object.entries({ width: '100%', height, role: 'img', 'aria-label': title })) svg.setAttribute(key, value);
    const draw = (name, attributes, text, hint) => {
      const shape = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
      if (text !== undefined) shape.textContent = text;
      if (hint !== undefined) shape.append(Object.assign(document.createElementNS(SVG, 'title'), { textContent: hint }));
      svg.append(shape);
    };
    return [svg, draw];
  };

  // Years that follow one another are joined; where years are missing, so is the line.
  const timeLine = (points, title, width) => {
    const years = points.map(([year]) => year);
    const [first, last] = [years[0], years[years.length - 1]];
    const step = Math.min(...years.slice(1).map((year, place) => year - years[place]));
    const values = points.map(([, value]) => value);
    const [top, low] = [Math.max(...values, 0), Math.min(...values, 0)];
    const x = (year) => 2 + 96 * (year - first) / (last - first);
    const y = (value) => 200 - 170 * (value - low) / (top - low || 1);
    const [svg, draw] = canvas(226, title);
    draw('line', { class: 'axis', x1: 0, y1: y(0), x2: '100%', y2: y(0) });
    draw('text', { class: 'count', x: 0, y: 14 }, number(top));
    points.slice(1).forEach(([year, value], place) => {
      const [before, was] = points[place];
      if (year - before === step) draw('line', { class: 'line', x1: `${x(before)}%`, y1: y(was), x2: `${x(year)}%`, y2: y(value) });
    });
    const dense = points.length * 8 > width;
    for (const [year, value] of points) {
      draw('line', { class: 'stem', x1: `${x(year)}%`, y1: y(0), x2: `${x(year)}%`, y2: y(value) });
      draw('circle', { class: 'point', cx: `${x(year)}%`, cy: y(value), r: dense ? 2 : 4 }, undefined, `${year}: ${number(value)}`);
    }
    // As many round years as there is room for.
    const room = Math.max(Math.floor(width / 60), 1);
    const apart = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((each) => (last - first) / each <= room);
    for (let year = Math.ceil(first / apart) * apart; year <= last; year += apart) {
      draw('text', { class: 'name', x: `${Math.min(Math.max(x(year), 3), 97)}%`, y: 219, 'text-anchor': 'middle' }, String(year));
    }
    return svg;
  };

  const standing = (bars, title, width) => {
    const [svg, draw] = canvas(224, title);
    const top = Math.max(...bars.map(([, value]) => value), 1);
    const step = 100 / bars.length;
    const room = 100 * (8 * Math.max(...bars.map(([label]) => short(label).length)) + 12) / width;
    const every = Math.ceil(room / step);
    bars.forEach(([label, value], place) => {
      const long = Math.max(Math.round(Math.max(value, 0) / top * 180), 1);
      const apart = step * width > 350 ? ' apart' : '';
      draw('rect', { class: `bar${apart}`, x: `${place * step}%`, y: 200 - long, width: `${step}%`, height: long }, undefined, `${label}: ${number(value)}`);
      if (place % every === 0 && place * step + room <= 100) draw('text', { class: 'name', x: `${place * step}%`, y: 218 }, short(label));
    });
    return svg;
  };

  // Where there is little room, names stand above their bars.
  const lying = (bars, title, width) => {
    const narrow = width < 560;
    const [name, row] = narrow ? [0, 44] : [32, 26];
    const [svg, draw] = canvas(bars.length * row, title);
    const top = Math.max(...bars.map(([, value]) => value), 1);
    bars.forEach(([label, value], place) => {
      const long = Math.max(Math.max(value, 0) / top * 52, 0.5);
      const [x, y] = [`${name}%`, (place + 1) * row - 22];
      if (narrow) draw('text', { class: 'name', x, y: y - 6 }, short(label));
      else draw('text', { class: 'name', x, dx: -10, y: y + 13, 'text-anchor': 'end' }, short(label));
      draw('rect', { class: 'bar', x, y, width: `${long}%`, height: 18, rx: 2 });
      draw('text', { class: 'count', x: `${name + long}%`, dx: 8, y: y + 13 }, number(value));
    });
    return svg;
  };

  // The years among rows, in their order, if most rows have one and none comes twice.
  const years = (rows) => {
    const points = rows.filter(([label]) => YEAR.test(label)).map(([label, value]) => [Number(label), value]);
    const sorted = points.sort(([one], [other]) => one - other);
    const twice = sorted.some(([year], place) => place && year === sorted[place - 1][0]);
    return sorted.length >= 2 && sorted.length * 5 >= rows.length * 4 && !twice ? sorted : null;
  };

  // Rows of a label and a number: the label first, the number last. Shows nothing for other rows.
  page.chart = (place, columns, rows, names) => {
    const [first, last] = [columns[0], columns[columns.length - 1]];
    if (columns.length < 2 || columns.length > 3) return;
    const named = columns.length === 3 ? columns[1] : first;
    const fit = rows.filter((row) => row[first] && row[last] && row[last].type === 'literal' && NUMBER.test(row[last].value));
    if (fit.length < 2 || fit.length * 5 < rows.length * 4) return;
    const bars = fit.map((row) => {
      const column = row[named] ? named : first;
      return [labelOf(row[column], names ? row[`${column}Label`] : undefined), Number(row[last].value)];
    });
    const [width, points] = [place.clientWidth || 640, years(bars)];
    // Labels that are not years make bars only if none is left out.
    if (!points && fit.length < rows.length) return;
    const title = `${message(points ? 'time-line' : 'chart')}: ${named}, ${last}`;
    const figure = make('figure', undefined, { class: 'chart' });
    const few = bars.slice(0, MOST_BARS);
    if (points) figure.append(timeLine(points, title, width));
    else figure.append((bars.length > 30 ? standing : lying)(few, title, width));
    const left = rows.length - (points || few).length;
    if (points && left > 0) figure.append(make('figcaption', `${message('left-out')}: ${left}`, { class: 'hint' }));
    place.replaceChildren(figure);
  };
})();
