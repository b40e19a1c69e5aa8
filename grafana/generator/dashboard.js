// The common parts of all dashboards: title, links to the others, UTC, and numbered, placed panels.
import { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { linksFrom } from './names.js';

/** `from` is the start of the default time range; `parts` are panels and rows. */
export function dashboard(here, { text, from, refresh, variables = [], annotations = [], parts }) {
    const builder = new DashboardBuilder(here.title)
        .uid(here.uid)
        .description(text)
        .tags(['tickline'])
        .timezone('utc')
        .time({ from, to: 'now' })
        .refresh(refresh)
        .tooltip(1)
        .links(linksFrom(here))
        .variables(variables)
        .annotations(annotations);
    for (const part of parts) {
        if (part.build().type === 'row') builder.withRow(part);
        else builder.withPanel(part);
    }
    const made = builder.build();
    made.id = null;
    number(made.panels, 1);
    place(made.panels, 0);
    return made;
}

/** Numbers panels from `first`, and returns the number after the last. */
function number(panels, first) {
    return panels.reduce((next, panel) => {
        panel.id = next;
        return number(panel.panels ?? [], next + 1);
    }, first);
}

/** Places panels from line `top` on: each as far up as it fits, then as far left. A row takes a whole line. */
function place(panels, top) {
    const used = Array(24).fill(top);
    const below = (x, w) => Math.max(...used.slice(x, x + w));
    for (const panel of panels) {
        const { w, h } = panel.type === 'row' ? { w: 24, h: 1 } : panel.gridPos;
        const places = used.slice(w - 1).map((_, x) => ({ x, y: below(x, w) }));
        const { x, y } = places.reduce((best, other) => (other.y < best.y ? other : best));
        panel.gridPos = { h, w, x, y };
        used.fill(y + h, x, x + w);
        place(panel.panels ?? [], y + h);
    }
}
