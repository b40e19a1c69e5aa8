// Formats the numbers of its input, one per line, as the page does; no browser is needed. Prints for each a JSON array:
// all digits, at most 10 characters, at most 13.
import { readFileSync } from 'node:fs';

const source = readFileSync(new URL('../../src/dashboard/page/number.js', import.meta.url), 'utf8');
const { all, fitted } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
for (const line of readFileSync(0, 'utf8').trim().split('\n')) {
  const value = Number(line);
  console.log(JSON.stringify([all(value), fitted(value, 10), fitted(value, 13)]));
}
