// The live page: one event stream says when the frontier advances; rows are fetched when they are shown.
import { PriceChart } from './chart.js';
import { clock, compact, dayName, digitsOf, grouped, iso, price, span, stamp } from './format.js';

const LENGTH_MS = { '5s': 5e3, '1m': 6e4, '5m': 3e5, '1h': 36e5, '1d': 864e5 };
const HORIZON_MS = 15 * 6e4; // a late trade corrects candles so far back
const PAGE_ROWS = 500; // rows a request
const ROWS_MAX = 10_000; // rows kept for the chart
const LIST_MAX = 200; // symbols listed at once
const REFRESH_MS = 500; // the chart is fetched at most so often
const WHOLE_EVERY_MS = 60_000; // the chart is fetched from the start of the page so often, whatever the horizon
const LIVE_MS = 15_000; // behind now by less: live
const STILL_MS = 10_000; // no advance for so long: standing still

const $ = (id) => document.getElementById(id);
const params = new URLSearchParams(location.hash.slice(1));
const state = {
  symbol: params.get('symbol') || null,
  resolution: LENGTH_MS[params.get('resolution')] ? params.get('resolution') : '5s',
  watch: new Map(), // watch list row by symbol
  lines: new Map(), // table line by symbol
  frontier: null, // the last event
  clockMs: 0, // server clock less ours
  advances: [], // [our time, frontier] of the last seconds, for the speed
  connected: false,
};

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// --- the head: what is complete, and how far behind -------------------------------------------------------------
function showFrontier(event) {
  const ms = event.frontier_ms;
  setText($('frontier'), clock(ms));
  $('frontier').dateTime = event.frontier;
  setText($('frontier-date'), `${iso(ms).slice(0, 10)} UTC`);
  document.title = `${clock(ms)} complete · Tickline`;
  setText($('trades'), grouped.format(event.tallies.trades));
  setText($('late'), grouped.format(event.tallies.late));
  setText($('rejected'), grouped.format(event.rejected));
  setText($('rows'), grouped.format(event.rows));
  setText($('digest'), `${event.digest.slice(0, 8)}…`);
  $('digest').title = event.digest;
  if ($('tallies').parentElement.open) showTallies(event.tallies);
}

function showTallies(tallies) {
  const pairs = Object.entries(tallies).flatMap(([name, count]) => {
    const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
    [dt.textContent, dd.textContent] = [name.replaceAll('_', ' '), grouped.format(count)];
    return [dt, dd];
  });
  $('tallies').replaceChildren(...pairs);
}

function speed() {
  const [first, last] = [state.advances[0], state.advances.at(-1)];
  return first === last ? null : (last[1] - first[1]) / (last[0] - first[0]);
}

function showState() {
  const tell = (mood, lag, text) => {
    $('dot').dataset.state = mood;
    setText($('lag'), lag);
    setText($('state'), text);
  };
  const now = Date.now();
  const frontierMs = state.frontier?.frontier_ms;
  const lagMs = now + state.clockMs - frontierMs;
  const lag = lagMs < 0 ? `${span(lagMs)} ahead of now` : `${span(lagMs)} behind now`;
  if (!state.connected) return tell('lost', frontierMs ? lag : '', 'connection lost, trying again');
  if (!frontierMs) return tell('waiting', '', 'waiting for the first frontier');
  const still = now - state.advances.at(-1)[0];
  if (still > STILL_MS) {
    return tell(
      'still',
      lag,
      `no advance for ${Math.floor(still / 1000)} s: a source is silent, or the work has ended`,
    );
  }
  if (Math.abs(lagMs) < LIVE_MS) return tell('live', lag, 'live');
  const pace = speed();
  const moving = pace !== null && pace > 1.5 ? `, advancing ${compact.format(Math.round(pace))}× real time` : '';
  return tell('behind', lag, `not live${moving}`);
}

// --- the watch list -----------------------------------------------------------------------------------------------
function changeOf(row) {
  if (state.frontier?.frontier_ms >= row.day_start_ms + LENGTH_MS['1d']) {
    return { text: dayName.format(row.day_start_ms), mood: 'muted' };
  }
  const percent = Math.round(((row.last - row.open) / row.open) * 1e4) / 100;
  const arrow = percent > 0 ? '▲' : percent < 0 ? '▼' : '·';
  return {
    text: `${arrow} ${Math.abs(percent).toFixed(2)}%`,
    mood: percent > 0 ? 'up' : percent < 0 ? 'down' : 'muted',
  };
}

function newLine(symbol) {
  const tr = document.createElement('tr');
  const cells = ['', '', '', 'wide'].map((name) => Object.assign(document.createElement('td'), { className: name }));
  const button = Object.assign(document.createElement('button'), {
    type: 'button',
    textContent: symbol,
    title: symbol,
  });
  cells[0].append(button);
  tr.append(...cells);
  tr.addEventListener('click', () => choose(symbol, state.resolution));
  return { tr, cells, button };
}

