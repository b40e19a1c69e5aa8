// Types into the search box and measures, in the page, the time until the results for each key are drawn.
import { check, drawn, run, report, until } from './browser.mjs';

const WORDS = ['SYM12345', 'SYM0777', '29999', 'SYM2'];

// Measures the time from a key until the frame in which the list shows the results for the current text.
function watchKeys() {
  window.took = [];
  document.addEventListener('DOMContentLoaded', () => {
    const input = document.getElementById('search');
    const list = document.getElementById('found');
    let pressed = null;
    input.addEventListener('keydown', () => (pressed = performance.now()), { capture: true });
    new MutationObserver(() => {
      if (pressed === null || list.dataset.query !== input.value) return;
      const from = pressed;
      pressed = null;
      requestAnimationFrame(() => setTimeout(() => window.took.push(performance.now() - from)));
    }).observe(list, { attributes: true, childList: true });
  });
}

await run(async (open) => {
  const page = await open({ before: watchKeys });
  await drawn(page);
  await page.keyboard.press('/');
  for (const word of WORDS) {
    await page.fill('#search', '');
    for (const letter of word) {
      const before = await page.evaluate(() => window.took.length);
      await page.keyboard.press(letter);
      await until(`the answer to ${letter}`, () => page.evaluate((n) => window.took.length > n, before));
    }
    const first = await page.textContent('#found [role=option] b');
    check(first.includes(word), `${first} is the first answer to ${word}`);
  }
  report(await page.evaluate(() => window.took));
});
