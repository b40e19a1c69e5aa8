// Draws gaps in the feed as hatched bands behind the candles.
const WIDTH_MIN = 3; // pixels, however short a gap is
const HATCH = 7; // distance of the lines
const LABEL_FROM = 34; // width from which a band is labelled
const LABEL_TOP = 30; // below the frontier's label

export class GapBands {
  #chart;
  #redraw = () => {};
  #gaps = [];
  #placeOf = () => null;
  #colours;

  constructor(colours) {
    this.#colours = colours;
  }

  attached({ chart, requestUpdate }) {
    this.#chart = chart;
    this.#redraw = requestUpdate;
  }

  // `placeOf` gives the place of a time on the time axis, with its fraction.
  set(gaps, placeOf) {
    [this.#gaps, this.#placeOf] = [gaps, placeOf];
    this.#redraw();
  }

  paneViews() {
    const draw = (target) => target.useMediaCoordinateSpace((scope) => this.#draw(scope));
    return [{ zOrder: () => 'bottom', renderer: () => ({ draw }) }];
  }

  // The library gives coordinates of whole places only. A place's left edge is half a place before its coordinate.
  #x(ms) {
    const place = this.#placeOf(ms);
    if (place === null) return null;
    const whole = Math.floor(place);
    const [here, next] = [whole, whole + 1].map((at) => this.#chart.timeScale().logicalToCoordinate(at));
    return here === null || next === null ? null : here + (place - whole - 0.5) * (next - here);
  }

  // The bands on the screen: [left, right], in pixels.
  #bands(width) {
    const band = ({ from_ms: from, to_ms: to }) => [this.#x(Math.min(from, to)), this.#x(Math.max(from, to))];
    return this.#gaps
      .map(band)
      .filter(([left, right]) => left !== null && right !== null && right >= 0 && left <= width)
      .map(([left, right]) => [Math.max(left, -HATCH), Math.min(Math.max(right, left + WIDTH_MIN), width + HATCH)]);
  }

  #draw({ context, mediaSize: { width, height } }) {
    for (const [left, right] of this.#bands(width)) {
      context.save();
      context.beginPath();
      context.rect(left, 0, right - left, height);
      context.clip();
      context.fillStyle = this.#colours['gap-fill'];
      context.fillRect(left, 0, right - left, height);
      context.strokeStyle = this.#colours.gap;
      context.lineWidth = 1;
      context.globalAlpha = 0.45;
      context.beginPath();
      for (let x = left - height; x < right; x += HATCH) {
        context.moveTo(x, height);
        context.lineTo(x + height, 0);
      }
      context.stroke();
      context.globalAlpha = 1;
      if (right - left >= LABEL_FROM) {
        context.font = '600 11px system-ui, sans-serif';
        context.fillStyle = this.#colours.panel;
        context.fillRect(Math.max(left, 0) + 3, LABEL_TOP, 26, 15);
        context.fillStyle = this.#colours.gap;
        context.textBaseline = 'middle';
        context.fillText('gap', Math.max(left, 0) + 6, LABEL_TOP + 8);
      }
      context.restore();
    }
  }
}
