// The places of the time axis: the windows with candles, and those without, so that hours without trades show as such.
//
// A pause between two candles has a place for each window, up to PAUSE_MAX of them; a longer one has that many, evenly
// spaced in time. If there are many pauses, they share WHITESPACE_MAX places. The pause between the newest candle and
// the frontier has at most TRAIL_MAX places, so that the candle stays in view.
const PAUSE_MAX = 120;
const WHITESPACE_MAX = 20_000;
const TRAIL_MAX = 24;

// The starts between two windows, at most `most` of them.
function between(fromMs, toMs, lengthMs, most) {
  const missing = Math.round((toMs - fromMs) / lengthMs) - 1;
  const count = Math.min(missing, most);
  const at = (place) => fromMs + lengthMs * Math.round(((missing + 1) * place) / (count + 1));
  return Array.from({ length: Math.max(0, count) }, (_, place) => at(place + 1));
}

export class Timeline {
  points = []; // starts of all places in milliseconds, ascending
  #lengthMs = 0;
  #stepMs = 0; // distance of the places after the newest candle
  #lastMs = 0; // the newest candle
  trail = 0; // places after it

  // Lays out these starts, and the time from the last of them to the frontier.
  lay(starts, lengthMs, untilMs) {
    this.#lengthMs = lengthMs;
    const pauses = starts.filter((ms, at) => at > 0 && ms - starts[at - 1] > lengthMs).length;
    const most = Math.min(PAUSE_MAX, Math.max(2, Math.floor(WHITESPACE_MAX / Math.max(1, pauses))));
    this.points = [];
    for (const [at, ms] of starts.entries()) {
      if (at > 0) this.points.push(...between(starts[at - 1], ms, lengthMs, most));
      this.points.push(ms);
    }
    if (starts.length === 0) return;
    [this.#lastMs, this.trail, this.#stepMs] = [starts.at(-1), 0, lengthMs];
    while ((untilMs - this.#lastMs) / this.#stepMs > TRAIL_MAX) this.#stepMs *= 2;
    this.extend(untilMs);
  }

  // Appends the complete windows up to the frontier that have no candle. Returns them; null if there are more than the
  // trail may have: then everything is to be laid out again.
  extend(untilMs) {
    const added = [];
    const next = () => (this.trail > 0 ? this.points.at(-1) : this.#lastMs) + this.#stepMs;
    while (this.points.length > 0 && next() + this.#lengthMs <= untilMs) {
      if (this.trail >= TRAIL_MAX) return null;
      added.push(next());
      this.points.push(next());
      this.trail += 1;
    }
    return added;
  }

  // Appends a candle. Returns the places before it; null if it is not at the end, or the time before it is to be laid
  // out again.
  append(ms) {
    const last = this.points.at(-1);
    if (last === undefined || ms < last || this.#stepMs > this.#lengthMs) return null;
    const added = ms === last ? [] : between(last, ms, this.#lengthMs, PAUSE_MAX);
    if (ms !== last) this.points.push(...added, ms);
    [this.#lastMs, this.trail] = [ms, 0];
    return added;
  }

  // The first place at or after a time.
  place(ms) {
    let [low, high] = [0, this.points.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.points[middle] < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // A time as a place with its fraction: the left edge of a window's place is its start.
  exactPlace(ms) {
    const { points } = this;
    if (points.length === 0) return null;
    const at = Math.max(0, this.place(ms + 1) - 1);
    const endMs = points[at + 1] ?? points[at] + this.#lengthMs;
    return at + (ms - points[at]) / (endMs - points[at]);
  }
}
