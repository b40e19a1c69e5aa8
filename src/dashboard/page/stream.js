// The event stream: one event per frontier advance, for the current view.
const RECONNECT_MS = 2000; // pause before a rejected connection is retried

export class Stream {
  #source = null;
  #url = null;
  #again = 0;

  // `tell` has onEvent(event) and onConnected(isConnected).
  constructor(tell) {
    this.tell = tell;
    // A hidden page closes its connection; a browser has only a few per host.
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#close() : this.#open()));
  }

  // Changes the subscription. The first event is whole.
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
      // The browser reconnects by itself only after a broken connection, not after an error response.
      if (source.readyState === EventSource.CLOSED) this.#again = setTimeout(() => this.#open(), RECONNECT_MS);
    });
    source.addEventListener('frontier', (message) => {
      if (source === this.#source) this.tell.onEvent(JSON.parse(message.data));
    });
  }
}
