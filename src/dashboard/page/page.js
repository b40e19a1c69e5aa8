// The live page: connects its parts. One event stream brings the changes; the URL's fragment holds the view.
import { AsOf } from './as-of.js';
import { PriceChart } from './chart.js';
import { Corrections } from './corrections.js';
import { $, keep, make, say, setText } from './dom.js';
import { Explain } from './explain.js';
import { LENGTH_MS, changeOf, digitsOf, price } from './format.js';
import { Gaps, spanOf } from './gaps.js';
import { Head } from './head.js';
import { needsRows } from './indicators.js';
import { startKeys } from './keys.js';
import { showLegend } from './legend.js';
import { readLink, writeLink } from './link.js';
import { Loader } from './loader.js';
import { parts, shown } from './names.js';
import './play-bar.js';
import { Rows } from './rows.js';
import { Search } from './search.js';
import { Stream } from './stream.js';
import { startTabs } from './tabs.js';
import { Toolbar } from './toolbar.js';
import { WatchList } from './watchlist.js';

const CHART_ROWS = 500; // candles of a whole chart
const MARKS_KEPT = 50; // performance marks of drawn events

let view = readLink(location.hash);
let rows = new Rows(view.resolution);
let hovered = null; // start of the candle under the cursor
let point = false; // whether the cursor goes to the link's time
let other = null; // symbol table entry of a symbol that is not on the watch list
const marks = [];

const head = new Head();
const corrections = new Corrections((symbol, resolution, atMs) => goTo(symbol, resolution, atMs));
const gaps = new Gaps({
  onGaps: (found) => showGaps(found),
  onShow: (ms) => goTo(view.symbol, view.resolution, ms - (ms % LENGTH_MS[view.resolution])),
});
const list = new WatchList({ onChoose: (symbol) => choose({ symbol }), onRemove: (symbol) => watch(symbol, false) });
const asOf = new AsOf((asOfMs) => choose({ asOfMs }));
const toolbar = new Toolbar({
  onResolution: (resolution) => choose({ resolution }),
  onIndicator: (id, is) => toggle(id, is),
});
const search = new Search({ onChoose: (symbol, watched) => found(symbol, watched) });
const chart = new PriceChart($('chart'), {
  onHover: (row, aloud) => hover(row, aloud),
  onOldest: () => loader.older(rows, view, hasIndicators()),
  onNewest: () => loader.newer(rows, view, hasIndicators()),
  onMoved: () => moved(),
  onEnd: () => toNewest(),
  onClick: (row) => explain.open(view.symbol, view.resolution, row.window_start_ms),
});
const explain = new Explain();
const loader = new Loader((loaded) => {
  if (loaded !== rows) return;
  drawAll();
  asOf.show(rows);
});
const stream = new Stream({
  onConnected: (is) => head.connected(is),
  onBeat: (beat) => head.beat(beat),
  onEvent: (event) => take(event),
});

const hasIndicators = () => needsRows(view.on, view.resolution);

function ask() {
  const { watch: names, symbol, resolution } = view;
  stream.ask({ watch: names, symbol, resolution, indicators: hasIndicators(), limit: CHART_ROWS });
}

// --- events -------------------------------------------------------------------------------------------------------
function take(event) {
  head.take(event);
  gaps.take(event);
  list.take(event, view.watch.length > 0);
  if (!view.symbol && event.chart) {
    view.symbol = event.chart.symbol;
    history.replaceState(null, '', writeLink(view));
    if (view.asOfMs) openThen();
  }
  if (event.whole) {
    showChoice();
    lookUp(view.symbol).catch(() => null); // on failure its name is not shown
  }
  const { chart: news } = event;
  // A chart as of an earlier time does not change.
  const isOurs = news?.symbol === view.symbol && news?.resolution === view.resolution && !view.asOfMs;
  if (isOurs) takeChart(event, news);
  if (event.whole && !view.asOfMs && (!news || news.candles.length === 0) && rows.list.length === 0) {
    showMessage(view.symbol ? `No candles of ${shown(view.symbol)} yet.` : 'Waiting for the first candle.');
  }
  showPrice();
  if (event.frontier_ms) markDrawn(event.frontier_ms);
}

