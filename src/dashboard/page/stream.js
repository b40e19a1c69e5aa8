// The event stream: one event a frontier advance, for what one looks at now.
const AGAIN_MS = 2000; // a connection that was refused is tried again after so long

export class Stream {
  #source = null;
  #url = null;
  #again = 0;

  // `tell` has onEvent(event) and onConnected(whether it is).
  constructor(tell) {
    this.tell = tell;
    // A hidden page lets its connection go; a browser has only a few for each host.
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#close() : this.#open()));
  }

  // Asks for something else. The first event is whole.
  ask({ watch, symbol, resolution, indicators, limit }) {
    const params = new URLSearchParams({ resolution, indicators, limit });
    if (symbol) params.set('symbol', symbol);
    for (const name of watch) params.append('watch', name);
    this.#url = `/api/stream?${params}`;
    this.#open();
  }

  #close() {
    clearTimeout(this.#again);
    this.#source?.close();
    this.#source = null;
  }

  #open() {
    this.#close();
    if (document.hidden || this.#url === null) return;
    const source = (this.#source = new EventSource(this.#url));
    source.addEventListener('open', () => this.tell.onConnected(true));
    source.addEventListener('error', () => {
      if (source !== this.#source) return;
      this.tell.onConnected(false);
      // The browser comes back by itself only after a connection that broke, not after a refusal.
      if (source.readyState === EventSource.CLOSED) this.#again = setTimeout(() => this.#open(), AGAIN_MS);
    });
    source.addEventListener('frontier', (message) => {
      if (source === this.#source) this.tell.onEvent(JSON.parse(message.data));
    });
  }
}
