// Steps through the candles by keyboard and reports the legend of each.
import { drawn, legend, run, report } from './browser.mjs';

const ON = 'sma_12 sma_60 sma_240 ema_12 ema_26 bollinger vwap rsi macd';
const LOOKS = [
  ['BINANCE:BTCUSDT', '5s', 3],
  ['AAPL', '5s', 3],
  ['AAPL', '1m', 3],
  ['BINANCE:BTCUSDT', '1d', 1],
];

await run(async (open) => {
  for (const [symbol, resolution, count] of LOOKS) {
    const page = await open({ hash: `#${new URLSearchParams({ symbol, resolution, on: ON })}` });
    await drawn(page);
    await page.focus('#chart');
    for (let at = 0; at < count; at += 1) {
      await page.keyboard.press('ArrowLeft');
      report({ symbol, resolution, ...(await legend(page)) });
    }
    await page.context().close();
  }
  report('all');
});