function takeChart(event, news) {
  const first = rows.list.length === 0;
  const beforeMs = rows.frontierMs;
  // A whole chart that does not reach back to the rows held would leave a gap: start over from it.
  const gap = event.whole && rows.live && news.candles[0]?.window_start_ms > (rows.list.at(-1)?.window_start_ms ?? -1);
  if (gap) rows.clear();
  rows.frontierMs = event.frontier_ms ?? rows.frontierMs;
  const candles = rows.within(news.candles);
  const known = new Map(candles.map((row) => [row.window_start_ms, rows.get(row.window_start_ms)]));
  const { olds } = rows.put(candles, news.indicators ?? []);
  if (!first && !gap) listCorrections(known, beforeMs);
  const starts = new Set(olds.keys());
  for (const row of rows.completedBy(beforeMs, rows.frontierMs)) starts.add(row.window_start_ms);
  if (rows.list.length > 0) showMessage('');
  if (first || gap || rows.trim(chart.firstSeen())) drawAll();
  else
    chart.update(
      rows,
      [...starts].sort((a, b) => a - b),
    );
  if (first) arrive(event.whole && news.candles.length < CHART_ROWS);
  showHovered(false);
}

// Called with the first rows of a view: goes to the link's time, or to the newest candle.
function arrive(isAll) {
  rows.oldest = isAll;
  if (!view.atMs) return chart.newest();
  if (isAll || (rows.list.length > 0 && view.atMs >= rows.list[0].window_start_ms)) return chart.look(view.atMs, point);
  const [asked, atMs, pointed] = [rows, view.atMs, point];
  return loader.around(rows, view, hasIndicators(), atMs).then(() => asked === rows && chart.look(atMs, pointed));
}

// Reads the rows as of the view's time.
async function openThen() {
  const asked = rows;
  try {
    await loader.then(rows, view, hasIndicators(), CHART_ROWS);
  } catch (error) {
    if (asked === rows) asOf.fail(error.message);
    if (asked === rows) showMessage('No candles as of then.');
    return;
  }
  if (asked !== rows) return;
  showMessage(rows.list.length > 0 ? '' : `No candles of ${shown(view.symbol)} as of then.`);
  drawAll();
  asOf.show(rows);
  showPrice();
  arrive(rows.oldest);
}

function listCorrections(known, beforeMs) {
  for (const [startMs, old] of known) {
    const row = rows.get(startMs);
    if (rows.endOf(row) <= beforeMs && startMs > rows.list[0].window_start_ms) {
      corrections.add(view.symbol, view.resolution, old, row);
    }
  }
}

function drawAll() {
  chart.draw(rows);
  showHovered(false);
}

// Marks when an advance is on the screen, for measurements.
function markDrawn(frontierMs) {
  requestAnimationFrame(() => {
    marks.push(`drawn:${frontierMs}`);
    performance.mark(marks.at(-1));
    if (marks.length > MARKS_KEPT) performance.clearMarks(marks.shift());
  });
}

// --- the view -----------------------------------------------------------------------------------------------------
function showChoice() {
  // A long symbol may wrap after its exchange.
  const { exchange, own } = parts(shown(view.symbol ?? '–'));
  const name = exchange ? [`${exchange}:`, make('wbr'), own] : [own];
  if ($('symbol').textContent !== shown(view.symbol)) $('symbol').replaceChildren(...name);
  list.choose(view.symbol);
  toolbar.show(view);
  const watched = list.has(view.symbol);
  $('watch').setAttribute('aria-pressed', String(watched));
  setText($('watch'), watched ? '★' : '☆');
  $('watch').title = watched ? 'Remove from the watch list (w)' : 'Add to the watch list (w)';
}

function showPrice() {
  const newest = rows.live ? rows.list.at(-1) : undefined;
  const known = list.row(view.symbol) ?? (other?.symbol === view.symbol ? { ...other, ...other.day } : null);
  const last = list.has(view.symbol) && !view.asOfMs ? known.last : (newest?.close ?? known?.last);
  setText($('name'), shown(known?.name));
  setText($('price'), last === undefined ? '' : price(last, digitsOf({ ...newest, ...known, last })));
  const change = known?.open && last && !view.asOfMs ? changeOf({ ...known, last }, rows.frontierMs) : { text: '', mood: '' };
  setText($('price-change'), change.text);
  $('price-change').className = change.mood;
  document.title = last === undefined ? 'Tickline' : `${$('price').textContent} ${shown(view.symbol)} · Tickline`;
}

