// The view as the URL's fragment, so that it can be bookmarked, shared and navigated back to.
import { DEFAULT_ON, isIndicator } from './indicators.js';
import { LENGTH_MS } from './format.js';
import { recall } from './dom.js';

const WATCH_MAX = 100; // the server's limit
const TIME_MS_END = 8.64e15; // of a browser's dates

// A list of texts kept by the last visit; storage may hold anything.
function recalled(name, otherwise) {
  const kept = recall(name);
  return Array.isArray(kept) && kept.every((text) => typeof text === 'string') ? kept : otherwise;
}

// `{ symbol, resolution, on, atMs, asOfMs, watch }`. Defaults come from the last visit.
export function readLink(hash) {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const resolution = params.get('resolution');
  const on = params.has('on') ? params.get('on').split(' ') : recalled('on', DEFAULT_ON);
  const time = (name) => {
    const ms = Number(params.get(name));
    return ms > 0 && ms < TIME_MS_END && Number.isSafeInteger(ms) ? ms : null;
  };
  const watch = params.has('watch') ? params.getAll('watch') : recalled('watch', []);
  return {
    symbol: params.get('symbol') || null,
    resolution: Object.hasOwn(LENGTH_MS, resolution) ? resolution : '5s',
    on: new Set(on.filter(isIndicator)),
    atMs: time('at'),
    asOfMs: time('as_of'),
    watch: [...new Set(watch.filter(Boolean))].slice(0, WATCH_MAX),
  };
}

export function writeLink({ symbol, resolution, on, atMs, asOfMs, watch }) {
  const params = new URLSearchParams({ symbol: symbol ?? '', resolution, on: [...on].join(' ') });
  if (atMs) params.set('at', atMs);
  if (asOfMs) params.set('as_of', asOfMs);
  for (const name of watch) params.append('watch', name);
  return `#${params}`;
}
