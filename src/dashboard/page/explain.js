// Why a candle is what it is: the server reads the log, and this shows its answer in a dialog.
import { $, make } from './dom.js';
import { exact, grouped, iso, stamp } from './format.js';
import { get } from './loader.js';
import { shown } from './names.js';

const LISTED_MAX = 100; // of trades, of those left out, and of versions

const VERDICTS = {
  equal: 'The stored row is what the log leads to, bit by bit.',
  differs: 'The stored row is not what the log leads to.',
  missing: 'The log leads to this row, and the store does not have it.',
  unexpected: 'The store has this row, and the log does not lead to it.',
  expired: 'The store may have removed the row after its time to live.',
  changed_since: 'The row has changed while the log was read: open this again.',
  no_row: 'Neither the log nor the store has a row.',
};
const WRONG = ['differs', 'missing', 'unexpected'];

const time = (ms) => iso(ms).slice(11, 23);
const place = (trade) => `${trade.partition}:${trade.offset}${trade.index ? `:${trade.index}` : ''}`;
const value = (number) => (number === null ? '–' : exact(number));
const count = (number, what) => `${grouped.format(number)} ${what}${number === 1 ? '' : 's'}`;

const TRADE = ['partition:offset', 'time', 'price', 'volume', 'conditions'];
const tradeCells = (trade) => [place(trade), time(trade.event_ms), value(trade.price), value(trade.volume), trade.conditions.join(' ')];

function table(title, header, rows, total) {
  const row = (cells, tag) => make('tr', {}, ...cells.map((textContent) => make(tag, { textContent })));
  const more = total > rows.length ? [make('p', { className: 'muted', textContent: `${count(total - rows.length, 'more')} not listed.` })] : [];
  const body = make('tbody', {}, ...rows.map((cells) => row(cells, 'td')));
  return [
    make('h3', { textContent: title }),
    make('div', { className: 'rows', tabIndex: 0 }, make('table', {}, make('thead', {}, row(header, 'th')), body)),
    ...more,
  ];
}

function accepted({ total, late, listed }) {
  const title = `${count(total, 'trade')} made it, ${grouped.format(late)} of them late`;
  const cells = (trade) => [...tradeCells(trade), `${time(trade.counted_at_ms)}${trade.late ? ', late' : ''}`];
  return total > 0 ? table(title, [...TRADE, 'counted at'], listed.map(cells), total) : [];
}

function leftOut({ total, listed }) {
  const cells = (trade) => [...tradeCells(trade), trade.reason.replaceAll('_', ' ')];
  return total > 0 ? table(`${count(total, 'trade')} left out`, [...TRADE, 'because'], listed.map(cells), total) : [];
}

function versions({ total, listed }) {
  const cells = (row) => [
    time(row.as_of),
    ...[row.open, row.high, row.low, row.close, row.volume].map(value),
    grouped.format(row.trades),
    row.first_trade === row.last_trade ? String(row.first_trade) : `${row.first_trade} – ${row.last_trade}`,
  ];
  const header = ['as of', 'open', 'high', 'low', 'close', 'volume', 'trades', 'made by trade'];
  return total > 0 ? table(count(total, 'version'), header, listed.map(cells), total) : [];
}

function searched(found) {
  const from = found.scan.from_ms === null ? 'from its beginning' : `from the checkpoint of ${iso(found.scan.from_ms)}`;
  const may = found.is_final ? '' : ` Until the frontier is at ${iso(found.final_from_ms)}, a late trade may change it.`;
  const unreadable = found.scan.unreadable + found.scan.undecided;
  const rest = unreadable > 0 ? ` ${count(unreadable, 'part')} of records could not be read or are not decided yet.` : '';
  return `The log was read ${from} up to ${iso(found.scan.to_ms)}.${rest}${may}`;
}

function parts(found) {
  const differing = found.differences.length > 0 ? ` Different: ${found.differences.join(', ')}.` : '';
  return [
    make('p', { className: `verdict ${WRONG.includes(found.verdict) ? 'wrong' : ''}`, textContent: VERDICTS[found.verdict] + differing }),
    ...versions(found.versions),
    ...accepted(found.accepted),
    ...leftOut(found.left_out),
    make('p', { className: 'muted', textContent: searched(found) }),
  ];
}

export class Explain {
  #asked = 0;

  constructor() {
    const dialog = $('explain');
    $('explain-close').addEventListener('click', () => dialog.close());
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  }

  // Explains the candle that starts then.
  async open(symbol, resolution, startMs) {
    this.#asked += 1;
    const asked = this.#asked;
    const show = (...children) => asked === this.#asked && $('explain-body').replaceChildren(...children);
    $('explain-title').textContent = `${shown(symbol)} ${resolution}, ${stamp(startMs, resolution)} UTC`;
    show(make('p', { className: 'muted', textContent: 'Reading the log …' }));
    if (!$('explain').open) $('explain').showModal();
    try {
      show(...parts(await get('explain', { symbol, resolution, window: startMs, limit: LISTED_MAX })));
    } catch (error) {
      show(make('p', { className: 'verdict wrong', textContent: error.message }));
    }
  }
}
