// Looks at a running server in headless Chromium: searches, opens a record, asks in SPARQL, makes a mistake, uses the
// keyboard, and takes the screenshots of the README. Prints what it saw as JSON.
// Usage: node browser.mjs SERVER SCREENSHOTS WORDS
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.CLIENTS, 'package.json'));
const { chromium } = require('playwright-core');
const [server, screenshots, words] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const out = { elsewhere: [], problems: [] };
const open = async (locale) => {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 }, locale, colorScheme: 'light' });
  page.on('request', (request) => { if (!request.url().startsWith(server)) out.elsewhere.push(request.url()); });
  page.on('pageerror', (error) => out.problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('400 (Bad Request)')) out.problems.push(message.text());
  });
  return page;
};
const shot = (page, name, fullPage = false) => page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage });

const page = await open('en-GB');
await page.goto(`${server}/`);
out.front = await page.textContent('h1');
out.charts = await page.locator('figure.chart svg').count();
await shot(page, 'front', true);

// By keyboard alone: the first stop of the Tab key leads past the menu, which nothing skips by itself; the search field
// is behind it, and Enter searches.
const focused = (name) => page.evaluate((attribute) => document.activeElement.getAttribute(attribute), name);
await page.keyboard.press('Tab');
out.skip = await focused('href');
for (let stops = 0; stops < 20 && (await focused('id')) !== 'q'; stops += 1) await page.keyboard.press('Tab');
await page.keyboard.type(words);
await page.keyboard.press('Enter');
await page.waitForSelector('ol.hits li');
out.hits = await page.locator('ol.hits li').count();
await shot(page, 'search');
await page.click('ol.hits li a');
await page.waitForSelector('dl.card');
out.record = await page.textContent('h1');
out.badges = await page.locator('ul.badges a').count();
await page.click('details summary');
out.turtle = (await page.textContent('pre.turtle')).includes('kbv:mainEntity');
await page.click('details summary');
// A book, for the picture: what is called so, by someone with a record of her own.
await page.goto(`${server}/search?q=${encodeURIComponent('isbrytare i göteborg')}`);
await page.click('ol.hits li a');
await page.waitForSelector('dl.card');
out.contributors = await page.locator('dl.card a').count();
await shot(page, 'record', true);

await page.goto(`${server}/sparql`);
await page.click('text=Novels by year of publication');
await page.waitForSelector('#table table');
out.rows = await page.locator('#table tbody tr').count();
// Who chose an example is still there.
out.example = await focused('class');
out.chart = await page.locator('#chart rect').count();
out.downloads = await page.locator('#downloads a:visible').count();
await shot(page, 'sparql');
// A time line has a point for each year; the rows are in pages, and sort by a column in place.
out.line = await page.getAttribute('#chart svg', 'aria-label');
out.years = [await page.locator('#chart circle').count(), await page.textContent('#chart circle title')];
const column = (number) => page.locator(`#table tbody td:nth-child(${number})`).allTextContents();
const sorting = () => page.getAttribute('#table thead th:nth-child(2)', 'aria-sort');
out.sorting = [];
for (let clicks = 0; clicks < 4; clicks += 1) {
  out.sorting.push([await sorting(), (await column(2)).map(Number)]);
  await page.click('#table thead th:nth-child(2) button');
}
await page.fill('#query', 'SELECT * {\n  ?s a kbv:Person .\n  ?s kbv:familyName .\n}');
await page.press('#query', 'Control+Enter');
await page.waitForSelector('#problem pre');
out.mistake = await page.textContent('#problem pre');
// Its place is marked, and a button leads there.
const highlighted = (kind) => page.evaluate((name) => [...CSS.highlights.get(`sparql-${name}`)].map(String), kind);
out.marked = await highlighted('wrong');
await page.click('#place');
out.caret = await page.evaluate(() => {
  const field = document.getElementById('query');
  return [document.activeElement.id, field.value.slice(0, field.selectionStart), field.value.slice(field.selectionStart, field.selectionEnd)];
});
// Who cannot see it is told that the query is wrong, and by what; and not any more once it is right.
const told = () => page.evaluate(() => {
  const field = document.getElementById('query');
  const texts = (name) => (field.getAttribute(name) || '').split(' ').map((id) => document.getElementById(id)?.textContent || '').join(' ');
  return { invalid: field.getAttribute('aria-invalid'), error: texts('aria-errormessage'), description: texts('aria-describedby') };
});
out.wrong = await told();
await page.fill('#query', 'CONSTRUCT { ?s a kbv:Person } { ?s a kbv:Person } LIMIT 3');
await page.click('button.primary');
await page.waitForSelector('#table pre.turtle');
out.right = await told();
out.graph = (await page.textContent('#table pre.turtle')).includes('kbv:Person');
await page.fill('#query', 'ASK { ?s ?p ?o }');
await page.click('button.primary');
await page.waitForSelector('#summary:has-text("Yes (")');
// Names stand beside IRIs and on the chart while their box is ticked.
await page.fill('#query', 'SELECT ?person (COUNT(*) AS ?n) { ?c kbv:agent ?person . ?person kbv:familyName ?any } GROUP BY ?person ORDER BY DESC(?n) LIMIT 5');
await page.check('#labels');
await page.click('button.primary');
await page.waitForSelector('#table tbody tr');
out.named = [await page.textContent('#table tbody a'), await page.textContent('#chart text.name')];
out.columns = await page.locator('#table thead th').count();
await page.uncheck('#labels');
await page.click('button.primary');
await page.waitForSelector('#table tbody tr');
out.unnamed = await page.textContent('#table tbody a');
// A long answer is cut for the page, and the page says so.
await page.fill('#query', 'SELECT * { ?s ?p ?o }');
await page.click('button.primary');
await page.waitForSelector('#table tbody tr:nth-child(50)');
out.cut = (await page.textContent('#summary')).includes('Only the first rows');
const first = await page.textContent('#table tbody tr');
out.pages = [await page.locator('#table tbody tr').count(), await page.textContent('#page')];
await page.click('#previous', { force: true });
for (let turns = 0; turns < 19; turns += 1) await page.click('#next');
await page.click('#next', { force: true });
out.pages.push(await page.textContent('#page'), first !== await page.textContent('#table tbody tr'));
// A column sorts all pages: what comes first comes before all others.
await page.click('#table thead th:nth-child(2) button');
out.pages.push(await page.textContent('#page'), new Set(await column(2)).size);