function fillLine({ tr, cells }, row) {
  const change = changeOf(row);
  const last = price(row.last, digitsOf(row));
  if (cells[1].textContent && cells[1].textContent !== last) {
    tr.classList.remove('moved');
    requestAnimationFrame(() => tr.classList.add('moved'));
  }
  setText(cells[1], last);
  setText(cells[2], change.text);
  cells[2].className = change.mood;
  setText(cells[3], compact.format(row.trades));
}

function layList() {
  const wanted = $('filter').value.trim().toUpperCase();
  const found = [...state.watch.keys()].filter((symbol) => symbol.toUpperCase().includes(wanted)).sort();
  const shown = found.slice(0, LIST_MAX);
  state.lines = new Map(shown.map((symbol) => [symbol, state.lines.get(symbol) ?? newLine(symbol)]));
  for (const [symbol, line] of state.lines) fillLine(line, state.watch.get(symbol));
  $('list').replaceChildren(...[...state.lines.values()].map((line) => line.tr));
  const none = state.watch.size === 0 ? 'No symbol has traded yet.' : 'No such symbol.';
  const more = found.length > LIST_MAX ? `${found.length - LIST_MAX} more: type a part of the name above.` : '';
  setText($('list-note'), found.length === 0 ? none : more);
  markChosen();
}

function markChosen() {
  for (const [symbol, { tr, button }] of state.lines) {
    tr.classList.toggle('chosen', symbol === state.symbol);
    button.setAttribute('aria-pressed', String(symbol === state.symbol));
  }
}

function takeWatch(event) {
  const known = state.watch.size;
  if (event.whole) state.watch.clear();
  for (const row of event.watch) state.watch.set(row.symbol, row);
  if (event.whole || state.watch.size !== known) layList();
  else for (const row of event.watch) if (state.lines.has(row.symbol)) fillLine(state.lines.get(row.symbol), row);
  if (!state.watch.has(state.symbol) && state.watch.size > 0) choose(busiest(), state.resolution);
  showPrice();
}

// The symbol with most trades on the newest day.
const busiest = () =>
  [...state.watch.values()].reduce((a, b) => ((b.day_start_ms - a.day_start_ms || b.trades - a.trades) > 0 ? b : a))
    .symbol;

function showPrice() {
  const row = state.watch.get(state.symbol);
  if (!row) return;
  const change = changeOf(row);
  setText($('price'), price(row.last, digitsOf(row)));
  setText($('price-change'), change.text);
  $('price-change').className = change.mood;
}

// --- the chart ----------------------------------------------------------------------------------------------------
const rows = {
  map: new Map(),
  key: '',
  frontierMs: 0,
  wholeAt: 0,
  first: false,
  busy: false,
  again: false,
  older: false,
};
let hovered = null;
const chart = new PriceChart(
  $('chart'),
  (row) => {
    hovered = row;
    showLegend();
  },
  () => older(),
);
const sorted = () => [...rows.map.values()].sort((a, b) => a.window_start_ms - b.window_start_ms);
const keyNow = () => JSON.stringify([state.symbol, state.resolution]);

async function ask(query) {
  const key = keyNow();
  const search = new URLSearchParams({
    symbol: state.symbol,
    resolution: state.resolution,
    limit: PAGE_ROWS,
    ...query,
  });
  const response = await fetch(`/api/candles?${search}`);
  const body = await response.json();
  if (!response.ok) throw new Error(`${body.error}. ${body.hint}`);
  return key === keyNow() ? body : null; // something else was chosen meanwhile
}

async function refresh() {
  if (!state.symbol) return showMessage('Waiting for the first candle.');
  if (rows.busy) {
    rows.again = true;
    return;
  }
  rows.busy = true;
  try {
    const length = LENGTH_MS[state.resolution];
    const whole = rows.map.size === 0 || Date.now() - rows.wholeAt > WHOLE_EVERY_MS;
    const body = await ask(whole ? {} : { from: Math.max(0, rows.frontierMs - HORIZON_MS - length) });
    if (body) take(body, whole);
    showMessage(body && rows.map.size === 0 ? 'No candles yet.' : '');
  } catch (error) {
    // What is shown stays; the head says when the connection is lost.
    showMessage(rows.map.size === 0 ? error.message : '');
  } finally {
    setTimeout(
      () => {
        rows.busy = false;
        if (rows.again) {
          rows.again = false;
          refresh();
        }
      },
      rows.key === keyNow() ? REFRESH_MS : 0,
    );
  }
}

function take(body, whole) {
  if (whole) rows.wholeAt = Date.now();
  const newest = Math.max(-1, ...rows.map.keys());
  // A full page that does not reach back to what is held leaves a hole: start again from it.
  if (body.rows.length === PAGE_ROWS && body.rows[0].window_start_ms > newest)
    Object.assign(rows, { map: new Map(), first: false });
  for (const row of body.rows) rows.map.set(row.window_start_ms, row);
  rows.frontierMs = body.frontier_ms;
  const changed = rows.key !== keyNow();
  rows.key = keyNow();
  draw();
  if (changed) chart.newest();
}

