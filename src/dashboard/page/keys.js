// Global keyboard shortcuts. Chart, list and search handle their own keys.
import { $ } from './dom.js';
import { LENGTH_MS } from './format.js';

const isTyping = (target) => target.matches?.('input:not([type=radio], [type=checkbox]), textarea, select');

// `act` has search(), resolution(name), neighbour(by), watch() and explain(); `chart` handles the chart's keys.
export function startKeys(act, chart) {
  const help = $('help');
  const openHelp = () => help.open || help.showModal();
  const actions = {
    '/': () => act.search(),
    '?': openHelp,
    j: () => act.neighbour(1),
    k: () => act.neighbour(-1),
    w: () => act.watch(),
    x: () => act.explain(),
  };
  Object.keys(LENGTH_MS).forEach((name, at) => (actions[at + 1] = () => act.resolution(name)));
  $('help-open').addEventListener('click', openHelp);
  $('help-close').addEventListener('click', () => help.close());
  help.addEventListener('click', (event) => event.target === help && help.close());
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector('dialog[open]') || isTyping(event.target) || !Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });
  $('chart').addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (chart.key(event.key)) event.preventDefault();
  });
}
