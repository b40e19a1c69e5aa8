// The bar of a log that is played: its time and speed, pause and step. On any other page there is none.
import { make, setText } from './dom.js';
import { clock, iso } from './format.js';

const POLL_MS = 500;
const SPEEDS = [0.5, 1, 2, 5, 10, 30, 60, 300, 1000];

const request = async (action) => {
  const options = action && {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(action),
  };
  const response = await fetch('/api/play', options);
  return response.ok ? (await response.json()).play : null;
};

class PlayBar {
  constructor(play) {
    this.time = make('time', { title: 'Records up to this event time were given' });
    this.state = make('span', { className: 'muted' });
    this.toggle = make('button', { type: 'button', onclick: () => this.#act(this.isPaused ? 'resume' : 'pause') });
    this.step = make('button', { type: 'button', textContent: 'Step', title: 'Go on by one advance, and pause' });
    this.step.onclick = () => this.#act('step');
    this.speed = make('select', { ariaLabel: 'Speed: event time per wall time' });
    this.speed.onchange = () => this.#act('speed', Number(this.speed.value));
    const bar = make('section', { id: 'play-bar', ariaLabel: 'Playback' });
    bar.append(make('b', { textContent: 'Playing' }), this.time, this.toggle, this.step, this.speed, this.state);
    document.querySelector('header').after(bar);
    this.#show(play);
    setInterval(() => this.#poll(), POLL_MS);
  }

  async #act(action, speed) {
    const play = await request(speed === undefined ? { action } : { action, speed }).catch(() => null);
    if (play) this.#show(play);
  }

  async #poll() {
    const play = await request().catch(() => null);
    if (play) this.#show(play);
    else setText(this.state, 'no answer');
  }

  #show({ time_ms: ms, speed, is_paused: isPaused, has_started: hasStarted, has_ended: hasEnded }) {
    this.isPaused = isPaused;
    setText(this.time, `${iso(ms).slice(0, 10)} ${clock(ms)}`);
    this.time.dateTime = iso(ms);
    setText(this.toggle, isPaused ? 'Resume' : 'Pause');
    for (const button of [this.toggle, this.step]) button.disabled = hasEnded;
    const text = hasEnded ? 'at the end' : isPaused ? 'paused' : '';
    setText(this.state, hasStarted ? text : 'reading what is before');
    if (document.activeElement === this.speed) return;
    const speeds = SPEEDS.includes(speed) ? SPEEDS : [...SPEEDS, speed].sort((a, b) => a - b);
    if (this.speed.options.length !== speeds.length || Number(this.speed.value) !== speed) {
      const option = (value) => make('option', { value, textContent: `${value} ×`, selected: value === speed });
      this.speed.replaceChildren(...speeds.map(option));
    }
  }
}

// Nothing waits for it: a page of a store is complete without.
request()
  .then((play) => {
    if (!play) return;
    document.head.append(make('link', { rel: 'stylesheet', href: '/play-bar.css' }));
    new PlayBar(play);
  })
  .catch(() => {});
