// The SPARQL page: runs the query in place, shows its results or its plan, marks a mistake, and copies a link to the query.
// Without the scripts, the form leads to the results, and to this page with the plan.
'use strict';
(() => {
  const page = window.sparqlPage;
  const { make, message, part } = page;
  const [form, field, stop] = [part('ask'), part('query'), part('stop')];
  const most = Number(form.dataset.rows);
  const editor = page.editor(field);
  page.completion(editor, field, form.dataset.vocabulary);
  let running = null;

  // The server adds a variable xLabel after x: its values are shown with those of x.
  const withoutNames = (columns) => columns.filter((column, place) => !place || column !== `${columns[place - 1]}Label`);

  // "… (line 3, column 15)", that line with a caret below it, and a hint: shown as they came. The place is marked in the query.
  const showProblem = (text, inQuery) => {
    if (inQuery) field.setAttribute('aria-invalid', 'true');
    if (inQuery) field.setAttribute('aria-errormessage', 'problem');
    if (inQuery) field.setAttribute('aria-describedby', 'problem hint');
    const box = part('problem');
    const [sentence, ...rest] = text.trimEnd().split('\n');
    box.replaceChildren(make('strong', message('failed')), make('p', sentence));
    const place = inQuery && /\(line (\d+), column (\d+)\)$/.exec(sentence);
    if (place) {
      box.append(make('pre', rest.splice(0, 2).join('\n'), { tabindex: 0 }));
      const [line, column] = [Number(place[1]), Number(place[2])];
      const lines = field.value.split('\n');
      // Columns are characters, which this language may count as two.
      const before = Array.from(lines[line - 1] || '').slice(0, column - 1).join('').length;
      const [start, end] = editor.mark(lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + before);
      field.setSelectionRange(start, end);
      const button = make('button', message('place'), { type: 'button', id: 'place' });
      button.addEventListener('click', () => editor.show(start, end));
      box.append(...rest.map((hint) => make('p', hint)), button);
    } else {
      box.append(...rest.map((hint) => make('p', hint)));
    }
    box.hidden = false;
    part('summary').textContent = '';
  };

  // Only the solutions of SELECT have names.
  const labels = () => (part('labels').checked && page.form(field.value) === 'select' ? { labels: part('labels').value } : {});
  const query = () => new URLSearchParams({ query: field.value, ...labels() });

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
    editor.unmark();
    for (const id of ['table', 'chart', 'problem', 'steps']) part(id).replaceChildren();
    for (const id of ['problem', 'downloads', 'plan', 'pager']) part(id).hidden = true;
    part('shared').textContent = '';
    part('results').hidden = false;
  };

  const post = (parameters, accept, signal) => fetch(`${form.dataset.endpoint}?${new URLSearchParams(parameters)}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sparql-query', Accept: accept },
    body: field.value,
    signal,
  });

  const showResults = async (signal) => {
    const [begun, names] = [performance.now(), labels()];
    const response = await post({ rows: most, ...names }, 'application/sparql-results+json, text/turtle;q=0.5', signal);
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
    const count = rows.length === 0 ? message('none') : `${page.number(rows.length)} ${message('rows')}`;
    part('summary').textContent = `${count} (${taken})${results.cut ? `. ${message('cut')}` : ''}`;
    if (rows.length > 0) {
      const columns = names.labels ? withoutNames(results.head.vars) : results.head.vars;
      page.chart(part('chart'), columns, rows, names.labels);
      page.table(columns, rows, names.labels);
    }
  };

  const showPlan = async (signal) => {
    const response = await post({ explain: true }, 'application/json', signal);
    const text = await response.text();
    if (!response.ok) { showProblem(text, response.status === 400); return; }
    part('results').hidden = true;
    part('summary').textContent = '';
    page.plan(JSON.parse(text));
  };

  const run = async (show) => {
    if (running) running.abort();
    running = new AbortController();
    const mine = running;
    clear();
    part('summary').textContent = message('running');
    stop.hidden = false;
    try {
      await show(mine.signal);
    } catch (error) {
      if (error.name !== 'AbortError') showProblem(error.message);
      else if (running === mine) part('summary').textContent = '';
    } finally {
      if (running === mine) { running = null; stop.hidden = true; }
    }
  };

  // Where the clipboard is closed to this page, the link is in the address bar.
  const share = async () => {
    history.replaceState(null, '', `?${query()}`);
    try {
      await navigator.clipboard.writeText(location.href);
      part('shared').textContent = message('shared');
    } catch {
      part('shared').replaceChildren(make('a', location.href, { href: location.href }));
    }
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    history.replaceState(null, '', `?${query()}`);
    run(event.submitter?.name === 'explain' ? showPlan : showResults);
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector('button.primary'));
    }
  });
  stop.addEventListener('click', () => { if (running) running.abort(); });
  part('share').addEventListener('click', share);
  for (const example of document.querySelectorAll('a.example')) {
    example.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      editor.replace(0, field.value.length, new URL(example.href).searchParams.get('query'));
      example.focus();
      form.requestSubmit(form.querySelector('button.primary'));
    });
  }
  for (const id of ['share', 'completion-hint']) part(id).hidden = false;
  part('format').hidden = true;
  form.querySelector('label[for=format]').hidden = true;
  if (form.dataset.run) run(showResults);
})();
