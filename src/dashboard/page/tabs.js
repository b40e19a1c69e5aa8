// The tabs next to the chart, as WAI-ARIA describes them. To add a view, add a tab and a panel to index.html.
import { $ } from './dom.js';

export function startTabs() {
  const tabs = [...document.querySelectorAll('[role=tab]')];
  const choose = (tab) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute('aria-selected', String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      $(other.getAttribute('aria-controls')).hidden = !chosen;
    }
  };
  for (const [at, tab] of tabs.entries()) {
    tab.addEventListener('click', () => choose(tab));
    tab.addEventListener('keydown', (event) => {
      const steps = { ArrowRight: at + 1, ArrowLeft: at - 1 + tabs.length, Home: 0, End: tabs.length - 1 };
      if (!Object.hasOwn(steps, event.key)) return;
      const next = tabs[steps[event.key] % tabs.length];
      choose(next);
      next.focus();
      event.preventDefault();
    });
  }
}
