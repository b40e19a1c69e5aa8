// The style sheet's colours for the canvas, which does not support CSS variables.
const NAMES = [
  'panel',
  'text',
  'muted',
  'rule',
  'accent',
  'shade',
  'late',
  'since',
  'gap',
  'gap-fill',
  'up',
  'down',
  'up-open',
  'down-open',
  'up-wick',
  'down-wick',
  'up-volume',
  'down-volume',
  'up-volume-open',
  'down-volume-open',
  'line-1',
  'line-2',
  'line-3',
  'line-4',
  'line-5',
  'line-6',
  'line-7',
];

export function palette() {
  const probe = document.createElement('span');
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  };
  const colours = Object.fromEntries(NAMES.map(colour));
  probe.remove();
  return colours;
}
