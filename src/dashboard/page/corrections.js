// The list of corrections: changes by late trades to candles that were shown as complete.
import { $, make, say, setText } from './dom.js';
import { shown } from './names.js';
import { clock, exact, digitsOf, price, stamp } from './format.js';

const KEPT_MAX = 200;
const NAMES = ['open', 'high', 'low', 'close', 'volume', 'trades'];

// The differences between two versions of a candle, as text.
export function differences(old, row) {
  if (!old) return `new candle, close ${exact(row.close, digitsOf(row))}`;
  const digits = Math.max(digitsOf(old), digitsOf(row));
  const text = (name, value) => (NAMES.indexOf(name) < 4 ? price(value, digits) : exact(value));
  const differing = NAMES.filter((name) => old[name] !== row[name]);
  return differing.map((name) => `${name} ${text(name, old[name])} → ${text(name, row[name])}`).join(', ');
}

export class Corrections {
  #count = 0;

  // `onShow` receives the symbol, resolution and start of the candle to go to.
  constructor(onShow) {
    this.onShow = onShow;
  }

  add(symbol, resolution, old, row) {
    const what = differences(old, row);
    if (!what) return;
    const when = stamp(row.window_start_ms, resolution);
    const button = make(
      'button',
      { type: 'button', title: `Corrected at ${clock(row.as_of)} UTC. Click to show the candle.` },
      make('span', { className: 'what' }, make('b', { textContent: shown(symbol) }), ` ${resolution}, ${when}`),
      make('span', { className: 'change', textContent: what }),
    );
    button.addEventListener('click', () => this.onShow(symbol, resolution, row.window_start_ms));
    $('corrections').prepend(make('li', {}, button));
    while ($('corrections').children.length > KEPT_MAX) $('corrections').lastElementChild.remove();
    this.#count += 1;
    setText($('corrections-count'), String(this.#count));
    $('corrections-count').hidden = false;
    $('corrections-note').hidden = true;
    say(`Corrected: ${shown(symbol)} ${when}, ${what}`);
  }
}
