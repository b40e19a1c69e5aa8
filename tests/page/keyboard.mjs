// Every action by keyboard alone; then links and the back button.
import { answer, check, drawn, held, legend, run, report, text, until } from './browser.mjs';

const hash = async (page) => new URLSearchParams((await page.evaluate(() => location.hash)).slice(1));
const watched = (page) =>
  page.evaluate(() => [...document.querySelectorAll('#list tr')].map((line) => line.dataset.symbol));
const shows = (page, symbol) => until(symbol, async () => (await text(page, 'symbol')) === symbol);

async function byKeys(page) {
  await page.keyboard.press('/');
  await page.keyboard.type('msf');
  await until('an answer', () => page.evaluate(() => document.getElementById('found').dataset.query === 'msf'));
  const box = page.locator('#search');
  check((await box.getAttribute('aria-expanded')) === 'true', 'the list is open');
  const active = await box.getAttribute('aria-activedescendant');
  check((await page.textContent(`#${active} b`)) === 'MSFT', 'the first answer is the active one');
  check(/found/.test(await text(page, 'said')), 'the count is announced');
  await page.keyboard.press('Enter');
  await shows(page, 'MSFT');
  check((await box.getAttribute('aria-expanded')) === 'false', 'the list is closed');
  await drawn(page);

  const all = await watched(page);
  check(all.includes('MSFT') && all.length === 6, `the busiest symbols are watched: ${all}`);
  await page.keyboard.press('w');
  await until('one is taken off', async () => (await watched(page)).length === 5);
  check(!(await watched(page)).includes('MSFT'), 'the symbol shown is taken off');
  await page.keyboard.press('w');
  await until('it is added', async () => (await watched(page)).at(-1) === 'MSFT');
  check((await hash(page)).getAll('watch').at(-1) === 'MSFT', 'the link holds the watch list');

  await page.keyboard.press('2');
  await until('one minute', async () => (await hash(page)).get('resolution') === '1m');
  await drawn(page);
  check(await page.isDisabled('#indicators [name=rsi]'), 'no RSI for minutes');
  check(await page.isEnabled('#indicators [name=vwap]'), 'each candle has a VWAP');
  await page.keyboard.press('k');
  await shows(page, (await watched(page)).at(-2));
  await page.keyboard.press('?');
  await page.locator('#help').waitFor({ state: 'visible' });
  await page.keyboard.press('Escape');
  await page.locator('#help').waitFor({ state: 'hidden' });

  await page.goBack();
  await shows(page, 'MSFT');
  await page.goBack();
  await until('five seconds', () => page.isChecked('#resolutions [value="5s"]'));
  await page.goForward();
  await until('one minute', () => page.isChecked('#resolutions [value="1m"]'));
}

// Every control can be reached by the tab key.
async function byTab(page) {
  await page.evaluate(() => document.activeElement.blur());
  const seen = new Set();
  for (let press = 0; press < 40; press += 1) {
    await page.keyboard.press('Tab');
    seen.add(
      await page.evaluate(
        () => document.activeElement.id || document.activeElement.name || document.activeElement.className,
      ),
    );
  }
  for (const name of ['search', 'theme', 'help-open', 'watch', 'resolution', 'vwap', 'chart', 'tab-watch', 'show']) {
    check(seen.has(name), `${name} is not reached: ${[...seen]}`);
  }
}

// The link's time is before the first candles loaded; scrolling forward leads to the newest again.
async function byLink(open, starts) {
  const atMs = starts[20];
  const link = `#symbol=AAPL&resolution=5s&on=rsi+ema_12&at=${atMs}&watch=MSFT&watch=AAPL`;
  const page = await open({ hash: link });
  await drawn(page);
  check((await text(page, 'symbol')) === 'AAPL', 'the symbol');
  check((await watched(page)).join() === 'MSFT,AAPL', 'the watch list');
  const on = () =>
    page.evaluate(() => [...document.querySelectorAll('#indicators :checked')].map((box) => box.name).join());
  check((await on()) === 'ema_12,rsi', 'the indicators');
  await until('rows around the time', async () => (await held(page))[0][0] <= atMs);
  check((await held(page)).length < starts.length, 'the newest are not loaded yet');
  // The first step of the keyboard's cursor enters from the right edge.
  await until('the cursor near the time', async () => {
    await page.focus('#chart');
    await page.keyboard.press('ArrowLeft');
    const { start } = await legend(page);
    return Math.abs(start - atMs) < 100 * 5000;
  });
  check(Math.abs(Number((await hash(page)).get('at')) - atMs) <= 2 * 5000, 'the link still names the time');
  await until('the newest candle', async () => {
    await page.keyboard.press('PageDown');
    return (await held(page)).at(-1)[0] === starts.at(-1);
  });
  const rows = await held(page);
  check(rows.map(([start]) => start).join() === starts.slice(-rows.length).join(), 'no candle is missing');
  await page.keyboard.press('End');
  await until('no time in the link', async () => !(await hash(page)).has('at'));
}

await run(async (open) => {
  const page = await open();
  await drawn(page);
  await byKeys(page);
  await byTab(page);
  await page.goto(page.url().replace(/#.*/, '#symbol=AAPL&resolution=5s'));
  await until('five seconds', async () => (await text(page, 'symbol')) === 'AAPL' && (await held(page)).length > 0);
  // Scrolls back until all stored candles are loaded.
  await page.focus('#chart');
  const wanted = Number(await answer());
  await until(`${wanted} candles`, async () => {
    await page.keyboard.press('Home');
    return (await held(page)).length >= wanted;
  });
  const rows = await held(page);
  const starts = rows.map(([start]) => start);
  report(starts);
  await byLink(open, starts);
});
