// What one looks at, as the part of the address behind #, so that it can be kept, sent and gone back to.
import { DEFAULT_ON, isIndicator } from './indicators.js';
import { LENGTH_MS } from './format.js';
import { recall } from './dom.js';

const WATCH_MAX = 100; // the server takes no more

// `{ symbol, resolution, on, atMs, watch }`. What the link does not say is as at the last visit.
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
