// Fetches rows that are not in the stream: older ones when scrolling back, newer ones when scrolling forward.
import { LENGTH_MS } from './format.js';

const PAGE_ROWS = 1000;
const SPAN_MAX_MS = 400 * 864e5; // maximum range of one forward request, however sparse the rows are
const ALL_ROWS = 20_000; // the server's own limit

// An answer of the API. Fails with what went wrong and what to do.
export async function get(path, query) {
  const response = await fetch(`/api/${path}?${new URLSearchParams(query)}`);
  const body = await response.json();
  if (!response.ok) throw new Error(`${body.error}. ${body.hint}`);
  return body;
}

export class Loader {
  #busy = new WeakSet(); // rows with a request in flight

  // `show(rows, symbol)` redraws rows if they are still in view.
  constructor(show) {
    this.show = show;
  }

  // The candles and the indicators of a query. Rows as of an earlier time stay so.
  async #fetch(rows, { symbol, resolution, asOfMs }, indicators, query) {
    const asked = { symbol, ...query, ...(asOfMs ? { as_of: asOfMs } : {}) };
    const none = Promise.resolve({ rows: [] });
    const [candles, values] = await Promise.all([
      get('candles', { ...asked, resolution }),
      indicators ? get('indicators', asked) : none,
    ]);
    if (asOfMs) rows.frontierMs = candles.frontier_ms;
    return [candles.rows, values.rows, candles.added ?? 0];
  }

  // The newest rows as of an earlier time. Fails if there are none to be had.
  async then(rows, view, indicators, limit) {
    const [candles, values, added] = await this.#fetch(rows, view, indicators, { limit });
    [rows.then, rows.added] = [true, added];
    rows.oldest = candles.length < limit;
    rows.put(candles, values);
  }

  // Runs one request at a time for these rows. If it fails, the rows shown stay.
  async #once(rows, work) {
    if (this.#busy.has(rows)) return;
    this.#busy.add(rows);
    try {
      await work();
      this.show(rows);
    } catch (error) {
      console.info(`not loaded: ${error.message}`);
    } finally {
      this.#busy.delete(rows);
    }
  }

  older(rows, view, indicators) {
    if (rows.oldest || rows.list.length === 0) return undefined;
    return this.#once(rows, async () => {
      const query = { to: rows.list[0].window_start_ms, limit: PAGE_ROWS };
      const [candles, values, added] = await this.#fetch(rows, view, indicators, query);
      rows.added += added;
      rows.oldest = candles.length < PAGE_ROWS;
      rows.put(candles, values);
      rows.bound('newest');
    });
  }

  // Reads on after the last row until rows are found, or up to the frontier.
  newer(rows, view, indicators) {
    if (rows.live || rows.list.length === 0) return undefined;
    return this.#once(rows, async () => {
      let from = rows.list.at(-1).window_start_ms + 1;
      for (let span = PAGE_ROWS * LENGTH_MS[view.resolution]; !rows.live; span = Math.min(span * 4, SPAN_MAX_MS)) {
        const to = from + span;
        const [candles, values, added] = await this.#fetch(rows, view, indicators, { from, to, limit: ALL_ROWS });
        rows.added += added;
        rows.put(candles, values);
        rows.live = to > rows.frontierMs;
        if (candles.length > 0) break;
        from = to;
      }
      rows.bound('oldest');
    });
  }

  // Replaces the rows held with rows around a time.
  around(rows, view, indicators, ms) {
    return this.#once(rows, async () => {
      const half = (PAGE_ROWS / 2) * LENGTH_MS[view.resolution];
      const [candles, values, added] = await this.#fetch(rows, view, indicators, { to: ms + half, limit: PAGE_ROWS });
      rows.clear();
      rows.added = added;
      rows.put(candles, values);
      rows.live = ms + half > rows.frontierMs;
      rows.oldest = candles.length < PAGE_ROWS;
    });
  }

  // Fetches indicators for rows that were fetched without them.
  indicators(rows, view) {
    const missing = rows.withoutIndicators();
    if (!missing) return undefined;
    return this.#once(rows, async () => {
      const query = { symbol: view.symbol, from: missing[0], to: missing[1] + 1, limit: ALL_ROWS };
      if (view.asOfMs) query.as_of = view.asOfMs;
      rows.put([], (await get('indicators', query)).rows);
    });
  }
}
