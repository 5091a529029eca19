// Looks at every page of a running server with axe-core, on a desk and on a phone, in both languages: what it finds wrong,
// whether a page is wider than its window, and how high the texts of charts are. Prints a line of JSON for each. With a
// directory, leaves a picture of each page there.
// Usage: node axe.mjs SERVER BOOK PERSON DELETED [SCREENSHOTS]
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const require = createRequire(path.join(process.env.CLIENTS, 'package.json'));
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const [server, book, person, deleted, screenshots] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

const ask = async (page, query, awaited) => {
  await page.fill('#query', query);
  await page.click('button.primary');
  await page.waitForSelector(awaited);
};
const pages = {
  front: ['/'],
  search: ['/search'],
  found: ['/search?q=i'],
  second: ['/search?q=i&page=2'],
  'not-found': ['/search?q=qqqqzzzz'],
  book: [book],
  person: [person],
  deleted: [deleted],
  missing: ['/nothing'],
  harvest: ['/harvest'],
  guide: ['/guide'],
  topic: ['/guide/proof-and-repair'],
  sparql: ['/sparql'],
  line: ['/sparql', (page) => ask(page, 'SELECT ?year (COUNT(*) AS ?n) { ?s kbv:year ?year } GROUP BY ?year ORDER BY ?year', '#chart circle')],
  standing: ['/sparql', (page) => ask(page, 'SELECT (CONCAT("y", ?year) AS ?y) (COUNT(*) AS ?n) { ?s kbv:year ?year } GROUP BY ?year ORDER BY ?year', '#chart rect')],
  lying: ['/sparql', (page) => ask(page, 'SELECT ?kind (COUNT(*) AS ?n) { ?s a ?kind } GROUP BY ?kind ORDER BY DESC(?n) LIMIT 12', '#chart rect')],
  table: ['/sparql', (page) => ask(page, 'SELECT * { ?s ?p ?o } LIMIT 30', '#table tbody tr')],
  graph: ['/sparql', (page) => ask(page, 'CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } LIMIT 3', '#table pre')],
  pages: ['/sparql', (page) => ask(page, 'SELECT * { ?s ?p ?o } LIMIT 120', '#pager:visible')],
  plan: ['/sparql?explain=page&query=SELECT%20%3Fp%20%7B%20%3Fp%20a%20kbv%3APerson%20FILTER%20NOT%20EXISTS%20%7B%20%3Fp%20kbv%3AidentifiedBy%20%3Fi%20%7D%20%7D'],
  completion: ['/sparql', async (page) => {
    await page.fill('#query', 'SELECT * { ?s a ');
    await page.press('#query', 'Control+Space');
    await page.waitForSelector('#completions li:visible');
  }],
  mistake: ['/sparql', (page) => ask(page, 'SELECT * {\n  ?s a kbv:Person .\n  ?s kbv:familyName .\n}', '#problem pre')],
};

// What is folded away is looked at, too.
const look = () => {
  const wide = () => document.documentElement.scrollWidth > window.innerWidth;
  const folded = wide();
  for (const details of document.querySelectorAll('details')) details.open = true;
  const texts = [...document.querySelectorAll('.chart text')].filter((text) => getComputedStyle(text).display !== 'none');
  const boxes = texts.map((text) => text.getBoundingClientRect());
  const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return {
    overflow: folded || wide(),
    texts: texts.length,
    low: texts.filter((_, place) => boxes[place].height < 10).map((text) => text.textContent),
    outside: texts.filter((_, place) => boxes[place].left < 0 || boxes[place].right > window.innerWidth).map((text) => text.textContent),
    overlapping: texts.filter((_, place) => boxes.slice(0, place).some((box) => overlap(box, boxes[place]))).map((text) => text.textContent),
  };
};

// Each language and each width once in light and once in dark.
for (const [locale, width, colorScheme] of [['en-GB', 1200, 'light'], ['sv-SE', 390, 'light'], ['en-GB', 390, 'dark'], ['sv-SE', 1200, 'dark']]) {
  const context = await browser.newContext({ viewport: { width, height: 844 }, locale, colorScheme });
  for (const [name, [address, act]] of Object.entries(pages)) {
    const page = await context.newPage();
    await page.goto(`${server}${address}`);
    if (act) await act(page);
    if (screenshots) await page.screenshot({ path: path.join(screenshots, `${name}-${locale}-${width}-${colorScheme}.png`), fullPage: true });
    const seen = await page.evaluate(look);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    const found = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
    console.log(JSON.stringify({ name, locale, width, colorScheme, violations: found, ...seen }));
    await page.close();
  }
  await context.close();
}
await browser.close();
