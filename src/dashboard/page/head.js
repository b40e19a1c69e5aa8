// The head: the time up to which everything is complete, its lag, and the health of the feed.
import { $, make, say, setText } from './dom.js';
import { clock, compact, grouped, iso, span } from './format.js';

const LIVE_LAG_MS = 15_000; // maximum lag of a live frontier
const STALLED_MS = 10_000; // time without an advance after which the frontier is stalled
const RECORDED_LAG_MS = 600_000; // lag from which a stalled frontier means recorded data
const PACE_MS = 10_000; // interval over which the pace is measured

export class Head {
  #event = null;
  #clockMs = 0; // the server's clock minus ours
  #advances = []; // [our time, frontier] of the last seconds, for the pace
  #connected = false;
  #gaps = null; // gap records when the page was opened

  constructor() {
    $('counters').parentElement.addEventListener('toggle', () => this.#counters());
    setInterval(() => this.tick(), 1000);
  }

  connected(is) {
    this.#connected = is;
    this.tick();
  }

  // Discards the pace measured before a pause.
  pause() {
    this.#advances.splice(0, this.#advances.length - 1);
  }

  take(event) {
    this.#connected = true;
    if (!event.frontier_ms) return this.tick();
    const now = Date.now();
    this.#clockMs = event.now_ms - now;
    if (this.#event?.frontier_ms !== event.frontier_ms) this.#advances.push([now, event.frontier_ms]);
    while (this.#advances.length > 2 && now - this.#advances[0][0] > PACE_MS) this.#advances.shift();
    this.#event = event;
    setText($('frontier'), clock(event.frontier_ms));
    $('frontier').dateTime = event.frontier;
    setText($('frontier-date'), `${iso(event.frontier_ms).slice(0, 10)} UTC`);
    this.#counts(event);
    this.tick();
    return undefined;
  }

  #counts({ counters, rejected, rows, digest }) {
    const counts = { trades: counters.trades, rows, late: counters.late, gaps: counters.gaps, rejected };
    for (const [name, count] of Object.entries(counts)) setText($(name), grouped.format(count));
    for (const name of ['late', 'gaps', 'rejected']) $(name).parentElement.classList.toggle('some', counts[name] > 0);
    setText($('digest'), `${digest.slice(0, 8)}…`);
    $('digest').title = digest;
    this.#gaps ??= counters.gaps;
    if (counters.gaps > this.#gaps) say('A source has missed trades: there is a gap in the feed.');
    $('gap-note').hidden = counters.gaps === this.#gaps;
    if ($('counters').parentElement.open) this.#counters();
  }

  #counters() {
    const pairs = Object.entries(this.#event?.counters ?? {}).flatMap(([name, count]) => [
      make('dt', { textContent: name.replaceAll('_', ' ') }),
      make('dd', { textContent: grouped.format(count) }),
    ]);
    $('counters').replaceChildren(...pairs);
  }

  #pace() {
    const [first, last] = [this.#advances[0], this.#advances.at(-1)];
    return first === last ? 0 : (last[1] - first[1]) / (last[0] - first[0]);
  }

  // [mood, status, explanation]
  #health(lagMs, stalledMs) {
    if (!this.#connected) return ['lost', 'Connection lost', 'reconnecting; the data shown may be old'];
    if (!this.#event) return ['waiting', 'Waiting', 'nothing complete yet'];
    if (stalledMs > STALLED_MS && lagMs > RECORDED_LAG_MS) return ['rest', 'At rest', 'recorded data, no new trades'];
    if (stalledMs > STALLED_MS) {
      return [
        'still',
        'Stalled',
        `for ${Math.floor(stalledMs / 1000)} s: a source is silent, or the workers have stopped`,
      ];
    }
    if (Math.abs(lagMs) < LIVE_LAG_MS) return ['live', 'Live', ''];
    const pace = this.#pace();
    if (pace > 1.5) return ['behind', 'Behind', `catching up at ${compact.format(Math.round(pace))} times real time`];
    return ['behind', 'Behind', ''];
  }

  tick() {
    const now = Date.now();
    const frontierMs = this.#event?.frontier_ms;
    const lagMs = now + this.#clockMs - frontierMs;
    const [mood, word, why] = this.#health(lagMs, now - (this.#advances.at(-1)?.[0] ?? now));
    $('health').parentElement.dataset.mood = mood;
    setText($('health'), word);
    setText($('lag'), frontierMs ? `${span(lagMs)} ${lagMs < 0 ? 'ahead of' : 'behind'} now` : '');
    setText($('why'), why);
    $('why').title = mood === 'still' ? `${why}. \`tickline source list\` says which.` : why;
  }
}
