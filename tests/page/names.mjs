// Names from outside that hold hidden characters, and links and settings that hold names of the language's own objects.
import { check, drawn, run, report, text, until } from './browser.mjs';

const HIDDEN = /[\u200B\uFEFF\u2028\u2029\u202E\u00A0]|\u{E0041}/u;

// All that is shown or said: texts, and the attributes that are.
const said = (page) =>
  page.evaluate(() => {
    const attributes = [...document.querySelectorAll('[title], [aria-label]')].flatMap((element) => [
      element.getAttribute('title') ?? '',
      element.getAttribute('aria-label') ?? '',
    ]);
    return [document.title, document.body.textContent, ...attributes].join('\n');
  });

const resolution = (page) => page.evaluate(() => document.querySelector('[name=resolution]:checked').value);

await run(async (open) => {
  const page = await open();
  await drawn(page);
  const list = () => page.evaluate(() => [...document.querySelectorAll('#list b')].map((name) => name.textContent));
  report(await list());
  report(await page.evaluate(() => [...document.querySelectorAll('#list tr')].map((tr) => tr.dataset.symbol)));
  for (const at of (await list()).keys()) {
    await page.click(`#list tr:nth-child(${at + 1}) button.show`);
    const name = (await list())[at];
    await until(`the title of ${name}`, async () => (await page.title()).includes(name));
    check((await text(page, 'symbol')).endsWith(name), `${await text(page, 'symbol')} is not ${name}`);
    await drawn(page);
    const all = await said(page);
    check(!HIDDEN.test(all), `a hidden character in ${JSON.stringify(all)}`);
  }
  await page.focus('#search');
  await until('the symbols found', () => page.evaluate(() => document.querySelectorAll('#found b').length > 7));
  check(!HIDDEN.test(await said(page)), 'a hidden character among the symbols found');

  for (const hash of ['#resolution=constructor', '#resolution=__proto__&on=toString&at=9e15', '#resolution=valueOf']) {
    const other = await open({ hash });
    await drawn(other);
    check((await resolution(other)) === '5s', `${hash}: ${await resolution(other)}`);
    await other.context().close();
  }
  const kept = () => {
    localStorage.setItem('tickline.theme', 'constructor');
    localStorage.setItem('tickline.on', '5');
    localStorage.setItem('tickline.watch', '{"length":1}');
  };
  const odd = await open({ before: kept });
  await drawn(odd);
  check((await odd.evaluate(() => document.documentElement.dataset.theme)) === 'auto', 'an unknown theme');
});
