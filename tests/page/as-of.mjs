// The chart as of an earlier time, and the way back to live.
import { PHONE, answer, check, drawn, held, report, run, text, until } from './browser.mjs';

// Pixels in the colour of the marks for what was corrected since.
const marks = (page) =>
  page.evaluate(() => {
    const wanted = getComputedStyle(document.querySelector('.sign.since')).backgroundColor.match(/\d+/g).map(Number);
    let found = 0;
    for (const canvas of document.querySelectorAll('#chart canvas')) {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4) {
        if ([0, 1, 2].every((part) => Math.abs(data[at + part] - wanted[part]) < 3) && data[at + 3] > 250) found += 1;
      }
    }
    return found;
  });

const banner = (page) => text(page, 'as-of-text');
const isThen = (page) => until('the banner', async () => / corrected since/.test(await banner(page)));
const isLive = (page) => until('no banner', () => page.locator('#as-of-note').isHidden());

// The input's value as a user types it: UTC, with milliseconds.
const typed = (ms) => new Date(ms).toISOString().slice(0, -1);

const look = async (open) => {
  const { then, corrected, pictures } = JSON.parse(await answer());
  const hash = '#symbol=AAPL&resolution=5s&on=sma_12';
  const page = await open({ hash, colorScheme: 'light' });
  await drawn(page);
  await until('40 candles', async () => (await held(page)).length === 40);
  check((await marks(page)) === 0, 'a mark on the live chart');
  report(await held(page));

  await page.fill('#as-of', typed(then + 345));
  await page.press('#as-of', 'Enter');
  await isThen(page);
  await until('marks in the chart', async () => (await marks(page)) > 10);
  await page.screenshot({ path: pictures[0] });
  await page.focus('#chart');
  const status = await until('the corrected candle', async () => {
    await page.press('#chart', 'ArrowLeft');
    const start = await page.evaluate(() => Number(document.getElementById('legend').dataset.start));
    return start === corrected ? page.textContent('#legend .status') : null;
  });
  const values = () => page.evaluate(async () => (await import('/page.js')).held().filter((row) => row.indicators).length);
  const shown = {
    rows: await held(page),
    banner: await banner(page),
    hash: await page.evaluate(() => location.hash.replace(/as_of=(\d+)345\b/, 'as_of=$1000')),
    status,
    indicators: await values(),
  };
  report(shown);

  await page.press('body', 'x');
  await until('an explanation', async () => / made it/.test(await text(page, 'explain-body')));
  await page.screenshot({ path: pictures[3] });
  report(await text(page, 'explain-body'));
  await page.click('#explain-close');

  check((await answer()) === 'more', 'the test goes on');
  await until('the frontier', async () => (await text(page, 'frontier')) === '22:16:50');
  report(await held(page));

  const link = await page.evaluate(() => location.hash);
  const dark = await open({ hash: link, colorScheme: 'dark' });
  await isThen(dark);
  await dark.screenshot({ path: pictures[1] });
  report(await held(dark));
  const phone = await open({ hash: link, viewport: PHONE });
  await isThen(phone);
  await phone.screenshot({ path: pictures[2] });

  await page.click('#as-of-live');
  await isLive(page);
  await until('the live candles', async () => (await held(page)).length === 42);
  check((await page.inputValue('#as-of')) === '', 'the input is empty');
  report(await held(page));
  await page.goBack();
  await isThen(page);
  report(await held(page));

  await page.fill('#as-of', typed(then + 3_600_000));
  await page.press('#as-of', 'Enter');
  report(await until('the reason', async () => ((await banner(page)).includes('complete up to') ? banner(page) : null)));
};

await run(look, { expected: /willReadFrequently|400 \(Bad Request\)/ });
