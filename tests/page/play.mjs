// The bar of a log that is played: its buttons move the clock, and each page shows what another has done. The first line
// of the answers is the address of a page over a store, which has no bar.
import { readFileSync } from 'node:fs';
import { AXE, PHONE, answer, base, check, drawn, report, run, until } from './browser.mjs';

const axe = readFileSync(AXE, 'utf8');
const bar = (page) => page.locator('#play-bar');
const button = (page, name) => bar(page).getByRole('button', { name, exact: true });
const time = async (page) => Date.parse(await bar(page).locator('time').getAttribute('datetime'));

await run(async (open) => {
  const page = await open();
  await drawn(page);
  await button(page, 'Pause').click();
  await button(page, 'Resume').waitFor();
  const at = await time(page);
  await page.waitForTimeout(1200);
  check((await time(page)) === at, 'a paused clock moves');
  await button(page, 'Step').click();
  await until('a step', async () => (await time(page)) > at);
  check((await time(page)) <= at + 1000, 'a step is longer than an advance');
  await page.screenshot({ path: await answer() });

  const other = await open({ viewport: PHONE, colorScheme: 'dark' });
  await button(other, 'Resume').waitFor();
  await bar(other).locator('select').selectOption('60');
  await until('the speed on the other page', async () => (await bar(page).locator('select').inputValue()) === '60');
  await button(other, 'Resume').click();
  await until('it goes on', async () => (await time(page)) > at + 30_000);
  const { width } = PHONE;
  check((await other.evaluate(() => document.documentElement.scrollWidth)) <= width, 'the bar is too wide for a phone');
  await other.screenshot({ path: await answer() });
  for (const one of [page, other]) {
    await one.evaluate(axe);
    const found = await one.evaluate(() => globalThis.axe.run('#play-bar'));
    check(found.violations.length === 0, JSON.stringify(found.violations));
  }

  const plain = await open();
  await plain.goto(`${(await answer()) ?? base}/`);
  await drawn(plain);
  await plain.waitForTimeout(500);
  check((await bar(plain).count()) === 0, 'a page over a store has a bar');
  report('done');
});
