// Cassandra queries in the form the plugin requires: one SELECT on one line, a text, then a timestamp, then numbers.
//
// A partition key is the symbol and the first day of the bucket: a day or a year, of gaps and frontiers a month. The
// node computes that day from the time range, so it is right for any time zone of the browser, and in alerts.
import { CASSANDRA } from './names.js';

const TO = '(timestamp)$__timeTo';
const DAY = `toDate(${TO})`;
const MONTH = `floor(${DAY}, 1mo)`;
const YEAR = `floor(${DAY}, 1y)`;

/** The last `count` buckets before the end of the range, each `step` long. */
const back = (first, step, count) =>
    Array.from({ length: count }, (_, at) => (at === 0 ? first : `${first} - ${at}${step}`));

export const THIS_YEAR = YEAR;
export const DAYS = back(DAY, 'd', 7);
export const MONTHS = back(MONTH, 'mo', 3);
/** Valid for every candle table, so that the resolution can be a variable. Looking up a missing bucket is cheap. */
export const ALL_BUCKETS = [...DAYS, ...back(YEAR, 'y', 5)];

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

/** Lag of the frontier behind the clock of the node. */
const LAG_MS = 'toUnixTimestamp(now()) - toUnixTimestamp(frontier) AS lag_ms';

/** The frontier row. */
export const frontierRow = (columns = 'rows, epoch') =>
    `SELECT pipeline, frontier, ${LAG_MS}, ${columns} FROM frontier WHERE pipeline = 'tickline'`;

/** One row for each minute in which something changed. */
export const FRONTIER_HISTORY =
    "SELECT pipeline, frontier, rows FROM frontier_history WHERE pipeline = 'tickline'" +
    ` AND bucket IN (${MONTHS.join(', ')}) AND frontier >= $__timeFrom AND frontier <= $__timeTo`;

// Every partition of the log reports a gap. One row for each start: `tickline gaps` lists all.
const gapsOf = (columns) =>
    `SELECT ${columns}, count(log_offset) AS reports FROM gaps WHERE bucket IN (${MONTHS.join(', ')})` +
    ' AND gap_start >= $__timeFrom AND gap_start <= $__timeTo GROUP BY bucket, gap_start';

/** Gaps in the feed that begin within the range, in the last three months of it. */
export const GAPS = gapsOf('source, gap_start, toUnixTimestamp(gap_end) AS gap_end, cause');

/** The model of a query: of a panel, or of an alert rule. */
export const model = (refId, target, queryType = 'query', alias = undefined) => ({
    refId,
    datasource: CASSANDRA,
    queryType,
    rawQuery: true,
    target,
    ...(alias === undefined ? {} : { alias }),
});

/** A target of a panel. An alias renames all its number columns, so use it with one column only. */
export const cql = (target, alias = undefined, refId = 'A') => ({ build: () => model(refId, target, 'query', alias) });

/** An annotation line at the frontier. */
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

/** An annotation line at the start of each gap in the feed. */
export const gapLines = {
    build: () => ({
        name: 'Gaps',
        datasource: CASSANDRA,
        enable: true,
        hide: false,
        iconColor: 'purple',
        target: model('Anno', gapsOf('cause, gap_start')),
    }),
};
