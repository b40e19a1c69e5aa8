// The page's transfer size and first paint.
import { check, drawn, run, report } from './browser.mjs';

const BYTES_MAX = 150_000;

await run(async (open) => {
  const page = await open();
  await drawn(page);
  const found = await page.evaluate(() => {
    const files = [performance.getEntriesByType('navigation')[0], ...performance.getEntriesByType('resource')];
    const own = files.filter(({ name }) => !name.includes('/api/'));
    const { startTime } = performance.getEntriesByName('first-contentful-paint')[0];
    return {
      bytes: own.reduce((sum, file) => sum + file.encodedBodySize, 0),
      files: own.length,
      first_paint_ms: startTime,
    };
  });
  report(found);
  check(found.files > 15, 'the modules are among them');
  check(found.bytes < BYTES_MAX, `${found.bytes} bytes, at most ${BYTES_MAX}`);
});
