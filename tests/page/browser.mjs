// Shared by the page's scripts: the browser, pages that record errors, and communication with the Rust test that started
// the script. Each line of JSON on standard output is a report to the test; each line on standard input is its answer.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.env.TICKLINE_PAGE_TOOLS}/`);
const { chromium } = require('playwright-core');
export const AXE = require.resolve('axe-core/axe.min.js');

export const base = process.env.TICKLINE_PAGE;
const DEADLINE_MS = 60_000;
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
export const report = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
export const answer = async () => (await lines.next()).value;

// Waits until `ask` returns a truthy value.
export async function until(what, ask) {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Fails when a condition does not hold.
export function check(holds, what) {
  if (!holds) throw new Error(what);
}

// Runs `work(open)`; `open(options)` returns a page. Any console error other than `expected` is a failure.
export async function run(work, { expected = /^$/ } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.TICKLINE_CHROMIUM,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--js-flags=--expose-gc'],
  });
  const errors = [];
  const open = async ({ hash = '', ...options } = {}) => {
    const context = await browser.newContext({ viewport: DESKTOP, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    page.on('pageerror', (error) => errors.push(error.stack));
    page.on('console', (message) => {
      const text = `${message.text()} ${message.location().url}`;
      if (['error', 'warning'].includes(message.type()) && !expected.test(text)) errors.push(text);
    });
    if (options.before) await page.addInitScript(options.before);
    await page.goto(`${base}/${hash}`);
    return page;
  };
  try {
    await work(open);
    check(errors.length === 0, `the console has errors:\n${errors.join('\n')}`);
  } finally {
    await browser.close();
  }
  process.exit(0);
}

// The chart's rows: [start, open, high, low, close, volume, trades].
export const held = (page) =>
  page.evaluate(async () => {
    const { held: rows } = await import('/page.js');
    return rows().map((r) => [r.window_start_ms, r.open, r.high, r.low, r.close, r.volume, r.trades]);
  });

export const text = (page, id) => page.evaluate((name) => document.getElementById(name).textContent, id);

// Waits until the chart has rows, and the frontier is shown.
export async function drawn(page) {
  await until('rows in the chart', async () => (await held(page)).length > 0);
  await until('the frontier', async () => /\d\d:\d\d:\d\d/.test(await text(page, 'frontier')));
}

// The legend's content: { start, values: { name: [as shown, to the last digit] } }.
export const legend = (page) =>
  page.evaluate(() => {
    const values = [...document.querySelectorAll('#legend .value')].map((value) => {
      const data = value.querySelector('data');
      return [value.dataset.name, [data.textContent, data.value]];
    });
    const { start } = document.getElementById('legend').dataset;
    return { start: Number(start), values: Object.fromEntries(values) };
  });
