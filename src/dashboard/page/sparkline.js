// A small line of closes, drawn as SVG. It has no axis: it only shows the direction of the price.
const SVG = 'http://www.w3.org/2000/svg';
const MINUTE_MS = 60_000;
const POINTS_MAX = 60;
const [WIDTH, HEIGHT, EDGE] = [64, 22, 2];

export class Sparkline {
  element = document.createElementNS(SVG, 'svg');
  #path = document.createElementNS(SVG, 'path');
  #points = []; // [start of the minute, close]

  constructor() {
    this.element.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute('class', 'spark');
    this.element.setAttribute('aria-hidden', 'true');
    this.element.append(this.#path);
  }

  // Takes a row of the watch list: all minutes, or the newest price.
  take({ spark, as_of: asOf, last }) {
    if (spark) this.#points = spark;
    else if (last !== undefined) {
      const minute = Math.floor(asOf / MINUTE_MS) * MINUTE_MS;
      const end = this.#points.at(-1);
      if (end && end[0] >= minute) end[1] = last;
      else this.#points.push([minute, last]);
      if (this.#points.length > POINTS_MAX) this.#points.shift();
    }
    this.#draw();
  }

  #draw() {
    const closes = this.#points.map(([, close]) => close);
    const [low, high] = [Math.min(...closes), Math.max(...closes)];
    const x = (at) => (closes.length < 2 ? 0 : (at / (closes.length - 1)) * WIDTH);
    const y = (close) => (high === low ? HEIGHT / 2 : EDGE + ((high - close) / (high - low)) * (HEIGHT - 2 * EDGE));
    const points = closes.map((close, at) => `${x(at).toFixed(1)} ${y(close).toFixed(1)}`);
    this.#path.setAttribute('d', points.length < 2 ? '' : `M${points.join('L')}`);
    this.element.dataset.mood = closes.at(-1) > closes[0] ? 'up' : closes.at(-1) < closes[0] ? 'down' : 'muted';
  }
}
