// The chart's rows: one contiguous, bounded run of candles, each with its indicators.
import { LENGTH_MS } from './format.js';

const ROWS_MAX = 10_000; // maximum number of rows held
const KEPT = 500; // minimum number of rows kept by a trim
const KEPT_BEFORE = 300; // rows kept to the left of the visible range
const SLACK = 100; // excess rows before a trim, which redraws everything

export class Rows {
  list = []; // ascending
  live = true; // includes the newest window; false once the newest rows were dropped for older ones
  oldest = false; // no rows exist before the first
  frontierMs = 0;
  then = false; // as of an earlier time, which is the frontier; nothing of it changes
  added = 0; // windows that had no candle then, and have one now
  lengthMs; // of a window
  #by = new Map(); // rows by start

  constructor(resolution) {
    this.lengthMs = LENGTH_MS[resolution];
  }

  get = (startMs) => this.#by.get(startMs);
  endOf = (row) => row.window_start_ms + this.lengthMs;
  isComplete = (row) => this.endOf(row) <= this.frontierMs;
  isCorrected = (row) => this.isComplete(row) && row.as_of >= this.endOf(row);

  // The index of the first row that starts at this time or later.
  place(ms) {
    let [low, high] = [0, this.list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].window_start_ms < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Merges candles and indicators, ascending. Returns the previous form of each changed row (undefined for a new one),
  // and whether rows were inserted anywhere but at the end.
  put(candles, indicators) {
    const olds = new Map();
    let inserted = false;
    for (const candle of candles) {
      const old = this.#by.get(candle.window_start_ms);
      const last = this.list.at(-1);
      candle.indicators = old?.indicators ?? null;
      if (!olds.has(candle.window_start_ms)) olds.set(candle.window_start_ms, old);
      this.#by.set(candle.window_start_ms, candle);
      if (old) this.list[this.place(candle.window_start_ms)] = candle;
      else {
        inserted ||= last !== undefined && last.window_start_ms > candle.window_start_ms;
        this.list.push(candle);
      }
    }
    if (inserted) this.list.sort((a, b) => a.window_start_ms - b.window_start_ms);
    for (const row of indicators) {
      const candle = this.#by.get(row.window_start_ms);
      if (!candle) continue;
      candle.indicators = row;
      if (!olds.has(row.window_start_ms)) olds.set(row.window_start_ms, candle);
    }
    return { olds, inserted };
  }

  // The candles within the run held, if that does not include the newest.
  within(rows) {
    if (this.live) return rows;
    const [first, last] = [this.list[0]?.window_start_ms ?? 0, this.list.at(-1)?.window_start_ms ?? -1];
    return rows.filter((row) => row.window_start_ms >= first && row.window_start_ms <= last);
  }

  clear() {
    this.list = [];
    this.#by.clear();
  }

  // Enforces the bound after rows were fetched, dropping rows at `end`.
  bound(end) {
    const over = this.list.length - ROWS_MAX;
    if (over > 0) this.#drop(end, over);
  }

  // Drops old rows far to the left of the visible range; returns whether it did.
  trim(firstSeen) {
    const old = Math.min(this.list.length - KEPT, firstSeen - KEPT_BEFORE);
    if (old > SLACK) this.#drop('oldest', old);
    else if (this.list.length > ROWS_MAX) this.#drop('newest', SLACK);
    else return false;
    return true;
  }

  #drop(end, count) {
    const dropped = end === 'oldest' ? this.list.splice(0, count) : this.list.splice(-count);
    for (const row of dropped) this.#by.delete(row.window_start_ms);
    if (end === 'oldest') this.oldest = false;
    else this.live = false;
  }

  // The rows that become complete with an advance of the frontier.
  completedBy(beforeMs, nowMs) {
    const from = this.place(beforeMs - this.lengthMs + 1);
    return this.list.slice(from, this.place(nowMs - this.lengthMs + 1));
  }

  // The first and the last row whose indicators are missing.
  withoutIndicators() {
    const first = this.list.find((row) => !row.indicators);
    return first ? [first.window_start_ms, this.list.findLast((row) => !row.indicators).window_start_ms] : null;
  }
}
