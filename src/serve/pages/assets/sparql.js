// The SPARQL page: runs the query in place, shows the results as a table and, if they are labels with numbers, as a chart,
// and shows an error at its line. Without this script, the form leads to the results.
'use strict';
(() => {
  const form = document.getElementById('ask');
  const field = document.getElementById('query');
  const stop = document.getElementById('stop');
  const part = (id) => document.getElementById(id);
  const message = (name) => form.querySelector(`[data-message=${name}]`).value;
  const most = Number(form.dataset.rows);
  const SVG = 'http://www.w3.org/2000/svg';
  let running = null;

  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // Records of this mirror link to their page here, other addresses to the web. Only web addresses become links.
  const address = (iri) => {
    const base = form.dataset.recordBase;
    const id = iri.startsWith(base) ? iri.slice(base.length).replace(/#it$/, '') : '';
    if (/^[0-9a-z]+$/.test(id)) return `${form.dataset.base}/${id}`;
    return /^https?:\/\//.test(iri) ? iri : null;
  };

  // The server adds a variable xLabel after x: its values are shown with those of x.
  const withoutNames = (columns) => columns.filter((column, place) => !place || column !== `${columns[place - 1]}Label`);

  const cell = (term, name) => {
    const data = make('td');
    if (!term) return data;
    const href = term.type === 'uri' ? address(term.value) : null;
    if (name) {
      data.append(href ? make('a', name.value, { href, rel: 'noopener' }) : name.value, ' ', make('span', term.value, { class: 'tag' }));
      return data;
    }
    if (href) data.append(make('a', term.value, { href, rel: 'noopener' }));
    else data.append(term.type === 'bnode' ? `_:${term.value}` : term.value);
    if (term['xml:lang']) data.append(make('span', ` @${term['xml:lang']}`, { class: 'tag' }));
    return data;
  };

  const showTable = (columns, rows, names) => {
    const table = make('table');
    const head = table.createTHead().insertRow();
    for (const column of columns) head.append(make('th', column, { scope: 'col' }));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      for (const column of columns) line.append(cell(row[column], names ? row[`${column}Label`] : undefined));
    }
    part('table').replaceChildren(table);
  };

  const short = (text) => (text.length > 26 ? `${text.slice(0, 25)}…` : text);
  const labelOf = (term, name) => {
    if (name) return name.value;
    if (term.type !== 'uri') return term.value;
    const last = term.value.replace(/#it$/, '').split(/[/#]/).filter(Boolean).pop() || term.value;
    try { return decodeURIComponent(last); } catch { return last; }
  };

  // Rows of a label and a number make a chart: the label first, the number last.
  const showChart = (columns, rows, names) => {
    const numeric = /^-?\d+(\.\d+)?$/;
    const [first, last] = [columns[0], columns[columns.length - 1]];
    const fits = columns.length >= 2 && columns.length <= 3 && rows.length >= 2
      && rows.every((row) => row[first] && row[last] && numeric.test(row[last].value));
    if (!fits) return;
    const named = columns.length === 3 ? columns[1] : first;
    const bars = rows.map((row) => {
      const column = row[named] ? named : first;
      return [labelOf(row[column], names ? row[`${column}Label`] : undefined), Number(row[last].value)];
    });
    const top = Math.max(...bars.map(([, value]) => value), 1);
    const standing = bars.length > 30;
    const shown = bars.slice(0, 200);
    // What is along the width is in percent: the texts stay as large as others. Where there is little room, names stand
    // above their bars.
    const width = part('chart').clientWidth || 640;
    const narrow = width < 560;
    const [name, row] = narrow ? [0, 44] : [32, 26];
    const height = standing ? 224 : shown.length * row;
    const svg = document.createElementNS(SVG, 'svg');
    const draw = (name, attributes, text) => {
      const shape = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
      if (text !== undefined) shape.textContent = text;
      svg.append(shape);
      return shape;
    };
    svg.setAttribute('width', '100%');
    svg.setAttribute('height', height);
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', `${message('chart')}: ${named}, ${last}`);
    const step = 100 / shown.length;
    const room = 100 * (8 * Math.max(...shown.map(([label]) => short(label).length)) + 12) / width;
    const every = Math.ceil(room / step);
    shown.forEach(([label, value], place) => {
      if (standing) {
        const long = Math.max(Math.round(Math.max(value, 0) / top * 180), 1);
        const apart = step * width > 350 ? ' apart' : '';
        const bar = draw('rect', { class: `bar${apart}`, x: `${place * step}%`, y: 200 - long, width: `${step}%`, height: long });
        const title = document.createElementNS(SVG, 'title');
        title.textContent = `${label}: ${value}`;
        bar.append(title);
        if (place % every === 0 && place * step + room <= 100) draw('text', { x: `${place * step}%`, y: 218 }, short(label));
      } else {
        const long = Math.max(Math.max(value, 0) / top * 52, 0.5);
        const [x, y] = [`${name}%`, (place + 1) * row - 22];
        if (narrow) draw('text', { class: 'name', x, y: y - 6 }, short(label));
        else draw('text', { class: 'name', x, dx: -10, y: y + 13, 'text-anchor': 'end' }, short(label));
        draw('rect', { class: 'bar', x, y, width: `${long}%`, height: 18, rx: 2 });
        draw('text', { class: 'count', x: `${name + long}%`, dx: 8, y: y + 13 }, String(value));
      }
    });
    const figure = make('figure', undefined, { class: 'chart' });
    figure.append(svg);
    part('chart').replaceChildren(figure);
  };

  // "… (line 3, column 15)", that line with a caret below it, and a hint: shown as they came, with the cursor at the place.
  const showProblem = (text, inQuery) => {
    if (inQuery) field.setAttribute('aria-invalid', 'true');
    if (inQuery) field.setAttribute('aria-errormessage', 'problem');
    if (inQuery) field.setAttribute('aria-describedby', 'problem hint');
    const box = part('problem');
    const [sentence, ...rest] = text.trimEnd().split('\n');
    box.replaceChildren(make('strong', message('failed')), make('p', sentence));
    const place = /\(line (\d+), column (\d+)\)$/.exec(sentence);
    if (place) {
      box.append(make('pre', rest.splice(0, 2).join('\n'), { tabindex: 0 }));
      const [line, column] = [Number(place[1]), Number(place[2])];
      const lines = field.value.split('\n');
      // Columns are characters, which this language may count as two.
      const before = Array.from(lines[line - 1] || '').slice(0, column - 1).join('').length;
      const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + before;
      field.setSelectionRange(start, start + 1);
    }
    for (const hint of rest) box.append(make('p', hint));
    box.hidden = false;
    part('summary').textContent = '';
  };

  // Only the solutions of SELECT have names.
  const labels = () => {
    const words = field.value.replace(/<[^>]*>|#.*$|'[^'\n]*'|"[^"\n]*"/gm, ' ');
    const form = /(?:^|[\s{>])(select|construct|describe|ask)(?=[\s{*(<?$])/i.exec(words);
    return part('labels').checked && form && form[1].toLowerCase() === 'select' ? { labels: part('labels').value } : {};
  };

  const downloads = (graph) => {
    for (const link of part('downloads').querySelectorAll('a')) {
      const format = link.dataset.format;
      link.hidden = graph !== ['ttl', 'nt', 'rdf', 'jsonld'].includes(format);
      link.href = `${form.dataset.endpoint}?${new URLSearchParams({ query: field.value, format, ...labels() })}`;
    }
    part('downloads').hidden = false;
  };

  const clear = () => {
    field.removeAttribute('aria-invalid');
    field.removeAttribute('aria-errormessage');
    field.setAttribute('aria-describedby', 'hint');
    for (const id of ['table', 'chart', 'problem']) part(id).replaceChildren();
    part('problem').hidden = true;
    part('downloads').hidden = true;
    part('results').hidden = false;
  };

  const run = async () => {
    if (running) running.abort();
    running = new AbortController();
    const mine = running;
    clear();
    part('summary').textContent = message('running');
    stop.hidden = false;
    const begun = performance.now();
    const names = labels();
    try {
      const response = await fetch(`${form.dataset.endpoint}?${new URLSearchParams({ rows: most, ...names })}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sparql-query', Accept: 'application/sparql-results+json, text/turtle;q=0.5' },
        body: field.value,
        signal: mine.signal,
      });
      const text = await response.text();
      if (!response.ok) { showProblem(text, response.status === 400); return; }
      const taken = `${Math.round(performance.now() - begun)} ${message('ms')}`;
      const cut = response.headers.get('x-results-cut');
      if (response.headers.get('content-type').startsWith('text/turtle')) {
        part('table').replaceChildren(make('pre', text, { class: 'turtle', tabindex: 0 }));
        part('summary').textContent = taken + (cut ? `. ${message('cut')}` : '');
        downloads(true);
        return;
      }
      const results = JSON.parse(text);
      downloads(false);
      if (results.boolean !== undefined) {
        part('summary').textContent = `${message(results.boolean ? 'yes' : 'no')} (${taken})`;
        return;
      }
      const rows = results.results.bindings;
      const count = rows.length === 0 ? message('none') : `${rows.length} ${message('rows')}`;
      part('summary').textContent = `${count} (${taken})${results.cut ? `. ${message('cut')}` : ''}`;
      if (rows.length > 0) {
        const columns = names.labels ? withoutNames(results.head.vars) : results.head.vars;
        showChart(columns, rows, names.labels);
        showTable(columns, rows, names.labels);
      }
    } catch (error) {
      if (error.name !== 'AbortError') showProblem(error.message);
      else part('summary').textContent = '';
    } finally {
      if (running === mine) { running = null; stop.hidden = true; }
    }
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    history.replaceState(null, '', `?${new URLSearchParams({ query: field.value, ...labels() })}`);
    run();
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
  });
  stop.addEventListener('click', () => { if (running) running.abort(); });
  for (const example of document.querySelectorAll('a.example')) {
    example.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      field.value = new URL(example.href).searchParams.get('query');
      form.requestSubmit();
    });
  }
  part('format').hidden = true;
  form.querySelector('label[for=format]').hidden = true;
  if (form.dataset.run) run();
})();
