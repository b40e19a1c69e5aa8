// Rows as of an earlier time: the input, and the banner that says so while they are shown.
import { $, make } from './dom.js';
import { grouped, iso } from './format.js';

// The input has no zone, and the page has UTC everywhere.
const toInput = (ms) => (ms ? iso(ms).slice(0, -1) : '');
const fromInput = (text) => {
  const ms = text ? Date.parse(`${text}Z`) : NaN;
  return Number.isFinite(ms) && ms > 0 ? ms : null;
};

const ofCandles = (count) => `${grouped.format(count)} candle${count === 1 ? '' : 's'}`;

// What was corrected since, of the rows held.
function corrections({ list, added }) {
  const corrected = list.filter((row) => row.corrected).length;
  const since = `${grouped.format(corrected)} of ${ofCandles(list.length)} ${corrected === 1 ? 'was' : 'were'} corrected since`;
  return added > 0 ? `${since}, ${grouped.format(added)} added` : since;
}

export class AsOf {
  #asked; // what the input was set to

  // `onChange(ms or null)` is called with another time.
  constructor(onChange) {
    const changed = () => {
      const ms = fromInput($('as-of').value);
      if (ms !== this.#asked) onChange(ms);
    };
    // A picker reports every part that is changed; the keyboard ends with Enter, or by leaving the input.
    $('as-of').addEventListener('blur', changed);
    $('as-of').addEventListener('keydown', (event) => event.key === 'Enter' && changed());
    $('as-of-live').addEventListener('click', () => onChange(null));
  }

  // Shows the time that is asked for; null is live.
  ask(ms) {
    this.#asked = ms;
    $('as-of').value = toInput(ms);
    $('as-of-note').hidden = !ms;
    $('sign-since').hidden = !ms;
    document.body.classList.toggle('as-of', Boolean(ms));
    if (ms) this.#say(ms, 'computing …');
  }

  // Shows what the rows held are.
  show(rows) {
    if (rows.then) this.#say(rows.frontierMs, corrections(rows));
  }

  fail(why) {
    if (this.#asked) this.#say(this.#asked, why);
  }

  #say(ms, what) {
    const time = make('b', { textContent: `As of ${iso(ms).slice(0, -1).replace('T', ' ').replace('.000', '')} UTC` });
    if ($('as-of-text').dataset.said === `${ms} ${what}`) return;
    $('as-of-text').dataset.said = `${ms} ${what}`;
    $('as-of-text').replaceChildren(time, `; ${what}`);
  }
}
