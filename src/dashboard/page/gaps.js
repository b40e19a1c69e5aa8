// The gaps in the feed: a list, and what the chart draws as bands. Fetched at first, and whenever their count changes.
import { $, make, say, setText } from './dom.js';
import { clock, grouped, iso, span } from './format.js';
import { shown } from './names.js';

const LIMIT = 500;
const AGAIN_MS = 3000; // pause before a failed request is repeated

// A time of a record, which may be anything.
const isTime = (ms) => Math.abs(ms) < 8.64e15;
const when = (ms) => (isTime(ms) ? `${iso(ms).slice(0, 10)} ${clock(ms)}` : String(ms));

// The span as text; the day of the end only if it is another.
export function spanOf({ from_ms: from, to_ms: to }) {
  const [start, end] = [when(from), when(to)];
  const short = start.slice(0, 10) === end.slice(0, 10) ? end.slice(11) : end;
  return `${start} – ${short} (${span(to - from)})`;
}

export class Gaps {
  list = []; // ascending by start
  #count = null; // gap records as of the last request
  #epoch = null;
  #again = 0;

  // `handlers` has onGaps(list) and onShow(ms).
  constructor(handlers) {
    this.handlers = handlers;
  }

  // The gap that a span of time touches, if any; the shortest of them.
  at(fromMs, toMs) {
    const touches = ({ from_ms: from, to_ms: to }) => from < toMs && to >= fromMs;
    return this.list.filter(touches).sort((a, b) => a.to_ms - a.from_ms - (b.to_ms - b.from_ms))[0] ?? null;
  }

  take({ counters, epoch }) {
    if (!counters || (counters.gaps === this.#count && epoch === this.#epoch)) return;
    [this.#count, this.#epoch] = [counters.gaps, epoch];
    if (counters.gaps === 0) this.#show({ total: 0, gaps: [] });
    else this.#fetch();
  }

  async #fetch() {
    clearTimeout(this.#again);
    const count = this.#count;
    try {
      const response = await fetch(`/api/gaps?limit=${LIMIT}`);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const found = await response.json();
      if (count === this.#count) this.#show(found);
    } catch (error) {
      console.info(`gaps not loaded: ${error.message}`);
      this.#again = setTimeout(() => this.#fetch(), AGAIN_MS);
    }
  }

  #show({ total, gaps }) {
    const known = this.list.length > 0 || this.#shown;
    const added = gaps.length - this.list.length;
    this.list = gaps;
    this.#shown = true;
    setText($('gaps'), grouped.format(total));
    $('gaps').parentElement.classList.toggle('some', total > 0);
    $('gaps-list').replaceChildren(...gaps.map((gap) => this.#line(gap)).reverse());
    setText($('gaps-count'), String(total));
    $('gaps-count').hidden = total === 0;
    setText($('gaps-note'), total === 0 ? 'No gaps: no source has reported missing trades.' : '');
    if (total > gaps.length) setText($('gaps-note'), `The newest ${gaps.length} of ${total}; \`tickline gaps\` lists all.`);
    if (known && added > 0) say(`A gap in the feed: ${shown(gaps.at(-1).cause)}, ${spanOf(gaps.at(-1))}`);
    this.handlers.onGaps(gaps);
  }

  #shown = false;

  #line(gap) {
    const [first, ...others] = gap.partitions;
    const partitions = others.length === 0 ? `partition ${first}` : `${others.length + 1} partitions`;
    const button = make(
      'button',
      { type: 'button', title: 'Click to show this time in the chart.' },
      make('span', { className: 'what', textContent: spanOf(gap) }),
      make('span', { className: 'change', textContent: shown(gap.cause) || 'no cause given' }),
      make('span', { className: 'what' }, make('b', { textContent: shown(gap.source) }), ` · ${partitions}`),
    );
    button.addEventListener('click', () => isTime(gap.from_ms) && this.handlers.onShow(gap.from_ms));
    return make('li', {}, button);
  }
}
