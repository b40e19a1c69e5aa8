// Shows the state of the pipeline. Each line of input is a label to wait for and the name of a picture; the answer says
// what is shown then. An empty line ends it.
import { answer, check, run, report, text, until } from './browser.mjs';

const shown = (page) =>
  page.evaluate(() => {
    const of = (id) => document.getElementById(id).textContent;
    const { mood, state } = document.querySelector('.health').dataset;
    return { label: of('health'), why: of('why'), lag: of('lag'), frontier: of('frontier'), mood, state };
  });

await run(
  async (open) => {
    const page = await open({ hash: '#symbol=AAPL&resolution=5s&on=' });
    for (;;) {
      const [label, picture] = JSON.parse(await answer());
      if (!label) break;
      await until(label, async () => (await text(page, 'health')) === label);
      await page.screenshot({ path: picture });
      report(await shown(page));
    }
    check(!(await page.content()).includes('1970'), 'absence is shown as a time');
  },
  { expected: /ERR_|Failed to load resource/ },
);
