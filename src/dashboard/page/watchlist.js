// The watch list: last price, change since midnight and a sparkline of the last hour for each symbol.
import { $, make, setText } from './dom.js';
import { changeOf, digitsOf, priceInBrief } from './format.js';
import { parts, shown } from './names.js';
import { Sparkline } from './sparkline.js';

export class WatchList {
  #lines = new Map(); // symbol -> { tr, cells..., row }
  #chosen = null;
  #frontierMs = 0;

  // `handlers` has onChoose(symbol) and onRemove(symbol).
  constructor(handlers) {
    this.handlers = handlers;
    $('list').addEventListener('keydown', (event) => this.#key(event));
  }

  get symbols() {
    return [...this.#lines.keys()];
  }

  row = (symbol) => this.#lines.get(symbol)?.row ?? null;
  has = (symbol) => this.#lines.has(symbol);

  // `ordered`: the symbols come in the user's order. Otherwise symbols keep their positions, so that the list does not
  // change during use when other symbols become busier.
  take(event, ordered) {
    this.#frontierMs = event.frontier_ms ?? 0;
    const symbols = event.watch.map((row) => row.symbol);
    const known = ordered ? [] : this.symbols.filter((symbol) => symbols.includes(symbol));
    if (event.whole) this.#lay([...new Set([...known, ...symbols])]);
    for (const row of event.watch) this.#fill(row);
    setText($('list-note'), this.#lines.size === 0 ? 'No symbol has traded yet.' : '');
  }

  #lay(symbols) {
    const focused = document.activeElement?.closest?.('#list tr')?.dataset.symbol;
    this.#lines = new Map(symbols.map((symbol) => [symbol, this.#lines.get(symbol) ?? this.#line(symbol)]));
    const next = [...this.#lines.values()].map((line) => line.tr);
    const current = [...$('list').children];
    if (next.length !== current.length || next.some((tr, at) => tr !== current[at])) {
      $('list').replaceChildren(...next);
      if (focused) this.#lines.get(focused)?.button.focus();
    }
    this.choose(this.#chosen);
  }

  #line(symbol) {
    // The exchange before a colon is shown below, so that a long symbol is not cut off.
    const { exchange, own } = parts(symbol);
    const name = make('small');
    const button = make('button', { type: 'button', className: 'show' }, make('b', { textContent: shown(own) }), name);
    const spark = new Sparkline();
    const [last, change] = [make('td', { className: 'last' }), make('td', { className: 'change' })];
    const remove = make('button', { type: 'button', className: 'remove', textContent: '×', tabIndex: -1 });
    remove.setAttribute('aria-label', `Remove ${shown(symbol)}`);
    remove.title = `Remove ${shown(symbol)} (Delete)`;
    const tr = make(
      'tr',
      {},
      make('td', {}, button),
      make('td', {}, spark.element),
      last,
      change,
      make('td', {}, remove),
    );
    tr.dataset.symbol = symbol;
    tr.addEventListener('click', () => this.handlers.onChoose(symbol));
    remove.addEventListener('click', (event) => {
      event.stopPropagation();
      this.handlers.onRemove(symbol);
    });
    return { tr, button, name, exchange, spark, last, change, row: { symbol } };
  }

  #fill(row) {
    const line = this.#lines.get(row.symbol);
    if (!line) return;
    line.row = row;
    const isInName = line.exchange && row.name?.toUpperCase().startsWith(line.exchange);
    setText(line.name, [isInName ? '' : line.exchange, row.name].filter(Boolean).map(shown).join(' · '));
    line.button.title = [row.symbol, row.name].filter(Boolean).map(shown).join(' · ');
    line.spark.take(row);
    if (row.last === undefined) {
      setText(line.last, '–');
      setText(line.change, 'no trade');
      line.change.className = 'change muted';
      return;
    }
    const change = changeOf(row, this.#frontierMs);
    setText(line.last, priceInBrief(row.last, digitsOf(row)));
    setText(line.change, change.text);
    line.change.className = `change ${change.mood}`;
  }

  // Marks the symbol of the chart. Only its line is a tab stop; arrow keys reach the others.
  choose(symbol) {
    this.#chosen = symbol;
    const stop = this.#lines.has(symbol) ? symbol : this.symbols[0];
    for (const [name, { tr, button }] of this.#lines) {
      tr.classList.toggle('chosen', name === symbol);
      if (name === symbol) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
      button.tabIndex = name === stop ? 0 : -1;
    }
  }

  // The symbol `by` lines further down.
  neighbour(by) {
    const symbols = this.symbols;
    const at = symbols.indexOf(this.#chosen);
    return symbols[at < 0 ? 0 : Math.min(symbols.length - 1, Math.max(0, at + by))];
  }

  #key(event) {
    const tr = event.target.closest('tr');
    if (!tr) return;
    const next =
      (event.key === 'ArrowDown' && tr.nextElementSibling) || (event.key === 'ArrowUp' && tr.previousElementSibling);
    if (event.key === 'Delete') {
      (tr.nextElementSibling ?? tr.previousElementSibling)?.querySelector('.show').focus();
      this.handlers.onRemove(tr.dataset.symbol);
    } else if (next) next.querySelector('.show').focus();
    else return;
    event.preventDefault();
  }
}
