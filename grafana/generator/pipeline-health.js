// Pipeline health: frontier, throughput, rejected and lost records, latencies.
import { FRONTIER_HISTORY, GAPS, cql, frontierRow } from './cql.js';
import { dashboard } from './dashboard.js';
import { PIPELINE } from './names.js';
import { bars, count, lines, named, numbers, promql, promqlNow, row, rows, steps } from './panels.js';

const FRONTIER = 'max(tickline_durable_frontier_timestamp_seconds)';
// The metric is 0 before the first checkpoint.
const CHECKPOINT = 'max(tickline_checkpoint_commit_timestamp_seconds > 0)';
const RECORDS = 'sum(rate(tickline_records_read_total[$__rate_interval]))';

const tile = (title, text, expr, unit, more = {}) =>
    numbers({ title, text, size: [3, 4], targets: [promqlNow(expr, title)], unit, ...more });

const tiles = [
    tile('Frontier', 'The store is complete up to this time (exclusive).', `${FRONTIER} * 1000`, 'dateTimeAsIso', {
        size: [3, 4],
    }),
    tile('Lag', 'Lag of the frontier behind the clock.', `time() - ${FRONTIER}`, 's', {
        decimals: 1,
        thresholds: steps('green', [10, 'orange'], [60, 'red']),
    }),
    tile('Records', 'Records read from the log per second.', RECORDS, 'cps'),
    tile('Rejected', 'Rejected records and trades, as of the frontier.',
        'sum(max by (reason) (tickline_rejected_total))', 'short', {
            thresholds: steps('green', [1, 'orange']),
        }),
    tile('Gaps', 'Gaps in the feed reported by sources, as of the frontier.', 'max(tickline_gaps_total)',
        'short', { thresholds: steps('green', [1, 'orange']) }),
    tile('Checkpoint', 'Age of the newest checkpoint, from which a restart resumes.',
        `time() - ${CHECKPOINT}`, 's', {
            decimals: 0,
            thresholds: steps('green', [300, 'orange'], [900, 'red']),
        }),
    tile('Verified', 'Time since `tickline verify --record` last found store and log equal.',
        'time() - max(tickline_verify_success_timestamp_seconds)', 's', {
            decimals: 0,
            thresholds: steps('green', [26 * 3600, 'red']),
        }),
    tile('Viewers', 'Connected pages.', 'sum(tickline_dashboard_viewers)', 'short'),
];

const stored = rows({
    title: 'The frontier row',
    text: 'The frontier row in the store: the time up to which all rows are complete, their number, the epoch that '
        + 'wrote it, and the digest that a replay must reproduce.',
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
    text: 'Lag of the durable frontier and of the read frontier behind the clock. If only the durable one lags, the '
        + 'store is slow; if both do, a source is silent or the workers cannot keep up.',
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
    text: 'Lag of the progress in each partition: the greatest one holds back the frontier.',
    size: [12, 8],
    fill: 0,
    targets: [promql('time() - min by (partition) (tickline_partition_frontier_timestamp_seconds)', '{{partition}}')],
    unit: 's',
    min: 0,
});

const unread = lines({
    title: 'Unread records',
    text: 'Records in the log that no worker has read yet, if the log knows its end.',
    size: [12, 8],
    targets: [promql('max by (partition) (tickline_partition_unread_records)', '{{partition}}')],
    unit: 'short',
    min: 0,
});

const history = lines({
    title: 'Rows stored',
    text: 'Rows as of each minute of event time, from the store. A minute without changes has no point.',
    size: [12, 8],
    targets: [cql(FRONTIER_HISTORY)],
    unit: 'short',
    columns: { rows: named('Rows', 'blue') },
});

const flow = lines({
    title: 'Records and trades',
    text: 'Records read from the log, and accepted trades as of the frontier, per second.',
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
    text: 'Bytes of records read from the log per second.',
    size: [8, 8],
    targets: [promql('sum(rate(tickline_record_bytes_read_total[$__rate_interval]))', 'bytes')],
    unit: 'Bps',
    min: 0,
});

const written = bars({
    title: 'Rows written',
    text: 'Rows written to the store per second, by table.',
    size: [8, 8],
    targets: [promql('sum by (table) (rate(tickline_rows_written_total[$__rate_interval]))', '{{table}}')],
    unit: 'cps',
    min: 0,
});

const rejected = bars({
    title: 'Rejected records and trades',
    text: 'Rejected records and trades by reason, as of the frontier. `tickline rejected list` shows each.',
    size: [12, 8],
    targets: [promql('max by (reason) (increase(tickline_rejected_total[$__rate_interval]))', '{{reason}}')],
    unit: 'short',
    min: 0,
});

