// Symbol search as you type: a combobox with a list box, as WAI-ARIA describes them.
import { $, make, say } from './dom.js';
import { digitsOf, grouped, priceInBrief } from './format.js';
import { shown } from './names.js';

const SHOWN = 30; // maximum number of results

export class Search {
  #asked = 0; // number of the newest request; older responses are dropped
  #abort = null;
  #found = [];
  #at = -1;

  // `handlers` has onChoose(symbol, alsoWatch).
  constructor(handlers) {
    this.handlers = handlers;
    this.input = $('search');
    this.list = $('found');
    this.input.addEventListener('input', () => this.#ask());
    this.input.addEventListener('focus', () => this.#ask());
    this.input.addEventListener('blur', () => this.#close());
    this.input.addEventListener('keydown', (event) => this.#key(event));
    // A click on a result must not take the focus first: that would close the list.
    this.list.addEventListener('mousedown', (event) => event.preventDefault());
    this.list.addEventListener('click', (event) => {
      const option = event.target.closest('[role=option]');
      if (option) this.#choose(Number(option.dataset.at), event.shiftKey);
    });
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  async #ask() {
    const asked = (this.#asked += 1);
    const query = this.input.value.trim();
    this.#abort?.abort();
    this.#abort = new AbortController();
    try {
      const search = new URLSearchParams({ query, limit: SHOWN });
      const response = await fetch(`/api/symbols?${search}`, { signal: this.#abort.signal });
      const answer = await response.json();
      if (asked !== this.#asked) return;
      if (response.ok) this.#show(query, answer);
      else this.#note(shown(`${answer.error}. ${answer.hint}`));
    } catch (error) {
      if (asked === this.#asked && error.name !== 'AbortError') this.#note('No response from the server.');
    }
  }

  #show(query, { symbols, total }) {
    if (document.activeElement !== this.input) return;
    this.#found = symbols;
    this.list.replaceChildren(...symbols.map((row, at) => this.#option(row, at)));
    this.list.dataset.query = query;
    const more = total > symbols.length ? `, the first ${symbols.length} shown` : '';
    const count = total === 1 ? '1 symbol' : `${grouped.format(total)} symbols`;
    this.#note(
      total === 0 ? `No symbol matches “${shown(query)}”.` : `${count}${more} · Enter: show, Shift+Enter: also watch`,
    );
    say(total === 0 ? 'No symbol found' : `${count} found`);
    this.#mark(query && symbols.length > 0 ? 0 : -1);
  }

  #option(row, at) {
    const place = [row.exchange, row.currency, row.status === 'listed' ? '' : row.status].filter(Boolean).join(' · ');
    const last = row.day ? priceInBrief(row.day.last, digitsOf(row.day)) : '';
    const option = make(
      'li',
      { id: `found-${at}` },
      make('b', { textContent: shown(row.symbol) }),
      make('span', { className: 'name', textContent: shown(row.name) }),
      make('span', { className: 'muted', textContent: shown(place) }),
      make('span', { className: 'last', textContent: last }),
    );
    option.setAttribute('role', 'option');
    option.setAttribute('aria-selected', 'false');
    option.dataset.at = at;
    return option;
  }

  #note(text) {
    $('found-note').textContent = text;
    $('found-box').hidden = false;
    this.input.setAttribute('aria-expanded', 'true');
  }

  #mark(at) {
    this.list.children[this.#at]?.setAttribute('aria-selected', 'false');
    this.#at = at;
    const option = this.list.children[at];
    option?.setAttribute('aria-selected', 'true');
    option?.scrollIntoView({ block: 'nearest' });
    if (option) this.input.setAttribute('aria-activedescendant', option.id);
    else this.input.removeAttribute('aria-activedescendant');
  }

  #close() {
    this.#asked += 1;
    this.#found = [];
    this.#mark(-1);
    this.list.replaceChildren();
    $('found-box').hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
  }

  #choose(at, watch) {
    const row = this.#found[at];
    if (!row) return;
    this.input.value = '';
    this.input.blur();
    this.handlers.onChoose(row.symbol, watch);
  }

  #key(event) {
    const count = this.#found.length;
    const steps = new Map([
      ['ArrowDown', (this.#at + 1) % count],
      ['ArrowUp', (Math.max(this.#at, 0) - 1 + count) % count],
    ]);
    if (steps.has(event.key) && count > 0) this.#mark(steps.get(event.key));
    else if (event.key === 'Enter') this.#choose(Math.max(this.#at, 0), event.shiftKey);
    else if (event.key === 'Escape') {
      if (this.input.value === '') this.input.blur();
      this.input.value = '';
      this.#close();
    } else return;
    event.preventDefault();
  }
}
