// Theme: light, dark or system. A classic script, not a module: it runs before the first paint, so that the other theme
// does not flash up.
(() => {
  const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
  const read = () => {
    try {
      return localStorage.getItem('tickline.theme') ?? 'auto';
    } catch {
      return 'auto';
    }
  };
  let theme = Object.hasOwn(NEXT, read()) ? read() : 'auto';
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (button) button.textContent = { auto: '◐', light: '☀', dark: '☾' }[theme];
    button?.setAttribute('aria-label', `Theme: ${theme === 'auto' ? 'as the system' : theme}`);
    dispatchEvent(new Event('themechange'));
  };
  apply();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', apply);
  addEventListener('DOMContentLoaded', () => {
    apply();
    document.getElementById('theme').addEventListener('click', () => {
      theme = NEXT[theme];
      try {
        localStorage.setItem('tickline.theme', theme);
      } catch {
        // Storage is not available: the theme applies to this visit only.
      }
      apply();
    });
  });
})();