const late = bars({
    title: 'Late trades and gaps',
    text: 'Late trades, and gaps in the feed, as of the frontier.',
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
    title: 'Store: write duration',
    text: 'Median and 99th percentile of the write duration, by kind.',
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
    title: 'Store: in flight and retried',
    text: 'Writes in flight, and retried requests per second: many mean a slow or missing node.',
    size: [12, 8],
    targets: [
        promql('sum(tickline_store_writes_in_flight)', 'in flight', 'A'),
        promql('sum(rate(tickline_store_retries_total[$__rate_interval]))', 'retries per second', 'B'),
    ],
    unit: 'short',
    min: 0,
});

const checkpointAge = lines({
    title: 'Checkpoint: age and duration',
    text: 'Time since the last checkpoint was committed, and its duration.',
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
    text: 'Size of the newest checkpoint.',
    size: [12, 8],
    targets: [promql('max(tickline_checkpoint_size_bytes)', 'size')],
    unit: 'bytes',
    min: 0,
});

const connected = lines({
    title: 'Feed: silence',
    text: 'Time since the last frame and the last trade from the feed; and whether it is connected (1) or not (0).',
    size: [12, 8],
    fill: 0,
    targets: [
        promql('max(tickline_ingest_frame_age_seconds)', 'frame', 'A'),
        promql('max(tickline_ingest_trade_age_seconds)', 'trade', 'B'),
        promql('min(tickline_ingest_connected)', 'connected', 'C'),
    ],
    unit: 's',
    min: 0,
    columns: { connected: [{ id: 'unit', value: 'none' }, { id: 'custom.axisPlacement', value: 'right' }] },
});

const gapList = rows({
    title: 'Gaps in the feed',
    text: 'Gaps that begin within the range, as their sources report them: trades may be missing there. Shows one for '
        + 'each start; `tickline gaps` lists all.',
    size: [24, 6],
    targets: [cql(GAPS)],
    sorted: 'gap_start',
    columns: {
        source: named('Source'),
        gap_start: named('From', undefined, 'dateTimeAsIso'),
        gap_end: named('To', undefined, 'dateTimeAsIso'),
        cause: named('Cause'),
        reports: count('Partitions'),
    },
});

const gaps = bars({
    title: 'Feed: gaps and losses',
    text: 'Gaps reported by an ingest, by cause; trades rejected because its queue was full; records that the log did '
        + 'not acknowledge.',
    size: [12, 8],
    targets: [
        promql('sum by (cause) (increase(tickline_ingest_gaps_total[$__rate_interval]))', '{{cause}}', 'A'),
        promql('sum(increase(tickline_ingest_rejected_total[$__rate_interval]))', 'rejected', 'B'),
        promql('sum(increase(tickline_ingest_lost_records_total[$__rate_interval]))', 'lost', 'C'),
    ],
    unit: 'short',
    min: 0,
});

const pageTimes = lines({
    title: 'Dashboard: response time',
    text: '99th percentile of the response time, by route.',
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
    title: 'Dashboard: requests',
    text: 'Requests per second, by status.',
    size: [12, 8],
    targets: [promql('sum by (status) (rate(tickline_dashboard_requests_total[$__rate_interval]))', '{{status}}')],
    unit: 'reqps',
    min: 0,
});

const memory = lines({
    title: 'Processes: memory',
    text: 'Resident memory of each process. It stays flat, however large the backlog.',
    size: [12, 8],
    fill: 0,
    targets: [promql('process_resident_memory_bytes{job=~"tickline.*"}', '{{job}} {{instance}}')],
    unit: 'bytes',
    min: 0,
});

const cpu = lines({
    title: 'Processes: CPU',
    text: 'CPU seconds per second of each process.',
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
        text: 'Frontier, throughput, rejected and lost records, latencies.',
        from: 'now-1h',
        refresh: '10s',
        parts: [
            ...tiles,
            stored,
            row('Completeness'),
            lag,
            partitions,
            unread,
            history,
            row('Throughput'),
            flow,
            bytes,
            written,
            row('Rejected, late and missing'),
            rejected,
            late,
            gapList,
            row('Store and checkpoints'),
            store,
            waiting,
            checkpointAge,
            checkpointSize,
            row('Feed'),
            connected,
            gaps,
            row('Dashboard and processes'),
            pageTimes,
            requests,
            memory,
            cpu,
        ],
    });
