// Draws the frontier between the last complete candle and the first that is not. Everything to its left is complete.
export class FrontierLine {
  #chart;
  #redraw = () => {};
  #at = null; // index of the first candle that is not complete; null without candles
  #label = '';
  #colours;

  constructor(colours) {
    this.#colours = colours;
  }

  attached({ chart, requestUpdate }) {
    this.#chart = chart;
    this.#redraw = requestUpdate;
  }

  // Places the line before the candle with this index; the label is empty if another pane shows it.
  set(at, label) {
    if (this.#at === at && this.#label === label) return;
    [this.#at, this.#label] = [at, label];
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
    // The library gives coordinates of whole indices only; the line is between two.
    const [before, behind] = [this.#at - 1, this.#at].map((at) => this.#chart.timeScale().logicalToCoordinate(at));
    if (before !== null && behind !== null) draw.call(this, context, (before + behind) / 2, mediaSize);
  }

  #shade(context, x, { width, height }) {
    const from = Math.max(x, 0);
    context.fillStyle = this.#colours.shade;
    if (from < width) context.fillRect(from, 0, width - from, height);
  }

  #line(context, x, { width, height }) {
    if (x < 0 || x > width) return;
    context.strokeStyle = this.#colours.accent;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
    context.setLineDash([]);
    if (!this.#label) return;
    context.font = '600 12px system-ui, sans-serif';
    const textWidth = context.measureText(this.#label).width;
    const left = Math.max(2, Math.min(x - textWidth - 14, width - textWidth - 10));
    context.fillStyle = this.#colours.panel;
    context.fillRect(left, 6, textWidth + 8, 19);
    context.fillStyle = this.#colours.accent;
    context.textBaseline = 'middle';
    context.fillText(this.#label, left + 4, 16);
  }
}
