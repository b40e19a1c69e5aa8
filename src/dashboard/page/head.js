// The head: up to when everything is complete, how far behind that is, and how the feed is doing.
import { $, make, say, setText } from './dom.js';
import { clock, compact, grouped, iso, span } from './format.js';

const LIVE_MS = 15_000; // behind now by less: live
const STILL_MS = 10_000; // no advance for so long: standing still
const REST_MS = 600_000; // so far behind without an advance: recorded data, and nobody is at work
const PACE_MS = 10_000; // the pace is measured over so much time

export class Head {
  #event = null;
  #clockMs = 0; // the server's clock less ours
  #advances = []; // [our time, frontier] of the last seconds, for the pace
  #connected = false;
  #gaps = null; // gap records when the page came

  constructor() {
    $('counters').parentElement.addEventListener('toggle', () => this.#counters());
    setInterval(() => this.tick(), 1000);
  }

  connected(is) {
    this.#connected = is;
    this.tick();
  }

  // What was measured before a pause says nothing about now.
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
    if (counters.gaps > this.#gaps) say('A source says that it has missed trades: there is a hole in the feed.');
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

  // [mood, one word, why]
  #health(lagMs, stillMs) {
    if (!this.#connected) return ['lost', 'Connection lost', 'trying again; what is shown may be old'];
    if (!this.#event) return ['waiting', 'Waiting', 'no frontier yet'];
    if (stillMs > STILL_MS && lagMs > REST_MS) return ['rest', 'At rest', 'nothing new comes in: recorded data'];
    if (stillMs > STILL_MS) {
      return [
        'still',
        'Standing still',
        `for ${Math.floor(stillMs / 1000)} s: a source is silent, or the work has ended`,
      ];
    }
    if (Math.abs(lagMs) < LIVE_MS) return ['live', 'Live', ''];
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
