// The values of the candle under the cursor, or of the newest one.
import { $, make, say } from './dom.js';
import { amount, clock, exact, grouped, price, stamp } from './format.js';
import { shown, valueOf } from './indicators.js';

function statusOf(rows, row) {
  if (!rows.isComplete(row)) return 'in progress';
  if (row.corrected) return 'complete, corrected since';
  return rows.isCorrected(row) ? `complete, corrected at ${clock(row.as_of)}` : 'complete';
}

// A value as text, with all its digits in the tooltip and for machines.
function part(name, value, text, colour) {
  const data = make('data', { value: String(value), textContent: text, title: value === '' ? '' : exact(value) });
  const label = make('span', { className: 'name', textContent: name });
  if (colour) label.style.color = `var(--${colour})`;
  const span = make('span', { className: 'value' }, label, ' ', data, ' ');
  span.dataset.name = name;
  return span;
}

// The candle's own VWAP is in the first line already.
function indicatorParts(row, on, resolution, digits) {
  const known = shown(on, resolution).filter((indicator) => !indicator.own);
  return known.flatMap(({ id, lines }) =>
    lines.map((line) => {
      const name = id === 'bollinger' ? `BB ${line.label.toLowerCase()}` : line.label;
      const value = valueOf(line, row);
      if (value !== undefined) return part(name, value, price(value, digits), line.colour);
      const text = row.indicators ? `warming up, ${row.indicators.candles} of ${line.warm}` : '–';
      return part(name, '', text, line.colour);
    }),
  );
}

// Shows a row; `aloud` also announces it to screen readers.
export function showLegend(rows, row, { on, resolution }, digits, aloud, note) {
  if (!row) {
    $('legend').replaceChildren();
    delete $('legend').dataset.start;
    return;
  }
  const status = statusOf(rows, row);
  const when = stamp(row.window_start_ms, resolution);
  const first = make(
    'p',
    {},
    make('b', { textContent: when }),
    ' ',
    make('span', { className: `status ${status.split(/[ ,]/).join('-')}`, textContent: status }),
    ' ',
    part('O', row.open, exact(row.open, digits)),
    part('H', row.high, exact(row.high, digits)),
    part('L', row.low, exact(row.low, digits)),
    part('C', row.close, exact(row.close, digits)),
  );
  const second = make(
    'p',
    {},
    part('Vol', row.volume, exact(row.volume)),
    part('Trades', row.trades, grouped.format(row.trades)),
    part('VWAP', row.vwap, price(row.vwap, digits + 2)),
    part('Notional', row.notional, amount(row.notional)),
    ...indicatorParts(row, on, resolution, digits + 2),
  );
  if (note) first.append(make('span', { className: 'gap', textContent: note, title: note }));
  $('legend').replaceChildren(first, second);
  $('legend').dataset.start = row.window_start_ms;
  const said = [row.open, row.high, row.low, row.close].map((value) => price(value, digits));
  if (aloud) say(`${when}, ${status}: open ${said[0]}, high ${said[1]}, low ${said[2]}, close ${said[3]}${note ? `; ${note}` : ''}`);
}
