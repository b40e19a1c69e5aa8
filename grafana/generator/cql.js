// Queries of Cassandra as the plugin takes them: one SELECT in one line, a text first, then a timestamp, then numbers.
//
// A partition is named by the symbol and by the first day of its bucket: a day, a month or a year. The node itself
// works that day out of the range of time. So it is right whatever the time zone of the browser, and in alerts too.
import { CASSANDRA } from './names.js';

const TO = '(timestamp)$__timeTo';
const DAY = `toDate(${TO})`;
const MONTH = `floor(${DAY}, 1mo)`;
const YEAR = `floor(${DAY}, 1y)`;

/** The last `count` buckets before the end of the range, each `step` long. */
const back = (first, step, count) =>
    Array.from({ length: count }, (_, at) => (at === 0 ? first : `${first} - ${at}${step}`));

export const THIS_YEAR = YEAR;
export const DAYS = back(DAY, 'd', 3);
export const MONTHS = back(MONTH, 'mo', 3);
export const YEARS = back(YEAR, 'y', 2);
/** Good for each table of candles, so that the resolution can be a variable. What a table lacks is soon not found. */
export const ALL_BUCKETS = [...DAYS, ...MONTHS, ...back(YEAR, 'y', 5)];

/** Rows of symbols within the range, newest first in each bucket. `symbols` is `= ...` or `IN ...`. */
export const rowsOf = (columns, table, symbols, buckets) =>
    `SELECT symbol, window_start, ${columns} FROM ${table} WHERE symbol ${symbols}` +
    ` AND bucket IN (${buckets.join(', ')})` +
    ' AND window_start >= $__timeFrom AND window_start <= $__timeTo';

/** The newest daily candle of each symbol, in the year in which the range ends. */
export const newestDay = (columns, symbols) =>
    `SELECT symbol, window_start, ${columns} FROM candles_1d WHERE symbol ${symbols} AND bucket = ${THIS_YEAR}` +
    ' AND window_start <= $__timeTo PER PARTITION LIMIT 1';

export const CHANGE_PERCENT = '(close - open) / open * 100 AS change_percent';

/** How far the frontier is behind the clock of the node. */
const LAG_MS = 'toUnixTimestamp(now()) - toUnixTimestamp(frontier) AS lag_ms';

/** The row that says up to when everything is complete. */
export const frontierRow = (columns = 'rows, epoch') =>
    `SELECT pipeline, frontier, ${LAG_MS}, ${columns} FROM frontier WHERE pipeline = 'tickline'`;

/** One row for each minute in which something changed. */
export const FRONTIER_HISTORY =
    "SELECT pipeline, frontier, rows FROM frontier_history WHERE pipeline = 'tickline'" +
    ` AND bucket IN (${MONTHS.join(', ')}) AND frontier >= $__timeFrom AND frontier <= $__timeTo`;

/** The model of a query: of a panel, or of an alert rule. */
export const model = (refId, target, queryType = 'query', alias = undefined) => ({
    refId,
    datasource: CASSANDRA,
    queryType,
    rawQuery: true,
    target,
    ...(alias === undefined ? {} : { alias }),
});

/** A target of a panel. With an alias, all its columns of numbers are called so: then give it one alone. */
export const cql = (target, alias = undefined, refId = 'A') => ({ build: () => model(refId, target, 'query', alias) });

/** A line where the frontier is. */
export const frontierLine = {
    build: () => ({
        name: 'Frontier',
        datasource: CASSANDRA,
        enable: true,
        hide: false,
        iconColor: 'yellow',
        target: model(
            'Anno',
            "SELECT (text)'complete up to here' AS text, frontier, rows FROM frontier WHERE pipeline = 'tickline'",
        ),
    }),
};
