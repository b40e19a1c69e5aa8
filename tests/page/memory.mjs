// An hour of 5-second candles for 50 symbols, as fast as the page processes them. The events are generated here in the
// server's format. Memory is compared after a quarter of the hour and at its end.
import { check, held, run, report, until } from './browser.mjs';

const EVENTS = 720;
const GROWTH_MAX = 1.2;

function fakeStream() {
  const START = 1_700_000_000_000;
  const LENGTH = 5000;
  const names = Array.from({ length: 50 }, (_, at) => `SYM${at}`);
  const wave = (at, n) => Math.round((100 + n + 5 * Math.sin((at + n * 7) / 9)) * 100) / 100;
  const candle = (at, asOf) => {
    const close = wave(at, 0);
    const open = wave(at - 1, 0);
    const [high, low] = [Math.max(open, close) + 0.5, Math.min(open, close) - 0.5];
    const row = { window_start_ms: START + at * LENGTH, open, high, low, close, volume: 10 + (at % 7) };
    return { ...row, notional: close * 10, vwap: close, trades: 3, as_of: asOf, complete: false };
  };
  const columns =
    'sma_12 sma_60 sma_240 ema_12 ema_26 macd macd_signal macd_histogram vwap_60 volume_60 rsi_14 ' +
    'bollinger_middle bollinger_upper bollinger_lower volatility_60 cumulative_volume cumulative_notional';
  const indicator = (at) => ({
    window_start_ms: START + at * LENGTH,
    ...Object.fromEntries(columns.split(' ').map((name, n) => [name, wave(at, n)])),
    candles: 1000 + at,
    cumulative_trades: at,
    as_of: START + at * LENGTH,
    complete: false,
  });
  const day = (symbol, n, at) => ({
    symbol,
    name: `Name ${n}`,
    day_start_ms: Math.floor(START / 864e5) * 864e5,
    open: 100,
    high: 120,
    low: 90,
    last: wave(at, n),
    volume: 5,
    trades: at,
    as_of: START + at * LENGTH,
  });
  const counters = { trades: 0, late: 0, price_updates: 0, gaps: 0, rejected_bad_json: 0 };
  const spark = Array.from({ length: 60 }, (_, at) => [START + (at - 60) * 60_000, wave(at, 1)]);
  window.fake = { at: 0, source: null };
  window.EventSource = class extends EventTarget {
    static CLOSED = 2;
    constructor() {
      super();
      window.fake.source = this;
      setTimeout(() => this.send(true));
    }
    close() {}
    // One advance: a new candle, all days, and now and then a late trade.
    send(whole) {
      const at = window.fake.at;
      const frontier = START + (at + 1) * LENGTH;
      const places = whole ? Array.from({ length: 500 }, (_, n) => at - 499 + n) : [at];
      const candles = places.map((place) => candle(place, START + place * LENGTH));
      if (!whole && at % 20 === 0) candles.unshift({ ...candle(at - 30, frontier), volume: at });
      const watch = names.map((symbol, n) => ({ ...day(symbol, n, at), ...(whole ? { spark } : {}) }));
      const chart = { symbol: 'SYM0', resolution: '5s', candles, indicators: places.map(indicator) };
      const event = {
        frontier_ms: frontier,
        frontier: new Date(frontier).toISOString(),
        lag_ms: 0,
        now_ms: Date.now(),
        epoch: 1,
        digest: '0'.repeat(32),
        rows: at,
        rejected: 0,
        counters,
        state: { state: 'live', mood: 'good', label: 'Live', text: '', since_ms: null, source: null, partitions: [] },
        whole,
        watch,
        chart,
      };
      this.dispatchEvent(new MessageEvent('frontier', { data: JSON.stringify(event) }));
    }
  };
  // Sends a number of events, each in its own task.
  window.fake.play = async (count) => {
    for (let n = 0; n < count; n += 1) {
      window.fake.at += 1;
      window.fake.source.send(false);
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
}

await run(async (open) => {
  const page = await open({
    before: fakeStream,
    hash: '#on=sma_12+sma_60+bollinger+rsi+macd&symbol=SYM0&resolution=5s',
  });
  await until('the first event', async () => (await held(page)).length === 500);
  const cdp = await page.context().newCDPSession(page);
  const heap = async () => {
    await cdp.send('HeapProfiler.enable');
    await cdp.send('HeapProfiler.collectGarbage');
    await cdp.send('HeapProfiler.collectGarbage');
    const { usedSize } = await cdp.send('Runtime.getHeapUsage');
    const { nodes } = await cdp.send('Memory.getDOMCounters');
    return { usedSize, nodes };
  };
  // In twelve parts, each reported, so that a slow machine does not look like a hanging page.
  const play = async (parts) => {
    for (let part = 0; part < parts; part += 1) {
      await page.evaluate((n) => window.fake.play(n), EVENTS / 12);
      report('played');
    }
  };
  await play(3);
  const quarter = await heap();
  await play(9);
  const end = await heap();
  report({ quarter, end, rows: (await held(page)).length });
  const starts = (await held(page)).map(([start]) => start);
  check(starts.length >= 500 && starts.length <= 620, `${starts.length} candles are held`);
  check(starts.at(-1) === starts[0] + (starts.length - 1) * 5000, 'none is missing');
  check(end.usedSize < quarter.usedSize * GROWTH_MAX, `the heap grew from ${quarter.usedSize} to ${end.usedSize}`);
  check(end.nodes < quarter.nodes * 2, `the nodes grew from ${quarter.nodes} to ${end.nodes}`);
  check((await page.textContent('#corrections-count')) === String(EVENTS / 20), 'each late trade is listed');
});
