// The head: the time up to which everything is complete, its lag, and the state of the pipeline, as the server judges it.
// What the page judges itself is only whether the server's events arrive.
import { $, make, say, setText } from './dom.js';
import { shown } from './names.js';
import { clock, compact, grouped, iso, span } from './format.js';

const PACE_MS = 10_000; // interval over which the pace is measured
const SHOWS_LAG = ['live', 'catching_up', 'behind', 'ahead'];

export class Head {
  #event = null; // the last one with a frontier
  #state = null; // the server's judgement
  #clockMs = 0; // the server's clock minus ours
  #receivedMs = Date.now(); // our time of the last event of any kind
  #advances = []; // [our time, frontier] of the last seconds, for the pace
  #connected = null; // null before the first event
  #gaps = null; // gap records when the page was opened
  #said = null;

  constructor() {
    $('counters').parentElement.addEventListener('toggle', () => this.#counters());
    setInterval(() => this.tick(), 1000);
  }

  // A connection that opens says nothing yet: the first event does.
  connected(is) {
    if (!is) this.#connected = false;
    this.tick();
  }

  // Discards the pace measured before a pause.
  pause() {
    this.#advances.splice(0, this.#advances.length - 1);
  }

  // A heartbeat of the server, or the part of an event that is one.
  beat({ now_ms: nowMs, state }) {
    [this.#connected, this.#receivedMs] = [true, Date.now()];
    if (nowMs) this.#clockMs = nowMs - Date.now();
    if (state) this.#state = state;
    this.tick();
  }

  take(event) {
    if (event.frontier_ms) {
      const now = Date.now();
      if (this.#event?.frontier_ms !== event.frontier_ms) this.#advances.push([now, event.frontier_ms]);
      while (this.#advances.length > 2 && now - this.#advances[0][0] > PACE_MS) this.#advances.shift();
      this.#event = event;
      setText($('frontier'), clock(event.frontier_ms));
      $('frontier').dateTime = event.frontier;
      setText($('frontier-date'), `${iso(event.frontier_ms).slice(0, 10)} UTC`);
      this.#counts(event);
    }
    this.beat(event);
  }

  #counts({ counters, rejected, rows, digest }) {
    const counts = { trades: counters.trades, rows, late: counters.late, rejected };
    for (const [name, count] of Object.entries(counts)) setText($(name), grouped.format(count));
    for (const name of ['late', 'rejected']) $(name).parentElement.classList.toggle('some', counts[name] > 0);
    setText($('digest'), `${digest.slice(0, 8)}…`);
    $('digest').title = digest;
    this.#gaps ??= counters.gaps;
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

  // [mood, label, explanation]
  #health(nowMs) {
    if (this.#connected === null) return ['calm', 'Connecting', ''];
    if (!this.#connected) {
      const since = `since ${clock(this.#receivedMs)} UTC (${span(Date.now() - this.#receivedMs)} ago)`;
      return ['lost', 'Connection lost', `no word from the server ${since}; reconnecting, the data shown may be old`];
    }
    if (!this.#state) return ['calm', 'Waiting', ''];
    const { mood, label, text, since_ms: sinceMs, state } = this.#state;
    const parts = [shown(text)];
    if (sinceMs) parts.push(`since ${clock(sinceMs)} UTC (${span(nowMs - sinceMs)} ago)`);
    const pace = this.#pace();
    if (['catching_up', 'behind'].includes(state) && pace > 1.5) {
      parts.push(`at ${compact.format(Math.round(pace))} times real time`);
    }
    return [mood, label, parts.filter(Boolean).join(', ')];
  }

  tick() {
    const nowMs = Date.now() + this.#clockMs;
    const frontierMs = this.#event?.frontier_ms;
    const lagMs = nowMs - frontierMs;
    const [mood, label, why] = this.#health(nowMs);
    $('health').parentElement.dataset.mood = mood;
    $('health').parentElement.dataset.state = mood === 'lost' ? 'lost' : (this.#state?.state ?? '');
    setText($('health'), label);
    const shown = frontierMs && this.#connected && SHOWS_LAG.includes(this.#state?.state);
    setText($('lag'), shown ? `${span(lagMs)} ${lagMs < 0 ? 'ahead of' : 'behind'} now` : '');
    setText($('why'), why);
    $('why').title = why;
    if (label !== this.#said && ['bad', 'lost'].includes(mood)) say(`${label}: ${why}`);
    this.#said = label;
  }
}
