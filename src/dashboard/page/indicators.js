// The indicators that can be drawn, as data. All values come from the workers; none is computed here.
// `warm` is the number of candles that a value needs to be meaningful (docs/definitions.md).
const line = (key, label, colour, warm, more = {}) => ({ key, label, colour, warm, kind: 'line', ...more });

export const INDICATORS = [
  { id: 'sma_12', label: 'SMA 12', lines: [line('sma_12', 'SMA 12', 'line-1', 12)] },
  { id: 'sma_60', label: 'SMA 60', lines: [line('sma_60', 'SMA 60', 'line-2', 60)] },
  { id: 'sma_240', label: 'SMA 240', lines: [line('sma_240', 'SMA 240', 'line-3', 240)] },
  { id: 'ema_12', label: 'EMA 12', lines: [line('ema_12', 'EMA 12', 'line-4', 12)] },
  { id: 'ema_26', label: 'EMA 26', lines: [line('ema_26', 'EMA 26', 'line-5', 26)] },
  {
    id: 'bollinger',
    label: 'Bollinger',
    title: 'Mean of 20 candles, and two standard deviations on either side',
    lines: [
      line('bollinger_upper', 'Upper', 'line-6', 20),
      line('bollinger_middle', 'Middle', 'line-6', 20, { dashed: true }),
      line('bollinger_lower', 'Lower', 'line-6', 20),
    ],
  },
  // A value of the candle itself, so it exists at every resolution.
  {
    id: 'vwap',
    label: 'VWAP',
    title: 'Volume-weighted price of each candle',
    own: true,
    lines: [line('vwap', 'VWAP', 'line-7', 0, { own: true })],
  },
  { id: 'rsi', label: 'RSI', pane: 'RSI 14', bounds: [30, 70], lines: [line('rsi_14', 'RSI 14', 'line-3', 15)] },
  {
    id: 'macd',
    label: 'MACD',
    pane: 'MACD 12, 26, 9',
    lines: [
      line('macd', 'MACD', 'line-2', 26),
      line('macd_signal', 'Signal', 'line-1', 34),
      line('macd_histogram', 'Histogram', 'muted', 34, { kind: 'bars' }),
    ],
  },
];

export const DEFAULT_ON = ['sma_12', 'sma_60'];
export const isIndicator = (id) => INDICATORS.some((indicator) => indicator.id === id);

// Indicators exist for 5 s candles only.
export const isAvailable = (indicator, resolution) => indicator.own || resolution === '5s';
export const shown = (on, resolution) =>
  INDICATORS.filter((indicator) => on.has(indicator.id) && isAvailable(indicator, resolution));
export const needsRows = (on, resolution) => shown(on, resolution).some((indicator) => !indicator.own);

// A line's value at a row; undefined if there is none, or it is not warm yet.
export function valueOf({ key, warm, own }, row) {
  if (own) return row[key];
  return row.indicators && row.indicators.candles >= warm ? row.indicators[key] : undefined;
}
