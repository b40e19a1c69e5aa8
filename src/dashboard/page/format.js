// How numbers and times are written: UTC everywhere, prices with the digits they were traded with.
export const grouped = new Intl.NumberFormat('en-GB');
export const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
export const dayName = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
export const iso = (ms) => new Date(ms).toISOString();
export const clock = (ms) => iso(ms).slice(11, 19);
export const stamp = (ms, resolution) =>
  resolution === '1d' ? iso(ms).slice(0, 10) : `${iso(ms).slice(5, 10)} ${clock(ms)}`;
const decimals = (value) => {
  const [mantissa, exponent] = String(value).split('e');
  return Math.max(0, (mantissa.split('.')[1] ?? '').length - Number(exponent ?? 0));
};
export const digitsOf = (row) =>
  Math.min(8, Math.max(2, ...[row.open, row.high, row.low, row.last ?? row.close].map(decimals)));
export const price = (value, digits) =>
  value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits });
export function span(ms) {
  const s = Math.abs(ms) / 1000;
  if (s < 60) return `${s.toFixed(1)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  const days = Math.floor(s / 86400);
  return days < 730 ? `${days} days` : `${(days / 365.25).toFixed(1)} years`;
}