// Fetches name and day of a symbol that is not watched: they are not in the stream.
async function lookUp(symbol) {
  if (!symbol || list.has(symbol) || other?.symbol === symbol) return;
  const response = await fetch(`/api/symbols?${new URLSearchParams({ query: symbol, limit: 1 })}`);
  const found = response.ok ? (await response.json()).symbols[0] : null;
  if (found?.symbol !== view.symbol) return;
  other = found;
  showPrice();
}

// Changes the view. The old rows are dropped, so that they are never shown as rows of the new view.
function open() {
  rows = new Rows(view.resolution);
  hovered = null;
  chart.setView(view.on, view.resolution);
  chart.draw(rows);
  showLegend(rows, null, view, 2, false);
  showMessage('Loading…');
  showChoice();
  showPrice();
  asOf.ask(view.asOfMs);
  ask();
  if (view.asOfMs && view.symbol) openThen();
}

function choose(change) {
  const next = { ...view, atMs: null, ...change };
  const isSame = ['symbol', 'resolution', 'asOfMs'].every((name) => next[name] === view[name]);
  if (isSame && !next.atMs) return;
  view = next;
  history.pushState(null, '', writeLink(view));
  point = Boolean(view.atMs);
  open();
}

// Goes to one candle, in the rows already held if it is among them.
function goTo(symbol, resolution, atMs) {
  if (symbol === view.symbol && resolution === view.resolution && rows.get(atMs)) chart.look(atMs, true);
  else choose({ symbol, resolution, atMs });
}

function toNewest() {
  view.atMs = null;
  history.replaceState(null, '', writeLink(view));
  if (rows.live) return chart.newest();
  return open();
}

function toggle(id, is) {
  const had = hasIndicators();
  view = { ...view, on: new Set(view.on) };
  if (is) view.on.add(id);
  else view.on.delete(id);
  keep('on', [...view.on]);
  history.pushState(null, '', writeLink(view));
  chart.setView(view.on, view.resolution);
  toolbar.show(view);
  showHovered(false);
  if (had === hasIndicators()) return;
  ask();
  if (!had) loader.indicators(rows, view);
}

// Adds a symbol to the watch list or removes it. An empty list shows the most traded symbols.
function watch(symbol, is) {
  if (!symbol || list.has(symbol) === is) return;
  const others = list.symbols.filter((other) => other !== symbol);
  view = { ...view, watch: is ? [...others, symbol].slice(-100) : others };
  keep('watch', view.watch.length > 0 ? view.watch : null);
  history.replaceState(null, '', writeLink(view));
  say(`${shown(symbol)} is ${is ? 'on' : 'off'} the watch list`);
  ask();
}

function found(symbol, watched) {
  if (watched) watch(symbol, true);
  choose({ symbol });
  $('chart').focus();
}

function moved() {
  const atMs = chart.middleMs();
  if (atMs === view.atMs || rows.list.length === 0) return;
  view.atMs = atMs;
  history.replaceState(null, '', writeLink(view));
}

function hover(row, aloud) {
  hovered = row?.window_start_ms ?? null;
  showHovered(aloud);
}

function showHovered(aloud) {
  const row = rows.get(hovered) ?? rows.list.at(-1);
  const gap = row ? gaps.at(row.window_start_ms, rows.endOf(row)) : null;
  const note = gap ? `gap ${spanOf(gap)}: ${shown(gap.cause)}` : '';
  showLegend(rows, row, view, row ? digitsOf(row) : 2, aloud, note);
}

function explainHovered() {
  const row = rows.get(hovered) ?? rows.list.at(-1);
  if (row) explain.open(view.symbol, view.resolution, row.window_start_ms);
}

function showGaps(found) {
  chart.setGaps(found);
  showHovered(false);
}

function showMessage(text) {
  $('message').hidden = text === '';
  setText($('message'), text);
}

addEventListener('popstate', () => {
  view = readLink(location.hash);
  point = false;
  open();
});
document.addEventListener('visibilitychange', () => document.hidden && head.pause());
$('watch').addEventListener('click', () => watch(view.symbol, !list.has(view.symbol)));
$('newest').addEventListener('click', () => toNewest());
startTabs();
startKeys(
  {
    search: () => search.focus(),
    resolution: (resolution) => choose({ resolution }),
    neighbour: (by) => choose({ symbol: list.neighbour(by) ?? view.symbol }),
    watch: () => watch(view.symbol, !list.has(view.symbol)),
    explain: () => explainHovered(),
  },
  chart,
);
open();

// The chart's rows, and the places of its time axis, for tests.
export const held = () => rows.list;
export const places = () => chart.places();
