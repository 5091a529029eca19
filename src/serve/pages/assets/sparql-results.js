// Results as a table that sorts by its columns and has pages, and the plan of a query as a table.
'use strict';
(() => {
  const page = window.sparqlPage;
  const { make, message, number, part } = page;
  const ROWS = 50;
  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });

  // Records of this mirror link to their page here, other addresses to the web. Only web addresses become links.
  const address = (iri) => {
    const { recordBase, base } = part('ask').dataset;
    const id = iri.startsWith(recordBase) ? iri.slice(recordBase.length).replace(/#it$/, '') : '';
    if (/^[0-9a-z]+$/.test(id)) return `${base}/${id}`;
    return /^https?:\/\//.test(iri) ? iri : null;
  };

  const cell = (term, name, numeric) => {
    const data = make('td', undefined, numeric ? { class: 'number' } : {});
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

  // Shows rows; `names` says whether a variable xLabel names what x is.
  page.table = (columns, rows, names) => {
    const table = make('table');
    const head = table.createTHead().insertRow();
    const body = table.createTBody();
    const name = (row, column) => (names ? row[`${column}Label`] : undefined);
    const text = (row, column) => (name(row, column) || row[column])?.value;
    const numeric = (column) => {
      const values = rows.map((row) => row[column]).filter(Boolean);
      return values.length > 0 && values.every(({ type, value }) => type === 'literal' && NUMBER.test(value));
    };
    const numbers = new Set(columns.filter(numeric));
    // What the rows are about, such as a year, stands at their beginning.
    const right = (column) => numbers.has(column) && column !== columns[0];
    let [sorted, order, at] = [rows, [null, 0], 0];
    const last = Math.ceil(rows.length / ROWS) - 1;

    const fill = () => {
      body.replaceChildren();
      for (const row of sorted.slice(at * ROWS, (at + 1) * ROWS)) {
        const line = body.insertRow();
        for (const column of columns) line.append(cell(row[column], name(row, column), right(column)));
      }
      part('pager').hidden = last === 0;
      part('page').textContent = `${at + 1} / ${last + 1}`;
      // A button that has the focus keeps it.
      part('previous').setAttribute('aria-disabled', String(at === 0));
      part('next').setAttribute('aria-disabled', String(at === last));
    };
    const turn = (to) => { at = Math.min(Math.max(to, 0), last); fill(); };

    // Upwards, downwards, and as the query has it. What is empty comes last.
    const sort = (column) => {
      const way = order[0] === column ? [1, -1, 0][([1, -1, 0].indexOf(order[1]) + 1) % 3] : 1;
      order = [column, way];
      const compare = numbers.has(column) ? (one, other) => Number(one) - Number(other) : collator.compare;
      sorted = way === 0 ? rows : rows.toSorted((one, other) => {
        const [a, b] = [text(one, column), text(other, column)];
        if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
        return way * compare(a, b);
      });
      for (const heading of head.cells) {
        if (heading.textContent === column && way) heading.setAttribute('aria-sort', way > 0 ? 'ascending' : 'descending');
        else heading.removeAttribute('aria-sort');
      }
      turn(0);
    };

    for (const column of columns) {
      const heading = make('th', undefined, right(column) ? { scope: 'col', class: 'number' } : { scope: 'col' });
      const button = make('button', column, { type: 'button' });
      button.addEventListener('click', () => sort(column));
      heading.append(button);
      head.append(heading);
    }
    [part('previous').onclick, part('next').onclick] = [() => turn(at - 1), () => turn(at + 1)];
    fill();
    part('table').replaceChildren(table);
  };

  const WORDS = { lookup: '', group: 'GROUP BY', order: 'ORDER BY' };
  const DEEPEST = 8;

  // Short names in place of IRIs.
  const short = (text) => {
    const tokens = page.tokens(text);
    const prefixes = page.withoutEmpty(page.prefixes([]));
    const names = tokens.filter(({ kind }) => kind === 'iri').reverse();
    return names.reduce((all, { text: iri, start, end }) => all.slice(0, start) + page.named(iri.slice(1, -1), prefixes) + all.slice(end), text);
  };

  // Shows the steps of a query with the solutions that were expected, and that came.
  page.plan = ({ steps, results, seconds }) => {
    const table = make('table', undefined, { class: 'plan' });
    const head = table.createTHead().insertRow();
    head.append(make('th', message('plan-step'), { scope: 'col' }));
    for (const key of ['plan-expected', 'plan-came']) head.append(make('th', message(key), { scope: 'col', class: 'number' }));
    const body = table.createTBody();
    const count = (rows) => make('td', rows === undefined ? '–' : number(rows), { class: 'number' });
    const list = (all, depth) => {
      for (const step of all) {
        const line = body.insertRow();
        const what = make('td', `${WORDS[step.kind] ?? step.kind.toUpperCase()} `, { class: `in${Math.min(depth, DEEPEST)}` });
        what.append(make('code', short(step.text || '')));
        line.append(what, count(step.rows), count(step.came));
        list(step.steps || [], depth + 1);
      }
    };
    list(steps, 0);
    const box = make('div', undefined, { class: 'scroll', role: 'region', 'aria-label': message('plan'), tabindex: 0 });
    box.append(table);
    const summary = make('p', `${number(results)} ${message('plan-results')} (${Math.round(seconds * 1000)} ${message('ms')})`);
    part('steps').replaceChildren(summary, steps.length ? box : make('p', message('plan-none'), { class: 'hint' }));
    part('plan').hidden = false;
  };
})();
