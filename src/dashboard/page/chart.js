// The chart: candles, volume, indicators, and the frontier line. It draws rows and computes nothing.
import { addLayers, timeOf } from './layers.js';
import { axisFormat, clock, digitsOf } from './format.js';
import { FrontierLine } from './frontier-line.js';
import { GapBands } from './gap-bands.js';
import { palette } from './palette.js';
import { Timeline } from './timeline.js';

const { createChart, createSeriesMarkers, CandlestickSeries, HistogramSeries, ColorType, CrosshairMode, LineStyle } =
  window.LightweightCharts;
const UPDATES_MAX = 40; // maximum number of rows updated one by one; more cause a redraw
const NEAR_END = 20; // distance from the first or last candle, in candles, at which more are fetched
const MOVED_MS = 300;
const RIGHT_PLACES = 4; // empty places after the last one

export class PriceChart {
  #chart;
  #candles;
  #volumes;
  #markers;
  #layers = []; // { series, point } for each indicator's line
  #line; // the frontier in the pane of the candles
  #lines = []; // the frontier in the panes below
  #colours;
  #rows;
  #starts = new Set(); // the starts of the drawn rows
  #newestMs; // the last of them
  #timeline = new Timeline(); // the places of the time axis
  #trail = 0; // places after the newest candle, as the view follows them
  #gaps = [];
  #bands; // the gaps in the pane of the candles
  #view = { on: new Set(), resolution: '5s' };
  #cursor = null; // start of the row under the keyboard cursor
  #moved = 0;

