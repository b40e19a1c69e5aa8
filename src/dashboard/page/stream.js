// The event stream: one event per frontier advance, for the current view, and heartbeats of the server.
const RECONNECT_MS = 2000; // pause before a rejected connection is retried
const SILENT_MS = 12_000; // time without a heartbeat after which the connection is lost: one comes every 5 s

export class Stream {
  #source = null;
  #url = null;
  #again = 0;
  #silence = 0;

  // `handlers` has onEvent(event), onBeat(beat) and onConnected(isConnected).
  constructor(handlers) {
    this.handlers = handlers;
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
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
  }

  // Begins to wait for the next event. A broken line may stay open for minutes without an error.
  #wait() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.handlers.onConnected(false);
      this.#open();
    }, SILENT_MS);
  }

  #open() {
    this.#close();
    if (document.hidden || this.#url === null) return;
    const source = (this.#source = new EventSource(this.#url));
    this.#wait();
    source.addEventListener('open', () => this.handlers.onConnected(true));
    source.addEventListener('error', () => {
      if (source !== this.#source) return;
      this.handlers.onConnected(false);
      // The browser reconnects by itself only after a broken connection, not after an error response.
      if (source.readyState === EventSource.CLOSED) this.#again = setTimeout(() => this.#open(), RECONNECT_MS);
    });
    const on = (name, handle) =>
      source.addEventListener(name, (message) => {
        if (source !== this.#source) return;
        this.#wait();
        handle(JSON.parse(message.data));
      });
    on('frontier', (event) => this.handlers.onEvent(event));
    on('state', (beat) => this.handlers.onBeat(beat));
  }
}
