// How the pipeline is: how far the frontier is, what goes through, what was refused or lost, and what is slow.
import { FRONTIER_HISTORY, cql, frontierRow } from './cql.js';
import { dashboard } from './dashboard.js';
import { PIPELINE } from './names.js';
import { bars, count, lines, named, numbers, promql, promqlNow, row, rows, steps } from './panels.js';

const FRONTIER = 'max(tickline_durable_frontier_timestamp_seconds)';
// It is 0 before the first one.
const CHECKPOINT = 'max(tickline_checkpoint_commit_timestamp_seconds > 0)';
const RECORDS = 'sum(rate(tickline_records_read_total[$__rate_interval]))';

const tile = (title, text, expr, unit, more = {}) =>
    numbers({ title, text, size: [3, 4], targets: [promqlNow(expr, title)], unit, ...more });

const tiles = [
    tile('Frontier', 'Everything before it is complete and in the store.', `${FRONTIER} * 1000`, 'dateTimeAsIso', {
        size: [6, 4],
    }),
    tile('Lag', 'How far the frontier is behind the clock.', `time() - ${FRONTIER}`, 's', {
        decimals: 1,
        thresholds: steps('green', [10, 'orange'], [60, 'red']),
    }),
    tile('Records', 'Read from the log, each second.', RECORDS, 'cps'),
    tile('Refused', 'All trades that could not be taken, as of the frontier.',
        'sum(max by (reason) (tickline_rejected_total))', 'short', {
            thresholds: steps('green', [1, 'orange']),
        }),
    tile('Gaps', 'Holes in the feed that an ingest has owned up to, as of the frontier.', 'max(tickline_gaps_total)',
        'short', { thresholds: steps('green', [1, 'orange']) }),
    tile('Checkpoint', 'Age of the newest one: a restart begins there.',
        `time() - ${CHECKPOINT}`, 's', {
            decimals: 0,
            thresholds: steps('green', [300, 'orange'], [900, 'red']),
        }),
    tile('Viewers', 'Pages that are open now.', 'sum(tickline_dashboard_viewers)', 'short'),
];

const stored = rows({
    title: 'The frontier row',
    text: 'What the store itself says: up to when all is complete, how many rows that is, who wrote it, and the digest '
        + 'that a replay must come to.',
    size: [24, 4],
    targets: [cql(frontierRow('rows, epoch, revision, digest'))],
    columns: {
        pipeline: named('Pipeline'),
        frontier: named('Frontier', undefined, 'dateTimeAsIso'),
        lag_ms: named('Behind the clock', undefined, 'ms', { decimals: 1 }),
        rows: count('Rows'),
        epoch: named('Epoch', undefined, 'none'),
        revision: named('Revision', undefined, 'none'),
        digest: named('Digest', undefined, undefined, { 'custom.width': 300 }),
    },
});

const lag = lines({
    title: 'Lag',
    text: 'How far the durable frontier, and the frontier of what has been read, are behind the clock. When only the '
        + 'durable one is late the store is slow; when both are, a source is silent or the reading is behind.',
    size: [12, 8],
    targets: [
        promql(`time() - ${FRONTIER}`, 'durable', 'A'),
        promql('time() - min(tickline_read_frontier_timestamp_seconds)', 'read', 'B'),
    ],
    unit: 's',
    min: 0,
});

const partitions = lines({
    title: 'Lag of each partition',
    text: 'How far the promises in each partition are behind the clock: the greatest one holds the frontier.',
    size: [12, 8],
    fill: 0,
    targets: [promql('time() - min by (partition) (tickline_partition_frontier_timestamp_seconds)', '{{partition}}')],
    unit: 's',
    min: 0,
});

const unread = lines({
    title: 'Unread records',
    text: 'What the log holds and no worker has read yet, where the log knows its end.',
    size: [12, 8],
    targets: [promql('max by (partition) (tickline_partition_unread_records)', '{{partition}}')],
    unit: 'short',
    min: 0,
});

const history = lines({
    title: 'Rows stored',
    text: 'Rows as of each minute of event time, out of the store. A minute in which nothing changed has no point.',
    size: [12, 8],
    targets: [cql(FRONTIER_HISTORY)],
    unit: 'short',
    columns: { rows: named('Rows', 'blue') },
});

const flow = lines({
    title: 'Records and trades',
    text: 'Records read from the log, and trades taken as of the frontier, each second.',
    size: [8, 8],
    targets: [
        promql(RECORDS, 'records', 'A'),
        promql('max(rate(tickline_trades_total[$__rate_interval]))', 'trades', 'B'),
    ],
    unit: 'cps',
    min: 0,
});

const bytes = lines({
    title: 'Bytes read',
    text: 'Bytes of records read from the log each second.',
    size: [8, 8],
    targets: [promql('sum(rate(tickline_record_bytes_read_total[$__rate_interval]))', 'bytes')],
    unit: 'Bps',
    min: 0,
});

const written = bars({
    title: 'Rows written',
    text: 'Rows written to the store each second, by table.',
    size: [8, 8],
    targets: [promql('sum by (table) (rate(tickline_rows_written_total[$__rate_interval]))', '{{table}}')],
    unit: 'cps',
    min: 0,
});

const refused = bars({
    title: 'Refused trades',
    text: 'What could not be taken, by reason, counted as of the frontier. `tickline rejected list` shows each.',
    size: [12, 8],
    targets: [promql('max by (reason) (increase(tickline_rejected_total[$__rate_interval]))', '{{reason}}')],
    unit: 'short',
    min: 0,
});

