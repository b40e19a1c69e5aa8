// The candle chart: candles, volume, and the frontier as a line. Left of the line everything is exact.
const { createChart, createSeriesMarkers, CandlestickSeries, HistogramSeries, ColorType, LineStyle } =
  window.LightweightCharts;

// Draws the frontier between the last complete candle and the first that is not.
class FrontierLine {
  #chart;
  #redraw = () => {};
  #at = null; // index of the first candle that is not complete; null without candles
  #label = '';
  colours = { accent: '', shade: '', panel: '' };

  attached({ chart, requestUpdate }) {
    this.#chart = chart;
    this.#redraw = requestUpdate;
  }

  set(at, label) {
    this.#at = at;
    this.#label = label;
    this.#redraw();
  }

  paneViews() {
    const view = (zOrder, draw) => ({
      zOrder: () => zOrder,
      renderer: () => ({ draw: (target) => target.useMediaCoordinateSpace((scope) => this.#place(scope, draw)) }),
    });
    return [view('bottom', this.#shade), view('top', this.#line)];
  }

  #place({ context, mediaSize }, draw) {
    if (this.#at === null) return;
    // The library knows the places of whole indices only; the line stands between two.
    const [before, behind] = [this.#at - 1, this.#at].map((at) => this.#chart.timeScale().logicalToCoordinate(at));
    if (before !== null && behind !== null) draw.call(this, context, (before + behind) / 2, mediaSize);
  }

  #shade(context, x, { width, height }) {
    const from = Math.max(x, 0);
    context.fillStyle = this.colours.shade;
    if (from < width) context.fillRect(from, 0, width - from, height);
  }

  #line(context, x, { width, height }) {
    if (x < 0 || x > width) return;
    context.strokeStyle = this.colours.accent;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
    context.setLineDash([]);
    context.font = '600 12px system-ui, sans-serif';
    const textWidth = context.measureText(this.#label).width;
    const left = Math.max(2, Math.min(x - textWidth - 14, width - textWidth - 10));
    const top = height - 26;
    context.fillStyle = this.colours.panel;
    context.fillRect(left, top, textWidth + 8, 19);
    context.fillStyle = this.colours.accent;
    context.textBaseline = 'middle';
    context.fillText(this.#label, left + 4, top + 10);
  }
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export class PriceChart {
  #chart;
  #candles;
  #volumes;
  #markers;
  #line = new FrontierLine();
  #shown = null; // what was drawn last, to be drawn again in other colours
  #index = new Map(); // row by its time in seconds

  constructor(element, onHover, onOldest) {
    this.#chart = createChart(element, {
      autoSize: true,
      layout: { attributionLogo: true, panes: { enableResize: false } },
      rightPriceScale: { scaleMargins: { top: 0.06, bottom: 0.24 } },
      timeScale: { rightOffset: 4, barSpacing: 9, minBarSpacing: 1 },
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries, { priceLineStyle: LineStyle.Dotted });
    this.#volumes = this.#chart.addSeries(HistogramSeries, {
      priceScaleId: 'volume',
      priceFormat: { type: 'volume' },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.#volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.#markers = createSeriesMarkers(this.#candles, []);
    this.#candles.attachPrimitive(this.#line);
    this.#chart.subscribeCrosshairMove((at) => onHover(this.#index.get(at.time) ?? null));
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange((range) => range && range.from < 20 && onOldest());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.recolour());
    element.addEventListener('keydown', (event) => this.#key(event));
    this.recolour();
  }

  recolour() {
    const rule = colour('rule');
    this.#chart.applyOptions({
      layout: { background: { type: ColorType.Solid, color: colour('panel') }, textColor: colour('muted') },
      grid: { vertLines: { color: rule }, horzLines: { color: rule } },
      rightPriceScale: { borderColor: rule },
      timeScale: { borderColor: rule },
    });
    this.#line.colours = { accent: colour('accent'), shade: colour('shade'), panel: colour('panel') };
    if (this.#shown) this.show(...this.#shown);
  }

  // Sets the resolution's way to write times, and the digits of the price.
  setScale(resolution, digits) {
    this.#chart.applyOptions({ timeScale: { timeVisible: resolution !== '1d', secondsVisible: resolution === '5s' } });
    this.#candles.applyOptions({ priceFormat: { type: 'price', precision: digits, minMove: 10 ** -digits } });
  }

  // Draws rows, ascending. A late trade may change any of them, so all are set.
  show(rows, lengthMs, label) {
    this.#shown = [rows, lengthMs, label];
    this.#index = new Map(rows.map((row) => [row.window_start_ms / 1000, row]));
    const tint = { up: colour('up'), down: colour('down'), late: colour('late') };
    const side = (row) => (row.close >= row.open ? tint.up : tint.down);
    this.#candles.setData(
      rows.map((row) => ({
        time: row.window_start_ms / 1000,
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
        color: row.complete ? side(row) : `${side(row)}33`,
        borderColor: side(row),
        wickColor: row.complete ? side(row) : `${side(row)}99`,
      })),
    );
    this.#volumes.setData(
      rows.map((row) => ({
        time: row.window_start_ms / 1000,
        value: row.volume,
        color: `${side(row)}${row.complete ? '66' : '2a'}`,
      })),
    );
    this.#markers.setMarkers(
      rows
        .filter((row) => row.as_of >= row.window_start_ms + lengthMs)
        .map((row) => ({
          time: row.window_start_ms / 1000,
          position: 'belowBar',
          shape: 'circle',
          size: 0.6,
          color: tint.late,
        })),
    );
    const open = rows.findIndex((row) => !row.complete);
    this.#line.set(rows.length === 0 ? null : open < 0 ? rows.length : open, label);
  }

  newest() {
    this.#chart.timeScale().resetTimeScale();
    this.#chart.priceScale('right').applyOptions({ autoScale: true });
  }

  #key(event) {
    const scale = this.#chart.timeScale();
    const zoom = (by) => scale.applyOptions({ barSpacing: Math.min(60, Math.max(1, scale.options().barSpacing * by)) });
    const actions = {
      ArrowLeft: () => scale.scrollToPosition(scale.scrollPosition() - 10, false),
      ArrowRight: () => scale.scrollToPosition(scale.scrollPosition() + 10, false),
      End: () => this.newest(),
      '+': () => zoom(1.25),
      '-': () => zoom(0.8),
    };
    if (!actions[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    actions[event.key]();
  }
}
