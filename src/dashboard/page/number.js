// Numbers as text: the same rules as of the commands (src/command/output/number.rs), by the same list of examples
// (tests/page/numbers.json). A digit is left out only where there is no room for it, and then a `~` says so.

// The shortest digits that read back as the same double: with a point after the first, times 10^exponent.
function decimalOf(value) {
  const [mantissa, exponent] = Math.abs(value).toExponential().split('e');
  return { sign: value < 0 ? '-' : '', digits: mantissa.replace('.', ''), exponent: Number(exponent) };
}

// Rounded to this number of digits, half away from zero.
function rounded({ sign, digits, exponent }, count) {
  const kept = digits.slice(0, count);
  const text = String(BigInt(kept || 0) + (digits[count] >= '5' ? 1n : 0n));
  if (text === '0') return { sign: '', digits: '0', exponent: 0 };
  return { sign, digits: text.replace(/0+$/, ''), exponent: exponent + text.length - kept.length };
}

function plain({ sign, digits, exponent }) {
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const rest = digits.slice(exponent + 1);
  return `${sign}${whole}${rest && '.'}${rest}`;
}

function scientific({ sign, digits, exponent }) {
  return `${sign}${digits[0]}${digits.length > 1 ? '.' : ''}${digits.slice(1)}e${exponent}`;
}

const bothOf = (decimal) => [plain(decimal), scientific(decimal)];

// The number of decimals of a double in its shortest form.
export function decimals(value) {
  const { digits, exponent } = decimalOf(value);
  return Math.max(0, digits.length - 1 - exponent);
}

// All digits of a double, without an exponent.
export const all = (value) => (Number.isFinite(value) ? plain(decimalOf(value)) : String(value));

// A double in at most `columns` characters, 10 or more: all its digits if they fit, with an exponent if need be; else
// rounded, after a `~`.
export function fitted(value, columns) {
  if (!Number.isFinite(value)) return String(value);
  const decimal = decimalOf(value);
  const whole = bothOf(decimal).find((text) => text.length <= columns);
  if (whole) return whole;
  for (let count = decimal.digits.length - 1; count > 0; count -= 1) {
    const text = bothOf(rounded(decimal, count)).find((shorter) => shorter.length < columns);
    if (text) return `~${text}`;
  }
  return `~${scientific(rounded(decimal, 1))}`;
}