  // `handlers` has onHover(row or null, isByKeyboard), onOldest(), onNewest(), onMoved(), onEnd() and onClick(row).
  constructor(element, handlers) {
    this.handlers = handlers;
    this.#chart = createChart(element, {
      autoSize: true,
      crosshair: { mode: CrosshairMode.Normal },
      // Vertical touch drags scroll the page; kinetic scrolling is off if the user prefers reduced motion.
      handleScroll: { vertTouchDrag: false },
      kineticScroll: { touch: !matchMedia('(prefers-reduced-motion: reduce)').matches },
      rightPriceScale: { scaleMargins: { top: 0.08, bottom: 0.22 } },
      timeScale: { rightOffset: RIGHT_PLACES, barSpacing: 9, minBarSpacing: 0.5 },
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries, { priceLineStyle: LineStyle.Dotted });
    this.#volumes = this.#chart.addSeries(HistogramSeries, {
      priceScaleId: 'volume',
      priceFormat: { type: 'volume' },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.#volumes.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.#markers = createSeriesMarkers(this.#candles, []);
    this.#chart.subscribeCrosshairMove(({ time, sourceEvent }) => {
      if (sourceEvent) this.#cursor = null;
      if (sourceEvent || this.#cursor === null) handlers.onHover(this.#rows?.get(time * 1000) ?? null, false);
    });
    this.#chart.subscribeClick(({ time }) => {
      const row = this.#rows?.get(time * 1000);
      if (row) handlers.onClick(row);
    });
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange((range) => range && this.#scrolled(range));
    addEventListener('themechange', () => this.recolour());
    this.recolour();
  }

  // Reads the style sheet's colours and redraws everything.
  recolour() {
    const colours = (this.#colours = palette());
    const border = { borderColor: colours.rule };
    this.#chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: colours.panel },
        textColor: colours.muted,
        panes: { separatorColor: colours.rule, enableResize: false },
      },
      grid: { vertLines: { color: colours.rule }, horzLines: { color: colours.rule } },
      rightPriceScale: border,
      timeScale: border,
    });
    if (this.#line) {
      this.#candles.detachPrimitive(this.#line);
      this.#candles.detachPrimitive(this.#bands);
    }
    this.#candles.attachPrimitive((this.#bands = new GapBands(colours)));
    this.#candles.attachPrimitive((this.#line = new FrontierLine(colours)));
    this.setView(this.#view.on, this.#view.resolution);
  }

  // Sets the indicators to draw, and the time format of the resolution.
  setView(on, resolution) {
    this.#view = { on, resolution };
    this.#chart.applyOptions({ timeScale: { timeVisible: resolution !== '1d', secondsVisible: resolution === '5s' } });
    for (const { series } of this.#layers) this.#chart.removeSeries(series);
    for (let at = this.#chart.panes().length - 1; at > 0; at -= 1) this.#chart.removePane(at);
    const { layers, lines } = addLayers(this.#chart, on, resolution, this.#colours, this.#digits());
    [this.#layers, this.#lines] = [layers, lines];
    if (this.#rows) this.draw(this.#rows);
  }

  #digits() {
    return this.#rows?.list.length ? Math.max(...this.#rows.list.slice(-100).map(digitsOf)) : 2;
  }

  #format() {
    return axisFormat(this.#digits());
  }

  #side = (row) => (row.close >= row.open ? 'up' : 'down');

  #candle = (row) => {
    const [side, complete] = [this.#side(row), this.#rows.isComplete(row)];
    return {
      time: timeOf(row),
      open: row.open,
      high: row.high,
      low: row.low,
      close: row.close,
      color: this.#colours[complete ? side : `${side}-open`],
      borderColor: this.#colours[side],
      wickColor: this.#colours[complete ? side : `${side}-wick`],
    };
  };

  #volume = (row) => {
    const name = `${this.#side(row)}-volume${this.#rows.isComplete(row) ? '' : '-open'}`;
    return { time: timeOf(row), value: row.volume, color: this.#colours[name] };
  };

  #all = () => [
    { series: this.#candles, point: this.#candle },
    { series: this.#volumes, point: this.#volume },
    ...this.#layers,
  ];

  // Gaps in the feed, drawn as bands.
  setGaps(gaps) {
    this.#gaps = gaps;
    this.#drawGaps();
  }

  #drawGaps() {
    this.#bands.set(this.#gaps, (ms) => this.#timeline.exactPlace(ms));
  }

  // The times of all places, for tests.
  places = () => this.#timeline.points;

  // Only the newest rows reach to the frontier.
  #untilMs = () => (this.#rows.live ? this.#rows.frontierMs : 0);

  // A point of the candles for each place: without a candle it has a time only.
  #place = (ms) => {
    const row = this.#rows.get(ms);
    return row ? this.#candle(row) : { time: ms / 1000 };
  };

  // Redraws all rows, keeping the visible range.
  draw(rows) {
    if (this.#rows !== rows) this.#cursor = null;
    const scale = this.#chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    const before = this.#timeline.points;
    const edge = range === null || this.#rows !== rows || range.to >= before.length - 1;
    const at = edge ? 0 : Math.min(before.length - 1, Math.max(0, Math.ceil(range.from)));
    const anchorMs = before[at];
    this.#rows = rows;
    const format = this.#format();
    this.#candles.applyOptions({ priceFormat: format });
    const starts = rows.list.map((row) => row.window_start_ms);
    [this.#starts, this.#newestMs] = [new Set(starts), starts.at(-1)];
    this.#timeline.lay(starts, rows.lengthMs, this.#untilMs());
    for (const { series, point } of this.#all()) series.setData(rows.list.map(point));
    this.#candles.setData(this.#timeline.points.map(this.#place));
    this.#mark();
    this.#drawFrontier();
    this.#drawGaps();
    if (edge) this.#follow();
    if (edge || anchorMs === undefined) return;
    const shift = this.#timeline.place(anchorMs) - at;
    scale.setVisibleLogicalRange({ from: range.from + shift, to: range.to + shift });
  }

  // Draws changed rows: the last ones, and older ones corrected by a late trade.
  update(rows, starts) {
    if (this.#rows !== rows || starts.length > UPDATES_MAX) return this.draw(rows);
    const range = this.#chart.timeScale().getVisibleLogicalRange();
    const edge = range === null || range.to >= this.#timeline.points.length - 1;
    const layers = this.#all();
    for (const ms of starts) {
      const row = rows.get(ms);
      const isKnown = this.#starts.has(ms);
      const before = isKnown ? [] : this.#timeline.append(ms);
      if (before === null) return this.draw(rows);
      for (const place of before) this.#candles.update({ time: place / 1000 });
      this.#starts.add(ms);
      if (!isKnown) this.#newestMs = ms;
      // Only the series of the candles has places after the newest candle.
      const last = (series) => (series === this.#candles ? this.#timeline.points.at(-1) : this.#newestMs);
      for (const { series, point } of layers) series.update(point(row), ms < last(series));
    }
    const after = this.#timeline.extend(this.#untilMs());
    if (after === null) return this.draw(rows);
    for (const place of after) this.#candles.update({ time: place / 1000 });
    if (starts.some((ms) => rows.isCorrected(rows.get(ms)))) this.#mark();
    this.#drawFrontier();
    this.#drawGaps();
    if (edge) this.#follow();
  }

  // Keeps the last place in view: the library follows candles only.
  #follow() {
    const { trail } = this.#timeline;
    if (trail !== this.#trail) this.#chart.timeScale().scrollToPosition(trail + RIGHT_PLACES, false);
    this.#trail = trail;
  }

  #mark() {
    const mark = (row) => ({
      time: timeOf(row),
      position: 'belowBar',
      shape: 'circle',
      size: 0.7,
      color: this.#colours.late,
    });
    const since = (row) => ({
      time: timeOf(row),
      position: 'aboveBar',
      shape: 'square',
      size: 0.7,
      color: this.#colours.since,
    });
    const { list, isCorrected } = this.#rows;
    const marks = list.flatMap((row) => [
      ...(isCorrected(row) ? [mark(row)] : []),
      ...(row.corrected ? [since(row)] : []),
    ]);
    this.#markers.setMarkers(marks);
  }

  #drawFrontier() {
    const { list, isComplete, live, frontierMs } = this.#rows;
    let at = list.length;
    while (at > 0 && !isComplete(list[at - 1])) at -= 1;
    // Rows that do not include the newest are all complete, so there is no line.
    const next = list[at] ? this.#timeline.place(list[at].window_start_ms) : this.#timeline.points.length;
    const place = live && list.length > 0 ? next : null;
    this.#line.set(place, `complete up to ${clock(frontierMs)}`);
    for (const line of this.#lines) line.set(place, '');
    if (this.#cursor !== null) this.#showCursor();
  }

  #scrolled({ from, to }) {
    if (from < NEAR_END) this.handlers.onOldest();
    if (to > this.#timeline.points.length - NEAR_END) this.handlers.onNewest();
    clearTimeout(this.#moved);
    this.#moved = setTimeout(() => this.handlers.onMoved(), MOVED_MS);
  }

  newest() {
    this.#leave();
    this.#chart.timeScale().resetTimeScale();
    this.#trail = 0;
    this.#follow();
    this.#chart.priceScale('right').applyOptions({ autoScale: true });
  }

  // The index of the first visible row.
  firstSeen() {
    const at = Math.max(0, Math.floor(this.#chart.timeScale().getVisibleLogicalRange()?.from ?? 0));
    return this.#rows.place(this.#timeline.points[at] ?? 0);
  }

  // The time in the middle of the visible range; null at the newest end.
  middleMs() {
    const range = this.#chart.timeScale().getVisibleLogicalRange();
    const { points } = this.#timeline;
    if (!range || points.length === 0) return null;
    if (this.#rows.live && range.to >= points.length - 1) return null;
    const at = Math.round((range.from + range.to) / 2);
    return points[Math.min(points.length - 1, Math.max(0, at))];
  }

  // Centres a time; with `point`, moves the cursor there.
  look(ms, point = false) {
    const scale = this.#chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    const half = range ? (range.to - range.from) / 2 : 50;
    const at = Math.min(this.#timeline.place(ms), this.#timeline.points.length - 1);
    scale.setVisibleLogicalRange({ from: at - half, to: at + half });
    if (point) this.#point(Math.min(this.#rows.place(ms), this.#rows.list.length - 1));
  }

  #point(at) {
    const row = this.#rows.list[at];
    if (!row) return;
    this.#cursor = row.window_start_ms;
    this.#showCursor();
    this.handlers.onHover(row, true);
  }

  // Waits until the library has moved the candles, since it places the cursor by their coordinates.
  #showCursor() {
    requestAnimationFrame(() => {
      const row = this.#rows.get(this.#cursor);
      if (row) this.#chart.setCrosshairPosition(row.close, timeOf(row), this.#candles);
    });
  }

  #leave() {
    this.#cursor = null;
    this.#chart.clearCrosshairPosition();
    this.handlers.onHover(null, false);
  }

  // Moves the keyboard cursor by a number of candles, and the visible range with it.
  #step(by) {
    const { list } = this.#rows;
    if (list.length === 0) return;
    const scale = this.#chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    const edge = this.#rows.place(this.#timeline.points[Math.floor(range.to) + 1] ?? Infinity);
    const from = this.#cursor === null ? edge : this.#rows.place(this.#cursor);
    const row = Math.min(list.length - 1, Math.max(0, from + by));
    const at = this.#timeline.place(list[row].window_start_ms);
    const width = range.to - range.from;
    if (at < range.from + 1) scale.setVisibleLogicalRange({ from: at - 2, to: at - 2 + width });
    if (at > range.to - 1) scale.setVisibleLogicalRange({ from: at + 2 - width, to: at + 2 });
    this.#point(row);
  }

  #zoom(by) {
    const scale = this.#chart.timeScale();
    const spacing = scale.options().barSpacing * by;
    scale.applyOptions({ barSpacing: Math.min(60, Math.max(0.5, spacing)) });
  }

  #first() {
    const range = this.#chart.timeScale().getVisibleLogicalRange();
    if (range) this.#chart.timeScale().setVisibleLogicalRange({ from: -2, to: range.to - range.from - 2 });
  }

  // Handles a key; returns whether it is one of the chart's.
  key(key) {
    const actions = {
      ArrowLeft: () => this.#step(-1),
      ArrowRight: () => this.#step(1),
      PageUp: () => this.#step(-50),
      PageDown: () => this.#step(50),
      Home: () => this.#first(),
      End: () => this.handlers.onEnd(),
      Escape: () => this.#leave(),
      '+': () => this.#zoom(1.25),
      '=': () => this.#zoom(1.25),
      '-': () => this.#zoom(0.8),
    };
    if (!Object.hasOwn(actions, key)) return false;
    actions[key]();
    return true;
  }
}
