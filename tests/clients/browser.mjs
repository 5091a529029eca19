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
out.chart = await page.locator('#chart rect').count();
out.downloads = await page.locator('#downloads a:visible').count();
await shot(page, 'sparql');
await page.fill('#query', 'SELECT * {\n  ?s a kbv:Person .\n  ?s kbv:familyName .\n}');
await page.press('#query', 'Control+Enter');
await page.waitForSelector('#problem pre');
out.mistake = await page.textContent('#problem pre');
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
await page.waitForSelector('#table tbody tr:nth-child(1000)');
out.cut = (await page.textContent('#summary')).includes('Only the first rows');

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

// Without scripts the form leads to the results.
const plain = await browser.newContext({ javaScriptEnabled: false });
const bare = await plain.newPage();
await bare.goto(`${server}/sparql?query=${encodeURIComponent('SELECT (1 AS ?n) {}')}`);
const [download] = await Promise.all([bare.waitForResponse((response) => response.url().includes('format=')), bare.click('button.primary')]);
out.without_script = download.status();

await browser.close();
console.log(JSON.stringify(out));