function draw() {
  const list = sorted();
  for (const row of list.splice(0, list.length - ROWS_MAX)) rows.map.delete(row.window_start_ms);
  if (list.length > 0) chart.setScale(state.resolution, Math.max(...list.slice(-100).map(digitsOf)));
  chart.show(list, LENGTH_MS[state.resolution], `complete up to ${clock(rows.frontierMs)}`);
  showLegend();
}

async function older() {
  if (rows.older || rows.first || rows.map.size === 0 || rows.map.size >= ROWS_MAX || rows.key !== keyNow()) return;
  rows.older = true;
  const key = keyNow();
  try {
    const body = await ask({ to: sorted()[0].window_start_ms });
    if (!body) return;
    rows.first = body.rows.length < PAGE_ROWS;
    for (const row of body.rows) rows.map.set(row.window_start_ms, row);
    if (body.rows.length > 0) draw();
  } catch {
    rows.first = key === keyNow(); // what is shown stays; the next choice asks again
  } finally {
    rows.older = false;
  }
}

function showLegend() {
  const row = (hovered && rows.map.get(hovered.window_start_ms)) ?? sorted().at(-1);
  if (!row) return $('legend').replaceChildren();
  const digits = digitsOf(row);
  const end = row.window_start_ms + LENGTH_MS[state.resolution];
  const status = !row.complete
    ? 'in progress'
    : row.as_of >= end
      ? `complete, corrected at ${clock(row.as_of)}`
      : 'complete';
  const parts = [
    ['', stamp(row.window_start_ms, state.resolution)],
    ['', status],
    ['O', price(row.open, digits)],
    ['H', price(row.high, digits)],
    ['L', price(row.low, digits)],
    ['C', price(row.close, digits)],
    ['Vol', compact.format(row.volume)],
    ['VWAP', price(row.vwap, digits)],
    ['Trades', grouped.format(row.trades)],
  ];
  $('legend').replaceChildren(
    ...parts.map(([name, value]) => {
      const part = document.createElement('span');
      const strong = Object.assign(document.createElement('b'), { textContent: value });
      part.append(name ? `${name} ` : '', strong, ' ');
      return part;
    }),
  );
}

function showMessage(text) {
  $('message').hidden = text === '';
  setText($('message'), text);
}

// --- choosing -----------------------------------------------------------------------------------------------------
function choose(symbol, resolution) {
  [state.symbol, state.resolution] = [symbol, resolution];
  history.replaceState(null, '', `#${new URLSearchParams({ symbol: symbol ?? '', resolution })}`);
  setText($('symbol'), symbol ?? '–');
  markChosen();
  showPrice();
  Object.assign(rows, { map: new Map(), first: false });
  hovered = null;
  refresh();
}

for (const resolution of Object.keys(LENGTH_MS)) {
  const label = document.createElement('label');
  const input = Object.assign(document.createElement('input'), {
    type: 'radio',
    name: 'resolution',
    value: resolution,
    checked: resolution === state.resolution,
  });
  input.addEventListener('change', () => choose(state.symbol, resolution));
  label.append(input, Object.assign(document.createElement('span'), { textContent: resolution }));
  $('resolutions').append(label);
}
$('filter').addEventListener('input', layList);
$('tallies').parentElement.addEventListener('toggle', () => state.frontier && showTallies(state.frontier.tallies));
$('list').addEventListener('keydown', (event) => {
  const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
  const next = step && event.target.closest('tr')?.[step];
  if (!next) return;
  event.preventDefault();
  next.querySelector('button').focus();
});

// --- the stream ---------------------------------------------------------------------------------------------------
let source = null;
function connect() {
  source?.close();
  source = new EventSource('/api/stream');
  source.addEventListener('open', () => {
    state.connected = true;
    showState();
  });
  source.addEventListener('error', () => {
    state.connected = false;
    showState();
    // The browser comes back by itself only after a connection that broke, not after a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => document.hidden || connect(), 2000);
  });
  source.addEventListener('frontier', (message) => {
    const event = JSON.parse(message.data);
    state.connected = true;
    if (event.frontier_ms) {
      const now = Date.now();
      state.clockMs = event.now_ms - now;
      if (state.frontier?.frontier_ms !== event.frontier_ms) state.advances.push([now, event.frontier_ms]);
      while (state.advances.length > 2 && now - state.advances[0][0] > 10_000) state.advances.shift();
      state.frontier = event;
      showFrontier(event);
    }
    takeWatch(event);
    showState();
    refresh();
  });
}
// A hidden page lets its connection go; a browser has only a few for each host.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    source?.close();
    state.advances.splice(0, state.advances.length - 1);
  } else connect();
});
setInterval(showState, 200);
setText($('symbol'), state.symbol ?? '–');
layList();
connect();
