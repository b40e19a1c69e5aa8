// Watches drawn candles while late trades change one of them and add another.
import { answer, check, drawn, held, legend, run, report, text, until } from './browser.mjs';

// Pixels in the colour of the marks for corrected candles.
const marks = (page) =>
  page.evaluate(() => {
    const probe = document.querySelector('.sign.late');
    const wanted = getComputedStyle(probe).backgroundColor.match(/\d+/g).slice(0, 3).map(Number);
    let found = 0;
    for (const canvas of document.querySelectorAll('#chart canvas')) {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4) {
        if (wanted.every((value, part) => Math.abs(data[at + part] - value) < 3) && data[at + 3] > 250) found += 1;
      }
    }
    return found;
  });

const corrections = (page) =>
  page.evaluate(() => [...document.querySelectorAll('#corrections li')].map((line) => line.textContent));

// The browser warns about reading pixels.
const look = async (open) => {
  const page = await open({ hash: '#symbol=AAPL&resolution=5s&on=' });
  await drawn(page);
  const before = await held(page);
  check((await marks(page)) === 0, 'a mark where nothing was corrected');
  check((await corrections(page)).length === 0, 'a correction where there is none');
  report(before);
  check((await answer()) === 'late', 'the test goes on');
  await until('two corrections', async () => (await corrections(page)).length === 2);
  await until('marks in the chart', async () => (await marks(page)) > 10);
  const after = await held(page);
  report({ after, corrections: await corrections(page), count: await text(page, 'corrections-count') });

  const start = Number(await answer());
  await page.click('#tab-corrections');
  await page.locator('#corrections button', { hasText: 'high' }).click();
  const shown = await until('the legend of the candle', async () => {
    const values = await legend(page);
    return values.start === start ? values : null;
  });
  report({ shown, status: await page.textContent('#legend .status') });
  check((await answer()) === 'gap', 'the test goes on');
  await page.locator('#gap-note').waitFor({ state: 'visible' });
  report(await text(page, 'gaps'));
};

await run(look, { expected: /willReadFrequently/ });
