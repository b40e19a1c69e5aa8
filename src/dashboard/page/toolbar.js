// The controls above the chart: resolution and indicators.
import { $, make } from './dom.js';
import { LENGTH_MS } from './format.js';
import { INDICATORS, isAvailable } from './indicators.js';

const WORDS = { '5s': '5 seconds', '1m': '1 minute', '5m': '5 minutes', '1h': '1 hour', '1d': '1 day' };

function choice(type, name, value, label, change) {
  const input = make('input', { type, name, value });
  input.addEventListener('change', change);
  return make('label', {}, input, label);
}

export class Toolbar {
  #resolutions = new Map();
  #indicators = new Map();

  // `handlers` has onResolution(name) and onIndicator(id, on).
  constructor(handlers) {
    Object.keys(LENGTH_MS).forEach((name, at) => {
      const label = choice('radio', 'resolution', name, make('span', { textContent: name }), () =>
        handlers.onResolution(name),
      );
      label.title = `${WORDS[name]} (${at + 1})`;
      label.firstChild.setAttribute('aria-label', WORDS[name]);
      this.#resolutions.set(name, label.firstChild);
      $('resolutions').append(label);
    });
    for (const { id, label, title, lines } of INDICATORS) {
      const swatch = make('i', { className: 'swatch' });
      swatch.style.background = `var(--${lines[0].colour})`;
      const span = make('span', {}, swatch, label);
      const chip = choice('checkbox', id, id, span, ({ target }) => handlers.onIndicator(id, target.checked));
      chip.title = title ?? label;
      this.#indicators.set(id, chip.firstChild);
      $('indicators').append(chip);
    }
  }

  show({ resolution, on }) {
    this.#resolutions.get(resolution).checked = true;
    for (const indicator of INDICATORS) {
      const input = this.#indicators.get(indicator.id);
      input.checked = on.has(indicator.id);
      input.disabled = !isAvailable(indicator, resolution);
    }
    $('indicators-note').hidden = resolution === '5s';
  }
}
