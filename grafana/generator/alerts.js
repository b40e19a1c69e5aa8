// Grafana's alert rules as provisioned: a query, a reducer (last value or count), and a threshold.
//
// Two of them query Cassandra, so they work without Prometheus. Their queries can use only `$__timeFrom` and
// `$__timeTo`, as no browser takes part. Texts must not contain `$`: provisioning would replace it.
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

/** `when` is the comparison; `held` is how long it must hold; `nothing` is the state without data. */
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
    rule('frontier-stands-still', 'The frontier is stalled', {
        query: cassandra(FRONTIER_HISTORY, 600),
        take: 'count',
        when: ['lt', 1],
        held: '1m',
        nothing: 'Alerting',
        severity: 'critical',
        summary: 'The frontier has not advanced for ten minutes.',
        next: 'Run `tickline status`: a source has stopped without leaving, no worker runs, or the store does not answer.',
    }),
    rule('frontier-lag', 'The frontier is behind', {
        query: cassandra(frontierRow('rows'), 600),
        when: ['gt', 60_000],
        held: '2m',
        nothing: 'Alerting',
        severity: 'warning',
        summary: 'The durable frontier is more than a minute behind the clock.',
        next: 'See Pipeline health: if only the durable frontier lags, the store is slow; if the read frontier lags '
            + 'too, a source is silent or the workers cannot keep up.',
    }),
];

const metrics = [
    rule('lag', 'The frontier is behind, by the metrics', {
        query: prometheus('time() - max(tickline_durable_frontier_timestamp_seconds)'),
        when: ['gt', 60],
        held: '2m',
        nothing: 'NoData',
        severity: 'warning',
        summary: 'The durable frontier is more than a minute behind the clock, or no worker can be scraped.',
        next: 'Check that `tickline work` runs and answers on its --listen address; then as for the rule on the store.',
    }),
    rule('rejected', 'Trades are rejected', {
        query: prometheus('sum(max by (reason) (increase(tickline_rejected_total[10m])))'),
        when: ['gt', 0],
        held: '0s',
        nothing: 'OK',
        severity: 'warning',
        summary: 'Records or trades were rejected in the last ten minutes.',
        next: 'Run `tickline rejected list`: it shows each with its position in the log and the reason.',
    }),
    rule('gaps', 'The feed had a gap', {
        query: prometheus('max(increase(tickline_gaps_total[10m]))'),
        when: ['gt', 0],
        held: '0s',
        nothing: 'OK',
        severity: 'warning',
        summary: 'A source has reported a gap in the feed in the last ten minutes.',
        next: 'See the cause in Pipeline health, Feed. Missing trades can be imported from another source.',
    }),
    rule('checkpoint', 'The checkpoint is old', {
        query: prometheus('time() - max(tickline_checkpoint_commit_timestamp_seconds > 0)'),
        when: ['gt', 900],
        held: '5m',
        nothing: 'OK',
        severity: 'warning',
        summary: 'No checkpoint was committed for 15 minutes, so a restart would take long.',
        next: 'See the log of `tickline work`, and the store: its writes wait or are retried.',
    }),
    rule('feed', 'The feed is disconnected', {
        query: prometheus('min(tickline_ingest_connected)'),
        when: ['lt', 1],
        held: '1m',
        nothing: 'OK',
        severity: 'critical',
        summary: 'An ingest has had no connection to the feed for a minute.',
        next: 'See the log of `tickline ingest`: the network, the API token, or a limit of the feed.',
    }),
    rule('verify-differs', 'Store and log differ', {
        query: prometheus('min(tickline_verify_ok)'),
        when: ['lt', 1],
        held: '0s',
        nothing: 'OK',
        severity: 'warning',
        summary: 'The last `tickline verify` has found a difference between store and log.',
        next: 'See its log: it names the first differences. Then "When verify finds a difference" in docs/operating.md.',
    }),
    rule('verify-overdue', 'No comparison of store and log has succeeded', {
        query: prometheus('time() - max(tickline_verify_success_timestamp_seconds)'),
        when: ['gt', 26 * 3600],
        held: '0s',
        nothing: 'NoData',
        severity: 'warning',
        summary: 'No `tickline verify --record` has succeeded for more than 26 hours.',
        next: 'See whether it runs once a day (the CronJob verify), and its log.',
    }),
];

const group = (name, rules) => ({ orgId: 1, name, folder: 'Tickline', interval: '1m', rules });

/** The content of the rules file. */
export const alertRules = () => ({
    apiVersion: 1,
    groups: [group('tickline-store', store), group('tickline-metrics', metrics)],
});