// Numbers sort as numbers, what is empty comes last, and nothing of it becomes code.
const run = async (query, awaited) => {
  await page.fill('#query', query);
  await page.click('button.primary');
  await page.waitForSelector(awaited);
};
await run('SELECT ?a ?b { VALUES (?a ?b) { ("x" 10) ("<img src=x onerror=alert(1)>" 2) (UNDEF 1) ("å" 3) } }', '#table tbody tr');
out.order = [];
for (const [heading, clicks] of [[1, 1], [1, 1], [2, 1]]) {
  for (let click = 0; click < clicks; click += 1) await page.click(`#table thead th:nth-child(${heading}) button`);
  out.order.push(await column(heading));
}
await run('SELECT ?a ?b { VALUES (?a ?b) { ("x" 10) ("<img src=x onerror=alert(1)>" 2) } }', '#chart rect');
out.images = [await page.locator('#results img').count(), await page.locator('#chart text.name').allTextContents()];
// Years that are missing are gaps in the line; what has no year is counted.
await run('SELECT ?y ?n { VALUES (?y ?n) { ("1995" 3) ("1990" 1) ("1991" 2) ("1996" 1) ("19??" 2) } }', '#chart circle');
out.gaps = [await page.locator('#chart circle').count(), await page.locator('#chart line.line').count(), await page.textContent('#chart figcaption')];

// The query is coloured, and stays a text area that can be undone.
await page.fill('#query', '');
await page.click('#query');
await page.keyboard.type('# all\nSELECT ?p { ?p a kbv:Pers');
await page.waitForSelector('#completions li');
out.kinds = Object.fromEntries(await Promise.all(['comment', 'keyword', 'variable', 'name'].map(async (kind) => [kind, await highlighted(kind)])));
out.behind = await page.evaluate(() => document.querySelector('.editor pre').textContent === `${document.getElementById('query').value}\n`);
// Completion by the keyboard alone.
const field = () => page.inputValue('#query');
const active = () => page.evaluate(() => {
  const id = document.getElementById('query').getAttribute('aria-activedescendant');
  const item = id && document.getElementById(id);
  return item ? [item.textContent, item.getAttribute('aria-selected')] : null;
});
out.offered = await active();
await page.keyboard.press('Enter');
out.completed = [await field(), await active()];
await page.keyboard.press('Control+z');
out.undone = await field();
await page.keyboard.press('Control+y');
await page.keyboard.type(' ; fam');
await page.keyboard.press('Control+Space');
await page.waitForSelector('#completions li');
out.properties = await page.locator('#completions li').allTextContents();
await page.keyboard.press('Escape');
out.escaped = [await page.locator('#completions li:visible').count(), await field()];
await page.keyboard.press('Control+Space');
await page.waitForSelector('#completions li:visible');
await page.keyboard.press('ArrowDown');
await page.keyboard.press('ArrowUp');
await page.keyboard.press('Tab');
out.property = await field();
// A prefix is completed first, then its words; one that the query declares counts more than that of the server.
await page.fill('#query', 'PREFIX mine: <https://id.kb.se/vocab/>\nSELECT * { ?s a mi');
await page.press('#query', 'Control+Space');
await page.waitForSelector('#completions li:visible');
await page.keyboard.press('Enter');
await page.waitForSelector('#completions li:visible >> text=mine:');
await page.keyboard.type('Person');
await page.keyboard.type(' }');
out.declared = await field();
// Where a class is due, classes come first, the most frequent of them at the top.
await page.fill('#query', 'SELECT * { ?s a ');
await page.press('#query', 'Control+Space');
await page.waitForSelector('#completions li:visible');
out.due = await page.locator('#completions li').allTextContents();
// The text behind is broken and scrolled as the field is.
await page.fill('#query', 'SELECT * { ?some ?property "and a text that is rather long" . }\n'.repeat(40));
await page.press('#query', 'Control+End');
out.aligned = await page.evaluate(() => {
  const [behind, field] = [document.querySelector('.editor pre'), document.getElementById('query')];
  return [behind.clientWidth - field.clientWidth, behind.scrollHeight - field.scrollHeight, behind.scrollTop - field.scrollTop, field.scrollTop > 0];
});
// Nothing is offered within comments and strings.
await page.fill('#query', 'SELECT * { ?s ?p "kbv:Pers');
await page.press('#query', 'Control+Space');
await page.waitForTimeout(200);
out.silent = await page.locator('#completions li:visible').count();

