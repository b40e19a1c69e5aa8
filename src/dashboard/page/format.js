// Formatting of numbers and times: UTC everywhere, prices with the digits they were traded with.
import { all, decimals, fitted } from './number.js';

export const LENGTH_MS = { '5s': 5e3, '1m': 6e4, '5m': 3e5, '1h': 36e5, '1d': 864e5 };

export const grouped = new Intl.NumberFormat('en-GB');
export const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
export const dayName = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

export const iso = (ms) => new Date(ms).toISOString();
export const clock = (ms) => iso(ms).slice(11, 19);
export const stamp = (ms, resolution) =>
  resolution === '1d' ? iso(ms).slice(0, 10) : `${iso(ms).slice(5, 10)} ${clock(ms)}`;

// The number of decimals that the row's prices need, so that prices align.
export const digitsOf = (row) =>
  Math.max(2, ...[row.open, row.high, row.low, row.last ?? row.close].map((value) => decimals(value ?? 0)));

// Making a formatter is slow, so each is made once.
const formatters = new Map();
function formatter(minimum, maximum) {
  const key = minimum * 100 + maximum;
  if (!formatters.has(key)) {
    const options = { minimumFractionDigits: minimum, maximumFractionDigits: maximum };
    formatters.set(key, new Intl.NumberFormat('en-GB', options));
  }
  return formatters.get(key);
}

// Fixed decimals, or all decimals of the double. A browser's formatter has 20 decimals at most.
const DIGITS_MAX = 20;
export const price = (value, digits) =>
  digits > DIGITS_MAX ? all(value) : formatter(digits, digits).format(value);
export const exact = (value, digits = 0) => price(value, Math.max(digits, decimals(value)));

// A price for a narrow place.
const PRICE_COLUMNS = 12;
export const priceInBrief = (value, digits) => {
  const text = price(value, digits);
  return text.length > PRICE_COLUMNS ? fitted(value, PRICE_COLUMNS) : text;
};

// A large number in brief; a small one with its digits.
export const amount = (value) => (value !== 0 && Math.abs(value) < 1 ? fitted(value, 10) : compact.format(value));

// The chart library's format of prices with this number of decimals. The library itself would round to powers of 2 of them.
export const axisFormat = (digits) => {
  const scale = { minMove: Number(`1e-${digits}`), base: 10 ** digits };
  if (digits <= 8) return { type: 'price', precision: digits, ...scale };
  return { type: 'custom', ...scale, formatter: (value) => price(value, digits) };
};

export function span(ms) {
  const s = Math.abs(ms) / 1000;
  if (s < 60) return `${Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  const days = Math.floor(s / 86400);
  return days < 730 ? `${days} days` : `${(days / 365.25).toFixed(1)} years`;
}

// The change from the day's first price, as text and as a direction.
export function changeOf(day, frontierMs) {
  if (frontierMs >= day.day_start_ms + LENGTH_MS['1d'])
    return { text: dayName.format(day.day_start_ms), mood: 'muted' };
  const percent = Math.round(((day.last - day.open) / day.open) * 1e4) / 100;
  const mood = percent > 0 ? 'up' : percent < 0 ? 'down' : 'muted';
  const sign = { up: '+', down: '−', muted: '' }[mood];
  return { text: `${sign}${Math.abs(percent).toFixed(2)}%`, mood };
}
