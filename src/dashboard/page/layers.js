// Lines, bars and panes besides the candles: series of the chart library, each with a function from row to point.
import { axisFormat } from './format.js';
import { FrontierLine } from './frontier-line.js';
import { shown, valueOf } from './indicators.js';

const { createTextWatermark, HistogramSeries, LineSeries, LineStyle } = window.LightweightCharts;

export const timeOf = (row) => row.window_start_ms / 1000;
const QUIET = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false };
const CANDLES_HEIGHT = 3.2; // relative to the height of a pane below

function lineSeries(chart, line, colours, pane, format) {
  const options = {
    ...QUIET,
    color: colours[line.colour],
    lineWidth: line.dashed ? 1 : 1.5,
    lineStyle: line.dashed ? LineStyle.Dashed : LineStyle.Solid,
    lastValueVisible: pane > 0 && !line.dashed,
    priceFormat: format,
  };
  const series = chart.addSeries(LineSeries, options, pane);
  const point = (row) => {
    const value = valueOf(line, row);
    return value === undefined ? { time: timeOf(row) } : { time: timeOf(row), value };
  };
  return { series, point };
}

function barSeries(chart, line, colours, pane, format) {
  const series = chart.addSeries(HistogramSeries, { ...QUIET, priceFormat: format }, pane);
  const point = (row) => {
    const value = valueOf(line, row);
    if (value === undefined) return { time: timeOf(row) };
    return { time: timeOf(row), value, color: value < 0 ? colours['down-volume'] : colours['up-volume'] };
  };
  return { series, point };
}

// Bars first, so that lines are drawn over them.
const byDepth = (lines) => [...lines].sort((a, b) => (b.kind === 'bars') - (a.kind === 'bars'));

// An index such as RSI does not use the price's digits; differences of prices need more of them.
function formatOf({ pane, bounds }, digits) {
  if (bounds) return axisFormat(2);
  return axisFormat(pane ? digits + 2 : digits);
}

// Adds the enabled indicators. Returns `{ layers, lines }`: series with points, and a frontier line per pane below.
export function addLayers(chart, on, resolution, colours, digits) {
  const layers = [];
  const lines = [];
  let panes = 0;
  for (const indicator of shown(on, resolution)) {
    const pane = indicator.pane ? (panes += 1) : 0;
    for (const line of byDepth(indicator.lines)) {
      const add = line.kind === 'bars' ? barSeries : lineSeries;
      layers.push(add(chart, line, colours, pane, formatOf(indicator, digits)));
    }
    if (pane === 0) continue;
    for (const price of indicator.bounds ?? []) {
      const bound = { price, color: colours.muted, lineWidth: 1, lineStyle: LineStyle.Dotted, axisLabelVisible: false };
      layers.at(-1).series.createPriceLine(bound);
    }
    const text = { text: indicator.pane, color: colours.muted, fontSize: 11, fontFamily: 'system-ui, sans-serif' };
    createTextWatermark(chart.panes()[pane], { horzAlign: 'left', vertAlign: 'top', lines: [text] });
    lines.push(new FrontierLine(colours));
    chart.panes()[pane].attachPrimitive(lines.at(-1));
  }
  chart.panes().forEach((pane, at) => pane.setStretchFactor(at === 0 ? CANDLES_HEIGHT : 1));
  return { layers, lines };
}