// The plan, by its button; and the link, which leads back to the query.
await page.fill('#query', 'SELECT ?p { ?p a kbv:Person ; kbv:familyName "</td><script>alert(1)</script>" }');
await page.click('button[name=explain]');
await page.waitForSelector('#steps table');
out.plan = [await page.locator('#steps tbody tr').count(), await page.textContent('#steps table'), await page.isVisible('#results')];
await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
await page.click('#share');
await page.waitForSelector('#shared:has-text("copied")');
out.link = await page.evaluate(async () => [await navigator.clipboard.readText() === location.href, location.search]);
await page.reload();
await page.waitForSelector('#summary:has-text("no results")');
out.again = (await field()).includes('familyName');

await page.goto(`${server}/harvest`);
out.harvests = await page.locator('main section').count();
// Everything that can be pressed has a name, and every picture one or none on purpose.
out.nameless = await page.evaluate(() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea')]
  .filter((element) => !(element.textContent.trim() || element.getAttribute('aria-label') || element.labels?.length)).length);

const swedish = await open('sv-SE');
await swedish.goto(`${server}/`);
out.swedish = await swedish.textContent('h1');
await swedish.setViewportSize({ width: 390, height: 844 });
out.overflow = await swedish.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
await shot(swedish, 'phone');

// Without highlights the field is a plain one; without the vocabulary the prefixes are still completed.
const poor = await browser.newPage();
await poor.addInitScript(() => { delete window.Highlight; });
await poor.route('**/sparql/vocabulary*', (route) => route.abort());
await poor.goto(`${server}/sparql`);
await poor.fill('#query', 'ASK { ?s sk');
await poor.press('#query', 'Control+Space');
await poor.waitForSelector('#completions li:visible');
await poor.keyboard.press('Tab');
out.poor = [await poor.inputValue('#query'), await poor.evaluate(() => getComputedStyle(document.getElementById('query')).color !== 'rgba(0, 0, 0, 0)')];

// A word that no prefix fits is written as its IRI, is found by its name, and its name stays a text.
const strange = await browser.newPage();
const vocabulary = { classes: [{ iri: 'https://x.example/a/Thing', count: 7, label: '<img src=x> Sak' }, { iri: 'a> <b', count: 9 }], properties: [] };
await strange.route('**/sparql/vocabulary*', (route) => route.fulfill({ json: vocabulary }));
await strange.goto(`${server}/sparql`);
await strange.fill('#query', 'ASK { ?s a sak');
await strange.press('#query', 'Control+Space');
await strange.waitForSelector('#completions li:visible');
out.strange = [await strange.locator('#completions li').allTextContents(), await strange.locator('#completions img').count()];
await strange.keyboard.press('Enter');
out.strange.push(await strange.inputValue('#query'));

// Without scripts the form leads to the results.
const plain = await browser.newContext({ javaScriptEnabled: false });
const bare = await plain.newPage();
await bare.goto(`${server}/sparql?query=${encodeURIComponent('SELECT (1 AS ?n) {}')}`);
const [download] = await Promise.all([bare.waitForResponse((response) => response.url().includes('format=')), bare.click('button.primary')]);
out.without_script = download.status();
await bare.goto(`${server}/sparql?query=${encodeURIComponent('SELECT ?p { ?p a kbv:Person }')}`);
await bare.click('button[name=explain]');
await bare.waitForSelector('#plan table');
out.bare_plan = [await bare.locator('#plan tbody tr').count(), await bare.inputValue('#query'), await bare.isVisible('#share')];

await browser.close();
console.log(JSON.stringify(out));
