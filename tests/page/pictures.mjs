// Takes the screenshots of the README. The argument is the output folder.
import { statSync } from 'node:fs';
import { check, drawn, held, run, text, until } from './browser.mjs';

const BYTES_MAX = 300_000;
const SECONDS = 20; // live candles in each picture
const SYMBOL = 'symbol=BINANCE:BTCUSDT&resolution=5s';
const PICTURES = [
  ['page-dark', 'dark', { width: 1440, height: 900 }, 1, `#${SYMBOL}&on=sma_12+sma_60+bollinger+rsi+macd`],
  ['page-light', 'light', { width: 1440, height: 900 }, 1, '#symbol=NVDA&resolution=5s&on=ema_12+sma_60+vwap+macd'],
  ['phone', 'dark', { width: 390, height: 844 }, 2, `#${SYMBOL}&on=sma_12+sma_60`],
];

await run(async (open) => {
  const pages = [];
  for (const [name, colorScheme, viewport, deviceScaleFactor, hash] of PICTURES) {
    const page = await open({ colorScheme, viewport, deviceScaleFactor, hash });
    await drawn(page);
    pages.push([name, page, (await held(page)).at(-1)[0]]);
  }
  for (const [name, page, start] of pages) {
    await until('the page is live', async () => (await text(page, 'health')) === 'Live');
    await until('live candles', async () => (await held(page)).at(-1)[0] > start + SECONDS * 1000);
    const path = `${process.argv[2]}/${name}.png`;
    await page.screenshot({ path });
    check(statSync(path).size < BYTES_MAX, `${path} is larger than ${BYTES_MAX} bytes`);
    process.stdout.write(`${path}: ${statSync(path).size} bytes\n`);
  }
});
