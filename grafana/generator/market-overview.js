// Market overview: newest price of each symbol, largest moves, most traded symbols.
import { CHANGE_PERCENT, DAYS, cql, frontierRow, newestDay, rowsOf } from './cql.js';
import { dashboard } from './dashboard.js';
import { MARKET, TO_SYMBOL } from './names.js';
import {
    bars, count, lines, named, numbers, OF_A_DAY, price, PRICE_DECIMALS, ranking, row, rows, steps,
} from './panels.js';
import { CHOSEN, symbols } from './variables.js';

const CHANGE = steps('red', [0, 'green']);
const CHANGE_CELL = {
    'custom.cellOptions': { type: 'color-text' },
    thresholds: { mode: 'absolute', steps: [{ value: null, color: 'red' }, { value: 0, color: 'green' }] },
    decimals: 2,
};

const complete = numbers({
    title: 'Complete up to',
    text: 'All rows are complete up to this time (exclusive); only a late trade can still change them. The lag is '
        + 'behind the clock of the store.',
    size: [24, 4],
    targets: [cql(frontierRow())],
    fields: '/^(Frontier|Behind the clock|Rows stored)$/',
    columns: {
        frontier: named('Frontier', undefined, 'dateTimeAsIso'),
        lag_ms: named('Behind the clock', undefined, 'ms', { decimals: 1 }),
        rows: count('Rows stored'),
    },
});

const latest = rows({
    title: 'Today',
    text: 'The newest day (UTC) of each symbol: last price, change since the first trade after midnight, and '
        + 'volume. A symbol appears with its first trade of the year. Click a symbol for its details.',
    size: [15, 19],
    targets: [cql(newestDay(`close, ${CHANGE_PERCENT}, high, low, vwap, volume, notional, trades`, CHOSEN))],
    sorted: 'notional',
    link: TO_SYMBOL,
    columns: {
        window_start: named('Day', undefined, 'time:YYYY-MM-DD', { 'custom.width': 100 }),
        close: price('Last'),
        change_percent: named('Change', undefined, 'percent', CHANGE_CELL),
        ...OF_A_DAY,
    },
});

const mostTraded = ranking({
    title: 'Most traded today',
    text: 'Price times volume since midnight (UTC), in the currency of each symbol: not comparable across currencies.',
    size: [9, 9],
    targets: [cql(newestDay('notional', CHOSEN))],
    by: 'notional',
    unit: 'short',
    decimals: 1,
    columns: { notional: named('Notional', 'blue') },
});

const moved = (title, least, [width, height]) =>
    ranking({
        title,
        text: 'Change of the last price since the first trade after midnight (UTC), in percent.',
        size: [width, height],
        targets: [cql(newestDay(CHANGE_PERCENT, CHOSEN))],
        by: 'change_percent',
        least,
        unit: 'percent',
        decimals: 2,
        thresholds: CHANGE,
        columns: { change_percent: named('Change') },
    });

const every5m = (title, column, unit, text) =>
    bars({
        title,
        text: `${text} Per five minutes and symbol, in the selected time range; at most its last seven days.`,
        size: [12, 9],
        targets: [cql(rowsOf(column, 'candles_5m', CHOSEN, DAYS), '{{symbol}}')],
        unit,
    });

const prices = row('Price of each symbol').collapsed(true).withPanel(
    lines({
        title: '$symbol',
        text: 'Last price of every five minutes; at most the last seven days of the range.',
        size: [6, 6],
        targets: [cql(rowsOf('close', 'candles_5m', CHOSEN, DAYS), '{{symbol}}')],
        unit: 'locale',
        decimals: PRICE_DECIMALS,
    }).repeat('symbol').repeatDirection('h').maxPerRow(4),
);

export const marketOverview = () =>
    dashboard(MARKET, {
        text: 'Last prices, largest moves, most traded symbols, and the time up to which they are complete.',
        from: 'now-6h',
        refresh: '30s',
        variables: [symbols()],
        parts: [
            complete,
            latest,
            mostTraded,
            moved('Rose most', false, [9, 5]),
            moved('Fell most', true, [9, 5]),
            every5m('Notional', 'notional', 'short', 'Price times volume, in the currency of each symbol.'),
            every5m('Trades', 'trades', 'short', 'Number of trades.'),
            prices,
        ],
    });
