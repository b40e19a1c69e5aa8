// The time axis over a pause without trades, and gaps in the feed: bands, list, legend.
import { answer, check, drawn, held, legend, run, report, text, until } from './browser.mjs';

const places = (page) => page.evaluate(async () => (await import('/page.js')).places());

// Pixels in the colour of the bands' lines, by whether they are within the columns of the canvas.
const hatched = (page) =>
  page.evaluate(() => {
    const wanted = getComputedStyle(document.querySelector('.sign.gap')).borderTopColor.match(/\d+/g).map(Number);
    const canvas = document.querySelector('#chart canvas');
    const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const columns = new Set();
    for (let at = 0; at < data.length; at += 4) {
      const near = [0, 1, 2].every((part) => Math.abs(data[at + part] - wanted[part]) < 110);
      const coloured = Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]);
      if (near && coloured > 25) columns.add((at / 4) % width);
    }
    return [...columns].sort((a, b) => a - b);
  });

await run(
  async (open) => {
    const page = await open({ hash: '#symbol=AAPL&resolution=5s&on=', colorScheme: 'light' });
    await drawn(page);
    check((await text(page, 'gaps-count')) === '0', 'no gap yet');
    const before = (await hatched(page)).length;
    report({ starts: (await held(page)).map(([start]) => start), places: await places(page) });
    const [picture] = JSON.parse(await answer());
    await until('the gaps', async () => (await text(page, 'gaps-count')) === '2');
    await until('bands', async () => (await hatched(page)).length > before + 20);
    await page.click('#tab-gaps');
    await page.screenshot({ path: picture });
    const list = await page.evaluate(() => [...document.querySelectorAll('#gaps-list li')].map((li) => li.textContent));
    // A click goes there; the legend of a candle in a gap says so.
    await page.locator('#gaps-list button').last().click();
    const note = await until('the note', () => page.evaluate(() => document.querySelector('#legend .gap')?.textContent));
    const { start } = await legend(page);
    report({ list, note, start, said: await text(page, 'said'), gaps: await text(page, 'gaps') });
  },
  { expected: /willReadFrequently/ },
);
