// The panel kinds of all dashboards: each with a title, a description, a unit and a size.
import * as barchart from '@grafana/grafana-foundation-sdk/barchart';
import {
    ReduceDataOptionsBuilder, StackingConfigBuilder, VizLegendOptionsBuilder, VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { FieldColorBuilder, RowBuilder, ThresholdsConfigBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { CASSANDRA, PROMETHEUS } from './names.js';

/** A Prometheus range query. */
export const promql = (expr, legend = '', refId = 'A') =>
    new DataqueryBuilder().datasource(PROMETHEUS).refId(refId).expr(expr).legendFormat(legend).range();

/** A Prometheus instant query. */
export const promqlNow = (expr, legend = '', refId = 'A') =>
    new DataqueryBuilder().datasource(PROMETHEUS).refId(refId).expr(expr).legendFormat(legend).instant();

export const row = (title) => new RowBuilder(title);

/** Threshold colours: the first below all values, then one from each value on. */
export const steps = (first, ...rest) =>
    new ThresholdsConfigBuilder()
        .mode('absolute')
        .steps([{ value: null, color: first }, ...rest.map(([value, color]) => ({ value, color }))]);

/** Display name, colour and unit of a column. */
export const named = (displayName, color = undefined, unit = undefined, more = {}) => [
    { id: 'displayName', value: displayName },
    ...(color ? [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }] : []),
    ...(unit ? [{ id: 'unit', value: unit }] : []),
    ...Object.entries(more).map(([id, value]) => ({ id, value })),
];

/** As many decimals as a price can have; the unit shows only those that a number has. */
export const PRICE_DECIMALS = 18;

/** A price with all its digits. */
export const price = (displayName, color = undefined) =>
    named(displayName, color, 'locale', { decimals: PRICE_DECIMALS });

/** A count, written in full. */
export const count = (displayName) => named(displayName, undefined, 'locale', { decimals: 0 });

/** Columns of a daily candle besides its open and close. */
export const OF_A_DAY = {
    high: price('High'),
    low: price('Low'),
    vwap: price('VWAP'),
    volume: named('Volume', undefined, 'short', { decimals: 1 }),
    notional: named('Notional', undefined, 'short', { decimals: 1 }),
    trades: count('Trades'),
};

function dressed(panel, { title, text, size: [width, height], targets, unit, decimals, min, max, columns = {} }) {
    const ofCassandra = targets.every((target) => target.build().datasource.uid === CASSANDRA.uid);
    panel.title(title).description(text).span(width).height(height);
    panel.datasource(ofCassandra ? CASSANDRA : PROMETHEUS).targets(targets);
    if (unit !== undefined) panel.unit(unit);
    if (decimals !== undefined) panel.decimals(decimals);
    if (min !== undefined) panel.min(min);
    if (max !== undefined) panel.max(max);
    for (const [name, properties] of Object.entries(columns)) panel.overrideByName(name, properties);
    return panel;
}

const byName = () => new FieldColorBuilder().mode('palette-classic-by-name');

/** Lines over time. Missing values interrupt a line only if `connect` is false. */
export function lines(options) {
    const { fill = 8, legend = ['lastNotNull'], connect = true, thresholds } = options;
    const panel = dressed(new timeseries.PanelBuilder(), options)
        .lineWidth(1)
        .fillOpacity(fill)
        .showPoints('never')
        .spanNulls(connect)
        .colorScheme(byName())
        .legend(new VizLegendOptionsBuilder().displayMode('list').placement('bottom').showLegend(true).calcs(legend))
        .tooltip(new VizTooltipOptionsBuilder().mode('multi').sort('desc'));
    return thresholds ? panel.thresholds(thresholds).thresholdsStyle({ build: () => ({ mode: 'dashed' }) }) : panel;
}

/** Stacked bars over time. */
export const bars = (options) =>
    lines({ ...options, fill: 70, legend: ['sum'] })
        .drawStyle('bars')
        .lineWidth(0)
        .stacking(new StackingConfigBuilder().mode('normal').group('A'));

/** Large numbers: the last value of each number column, or of those whose display name matches `fields`. */
export function numbers(options) {
    const { fields = '', thresholds = steps('text'), colors = 'value', graph = 'none' } = options;
    const panel = dressed(new stat.PanelBuilder(), options)
        .reduceOptions(new ReduceDataOptionsBuilder().values(false).calcs(['lastNotNull']).fields(fields))
        .colorMode(colors)
        .graphMode(graph)
        .justifyMode('center')
        .textMode('value_and_name')
        .thresholds(thresholds);
    return panel.colorScheme(new FieldColorBuilder().mode('thresholds'));
}

/** Merges the frames of all series into one table: the plugin returns one per value of the first column. */
const MERGED = { id: 'merge', options: {} };

/** A table with one row per series, in descending order of a column. */
export function rows(options) {
    const { sorted, hidden = [], link, symbolWidth = 190 } = options;
    const panel = dressed(new table.PanelBuilder(), options).withTransformation(MERGED).cellHeight('sm');
    panel.withTransformation({ id: 'organize', options: { excludeByName: Object.fromEntries(hidden.map(hide)) } });
    if (sorted) panel.withTransformation(order(sorted, true));
    if (link) panel.overrideByName('symbol', linked(link, symbolWidth));
    return panel.thresholds(steps('text'));
}

const hide = (name) => [name, true];
const order = (field, desc) => ({ id: 'sortBy', options: { fields: {}, sort: [{ field, desc }] } });
const linked = (link, width) => [
    { id: 'links', value: [link] },
    { id: 'displayName', value: 'Symbol' },
    { id: 'custom.width', value: width },
];

/** The series with the greatest (or least) last values, one bar per series. */
export function ranking(options) {
    const { by, least = false, most = 10, thresholds } = options;
    const panel = dressed(new barchart.PanelBuilder(), options)
        .orientation('horizontal')
        .xField('symbol')
        .showValue('always')
        .fillOpacity(70)
        .legend(new VizLegendOptionsBuilder().displayMode('list').placement('bottom').showLegend(false))
        .withTransformation(MERGED)
        .withTransformation(order(by, !least))
        .withTransformation({ id: 'limit', options: { limitField: most } })
        .withTransformation({ id: 'organize', options: { excludeByName: { window_start: true } } });
    if (thresholds) panel.thresholds(thresholds).colorScheme(new FieldColorBuilder().mode('thresholds'));
    return panel;
}
