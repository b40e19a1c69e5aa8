// Loads the page several times, then watches it for a while. Reports the first paint of each load, and when each
// frontier advance was drawn, in Unix milliseconds.
import { drawn, run, report } from '../../tests/page/browser.mjs';

const [loads, seconds] = process.argv.slice(2).map(Number);

await run(async (open) => {
  const paints = [];
  for (let at = 0; at < loads; at += 1) {
    const page = await open();
    await drawn(page);
    paints.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime));
    await page.context().close();
  }
  const page = await open();
  await drawn(page);
  const marks = new Map();
  for (let at = 0; at < seconds; at += 1) {
    await page.waitForTimeout(1000);
    const found = await page.evaluate(() =>
      performance.getEntriesByType('mark').map(({ name, startTime }) => [name, performance.timeOrigin + startTime]));
    for (const [name, ms] of found) if (name.startsWith('drawn:')) marks.set(Number(name.slice(6)), ms);
  }
  report({ paints, drawn: [...marks] });
});
