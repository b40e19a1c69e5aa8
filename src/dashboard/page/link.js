// The view as the URL's fragment, so that it can be bookmarked, shared and navigated back to.
import { DEFAULT_ON, isIndicator } from './indicators.js';
import { LENGTH_MS } from './format.js';
import { recall } from './dom.js';

const WATCH_MAX = 100; // the server's limit

// `{ symbol, resolution, on, atMs, watch }`. Defaults come from the last visit.
export function readLink(hash) {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const resolution = params.get('resolution');
  const on = params.has('on') ? params.get('on').split(' ') : (recall('on') ?? DEFAULT_ON);
  const atMs = Number(params.get('at'));
  const watch = params.has('watch') ? params.getAll('watch') : (recall('watch') ?? []);
  return {
    symbol: params.get('symbol') || null,
    resolution: LENGTH_MS[resolution] ? resolution : '5s',
    on: new Set(on.filter(isIndicator)),
    atMs: atMs > 0 && Number.isSafeInteger(atMs) ? atMs : null,
    watch: [...new Set(watch.filter(Boolean))].slice(0, WATCH_MAX),
  };
}

export function writeLink({ symbol, resolution, on, atMs, watch }) {
  const params = new URLSearchParams({ symbol: symbol ?? '', resolution, on: [...on].join(' ') });
  if (atMs) params.set('at', atMs);
  for (const name of watch) params.append('watch', name);
  return `#${params}`;
}
