// A dashboard with what all have alike: its name, its links to the others, UTC, and panels that are numbered.
import { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { linksFrom } from './names.js';

/** `from` is how far back it shows at first; `parts` are panels and rows. */
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
    return made;
}

/** Numbers panels from `first`, and returns the number after the last. */
function number(panels, first) {
    return panels.reduce((next, panel) => {
        panel.id = next;
        return number(panel.panels ?? [], next + 1);
    }, first);
}
