// Accessibility checks by axe-core: both themes, desktop and phone, and everything that opens.
import { readFileSync } from 'node:fs';
import { AXE, DESKTOP, PHONE, check, drawn, run, report, until } from './browser.mjs';

const axe = readFileSync(AXE, 'utf8');
const STATES = {
  plain: async () => null,
  search: async (page) => {
    await page.focus('#search');
    await page.keyboard.type('a');
    await until('answers', () => page.evaluate(() => document.querySelectorAll('#found li').length > 0));
  },
  minutes: async (page) => {
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.check('#resolutions [value="1m"]');
    await page.click('#tab-corrections');
    await drawn(page);
  },
  help: async (page) => page.click('#help-open'),
};

let looks = 0;
await run(async (open) => {
  for (const colorScheme of ['light', 'dark']) {
    for (const viewport of [DESKTOP, PHONE]) {
      const page = await open({ colorScheme, viewport, hash: '#on=rsi+macd+sma_12+bollinger' });
      await drawn(page);
      await page.evaluate(axe);
      for (const [name, prepare] of Object.entries(STATES)) {
        await prepare(page);
        const { violations, passes } = await page.evaluate(() => window.axe.run());
        check(passes.length > 15, `only ${passes.length} rules passed: was anything looked at?`);
        const bad = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
        const what = bad.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
        check(bad.length === 0, `${colorScheme}, ${viewport.width}, ${name}: ${what.join('\n')}`);
        looks += 1;
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      check(wide <= viewport.width, `the page is ${wide} wide on ${viewport.width}`);
      await page.context().close();
    }
  }
  report(looks);
});
