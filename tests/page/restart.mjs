// Watches the demo while its process is killed and restarted.
import { drawn, held, legend, run, report, answer, check, text, until } from './browser.mjs';

const newest = async (page) => (await held(page)).at(-1)[0];

await run(
  async (open) => {
    const page = await open({ hash: '#symbol=BINANCE:BTCUSDT&resolution=5s&on=sma_12' });
    await drawn(page);
    await until('the page is live', async () => (await text(page, 'health')) === 'Live');
    report('live');
    check((await answer()) === 'killed', 'the test goes on');
    await until('the loss is shown', async () => (await text(page, 'health')) === 'Connection lost');
    const before = await newest(page);
    report('lost');
    check((await answer()) === 'started', 'the test goes on');
    await until('new candles', async () => (await newest(page)) > before + 10_000);
    await until('the page is live again', async () => (await text(page, 'health')) === 'Live');
    const starts = (await held(page)).map(([start]) => start);
    check(
      starts.every((start, at) => at === 0 || start > starts[at - 1]),
      `not ascending: ${starts}`,
    );
    await page.focus('#chart');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    do report({ symbol: 'BINANCE:BTCUSDT', resolution: '5s', starts, ...(await legend(page)) });
    while ((await answer()) === 'again');
  },
  { expected: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/ },
);