const late = bars({
    title: 'Late trades and gaps',
    text: 'Trades that came behind the frontier and corrected a candle, and holes in the feed.',
    size: [12, 8],
    targets: [
        promql('max(increase(tickline_late_trades_total[$__rate_interval]))', 'late', 'A'),
        promql('max(increase(tickline_gaps_total[$__rate_interval]))', 'gaps', 'B'),
    ],
    unit: 'short',
    min: 0,
});

const WRITE = 'sum by (le, kind) (rate(tickline_store_write_duration_seconds_bucket[$__rate_interval]))';

const store = lines({
    title: 'Store: time of a write',
    text: 'Half of the writes, and 99 in 100, took no longer; by kind.',
    size: [12, 8],
    fill: 0,
    targets: [
        promql(`histogram_quantile(0.5, ${WRITE})`, '{{kind}} p50', 'A'),
        promql(`histogram_quantile(0.99, ${WRITE})`, '{{kind}} p99', 'B'),
    ],
    unit: 's',
    min: 0,
});

const waiting = lines({
    title: 'Store: in flight and repeated',
    text: 'Writes without an answer yet, and how many requests were repeated each second: many mean a slow or missing '
        + 'node.',
    size: [12, 8],
    targets: [
        promql('sum(tickline_store_writes_in_flight)', 'in flight', 'A'),
        promql('sum(rate(tickline_store_retries_total[$__rate_interval]))', 'repeated each second', 'B'),
    ],
    unit: 'short',
    min: 0,
});

const checkpointAge = lines({
    title: 'Checkpoint: age and duration',
    text: 'Time since the last one was committed, and how long it took.',
    size: [12, 8],
    targets: [
        promql(`time() - ${CHECKPOINT}`, 'age', 'A'),
        promql('max(tickline_checkpoint_duration_seconds)', 'duration', 'B'),
    ],
    unit: 's',
    min: 0,
});

const checkpointSize = lines({
    title: 'Checkpoint: size',
    text: 'Bytes of the newest checkpoint.',
    size: [12, 8],
    targets: [promql('max(tickline_checkpoint_size_bytes)', 'size')],
    unit: 'bytes',
    min: 0,
});

const connected = lines({
    title: 'Feed: silence',
    text: 'Time since anything, and since a trade, came from the feed; and whether it is connected (1) or not (0).',
    size: [12, 8],
    fill: 0,
    targets: [
        promql('max(tickline_ingest_frame_age_seconds)', 'anything', 'A'),
        promql('max(tickline_ingest_trade_age_seconds)', 'a trade', 'B'),
        promql('min(tickline_ingest_connected)', 'connected', 'C'),
    ],
    unit: 's',
    min: 0,
    columns: { connected: [{ id: 'unit', value: 'none' }, { id: 'custom.axisPlacement', value: 'right' }] },
});

const holes = bars({
    title: 'Feed: gaps and losses',
    text: 'Holes that an ingest told, by cause; trades that it refused since its queue was full; records that the log '
        + 'did not take.',
    size: [12, 8],
    targets: [
        promql('sum by (cause) (increase(tickline_ingest_gaps_total[$__rate_interval]))', '{{cause}}', 'A'),
        promql('sum(increase(tickline_ingest_rejected_total[$__rate_interval]))', 'refused', 'B'),
        promql('sum(increase(tickline_ingest_lost_records_total[$__rate_interval]))', 'lost', 'C'),
    ],
    unit: 'short',
    min: 0,
});

const pageTimes = lines({
    title: 'Page: answers',
    text: '99 in 100 answers took no longer, by route.',
    size: [12, 8],
    fill: 0,
    targets: [promql(
        'histogram_quantile(0.99, sum by (le, route) '
        + '(rate(tickline_dashboard_request_duration_seconds_bucket[$__rate_interval])))',
        '{{route}}',
    )],
    unit: 's',
    min: 0,
});

const requests = bars({
    title: 'Page: requests',
    text: 'Requests each second, by status.',
    size: [12, 8],
    targets: [promql('sum by (status) (rate(tickline_dashboard_requests_total[$__rate_interval]))', '{{status}}')],
    unit: 'reqps',
    min: 0,
});

const memory = lines({
    title: 'Processes: memory',
    text: 'Resident memory of each process. It stays level, however large the backlog.',
    size: [12, 8],
    fill: 0,
    targets: [promql('process_resident_memory_bytes{job=~"tickline.*"}', '{{job}} {{instance}}')],
    unit: 'bytes',
    min: 0,
});

const cpu = lines({
    title: 'Processes: cores in use',
    text: 'Processor time of each process in a second.',
    size: [12, 8],
    fill: 0,
    targets: [
        promql('rate(process_cpu_seconds_total{job=~"tickline.*"}[$__rate_interval])', '{{job}} {{instance}}'),
    ],
    unit: 'none',
    decimals: 2,
    min: 0,
});

export const pipelineHealth = () =>
    dashboard(PIPELINE, {
        text: 'How far the frontier is, what goes through, what was refused or lost, and what is slow.',
        from: 'now-1h',
        refresh: '10s',
        parts: [
            ...tiles,
            stored,
            row('Is it complete'),
            lag,
            partitions,
            unread,
            history,
            row('What goes through'),
            flow,
            bytes,
            written,
            row('What was not as it should be'),
            refused,
            late,
            row('Store and checkpoints'),
            store,
            waiting,
            checkpointAge,
            checkpointSize,
            row('Feed'),
            connected,
            holes,
            row('Page and processes'),
            pageTimes,
            requests,
            memory,
            cpu,
        ],
    });
