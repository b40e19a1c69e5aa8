// The rules by which Grafana alerts, as it is provisioned with them: a query, its last value (or count), a bound.
//
// Two ask Cassandra, so they hold even where there is no Prometheus. In a query of Cassandra only `$__timeFrom` and
// `$__timeTo` mean anything here, as no browser takes part. The texts hold no `$`: provisioning would replace it.
import { FRONTIER_HISTORY, frontierRow, model } from './cql.js';
import { CASSANDRA, PIPELINE, PROMETHEUS } from './names.js';

const EXPRESSION = { type: '__expr__', uid: '__expr__' };

const expression = (refId, more) => ({
    refId,
    datasourceUid: EXPRESSION.uid,
    model: { refId, datasource: EXPRESSION, ...more },
});

const reduce = (reducer) => expression('B', { type: 'reduce', expression: 'A', reducer });

const bound = (type, value) =>
    expression('C', {
        type: 'threshold',
        expression: 'B',
        conditions: [{ evaluator: { type, params: [value] } }],
    });

const cassandra = (target, fromSeconds) => ({
    refId: 'A',
    queryType: 'alert',
    relativeTimeRange: { from: fromSeconds, to: 0 },
    datasourceUid: CASSANDRA.uid,
    model: model('A', target, 'alert'),
});

const prometheus = (expr) => ({
    refId: 'A',
    relativeTimeRange: { from: 600, to: 0 },
    datasourceUid: PROMETHEUS.uid,
    model: { refId: 'A', datasource: PROMETHEUS, expr, instant: true, range: false },
});

/** `when` is how the value is compared; `nothing` is the state where there is no data. */
const rule = (uid, title, { query, take = 'last', when, held, nothing, severity, summary, next }) => ({
    uid: `tickline-${uid}`,
    title,
    condition: 'C',
    data: [query, reduce(take), bound(...when)],
    dashboardUid: PIPELINE.uid,
    noDataState: nothing,
    execErrState: 'Error',
    for: held,
    labels: { severity, service: 'tickline' },
    annotations: { summary, description: next },
});

const store = [
    rule('frontier-stands-still', 'The frontier stands still', {
        query: cassandra(FRONTIER_HISTORY, 600),
        take: 'count',
        when: ['lt', 1],
        held: '1m',
        nothing: 'Alerting',
        severity: 'critical',
        summary: 'No minute of the last ten is complete.',
        next: 'Run `tickline status`: a source is gone without a word, no worker runs, or the store does not answer.',
    }),
    rule('frontier-lag', 'The frontier is behind', {
        query: cassandra(frontierRow('rows'), 600),
        when: ['gt', 60_000],
        held: '2m',
        nothing: 'Alerting',
        severity: 'warning',
        summary: 'The durable frontier is more than a minute behind the clock.',
        next: 'Look at Pipeline health: when only the durable frontier is late the store is slow, when the one read is '
            + 'late too a source is silent or the reading is behind.',
    }),
];

const metrics = [
    rule('lag', 'The frontier is behind, by the metrics', {
        query: prometheus('time() - max(tickline_durable_frontier_timestamp_seconds)'),
        when: ['gt', 60],
        held: '2m',
        nothing: 'NoData',
        severity: 'warning',
        summary: 'The durable frontier is more than a minute behind the clock, or no worker can be asked.',
        next: 'See whether `tickline work` runs and answers on its metrics port; then as for the rule on the store.',
    }),
    rule('rejected', 'Trades are refused', {
        query: prometheus('sum(max by (reason) (increase(tickline_rejected_total[10m])))'),
        when: ['gt', 0],
        held: '0s',
        nothing: 'OK',
        severity: 'warning',
        summary: 'Trades could not be taken in the last ten minutes.',
        next: 'Run `tickline rejected list`: it says which, where they are in the log, and why.',
    }),
    rule('gaps', 'The feed had a hole', {
        query: prometheus('max(increase(tickline_gaps_total[10m]))'),
        when: ['gt', 0],
        held: '0s',
        nothing: 'OK',
        severity: 'warning',
        summary: 'An ingest has owned up to a hole in the feed in the last ten minutes.',
        next: 'See the cause in Pipeline health, Feed. What is missing can be imported from elsewhere.',
    }),
    rule('checkpoint', 'The checkpoint is old', {
        query: prometheus('time() - max(tickline_checkpoint_commit_timestamp_seconds > 0)'),
        when: ['gt', 900],
        held: '5m',
        nothing: 'OK',
        severity: 'warning',
        summary: 'No checkpoint was committed for a quarter of an hour, so a restart would take long.',
        next: 'Look at the log of `tickline work`, and at the store: its writes wait or are repeated.',
    }),
    rule('feed', 'The feed is away', {
        query: prometheus('min(tickline_ingest_connected)'),
        when: ['lt', 1],
        held: '1m',
        nothing: 'OK',
        severity: 'critical',
        summary: 'An ingest has had no connection to the feed for a minute.',
        next: 'Look at the log of `tickline ingest`: the network, the key, or a limit of the feed.',
    }),
];

const group = (name, rules) => ({ orgId: 1, name, folder: 'Tickline', interval: '1m', rules });

/** What stands in the file of rules. */
export const alertRules = () => ({
    apiVersion: 1,
    groups: [group('tickline-store', store), group('tickline-metrics', metrics)],
});
