// Names shared by dashboards, alert rules and provisioning, and links between dashboards.

export const CASSANDRA = { type: 'hadesarchitect-cassandra-datasource', uid: 'cassandra' };
export const PROMETHEUS = { type: 'prometheus', uid: 'prometheus' };

export const MARKET = { uid: 'tickline-market', title: 'Market overview' };
export const SYMBOL = { uid: 'tickline-symbol', title: 'Symbol detail' };
export const PIPELINE = { uid: 'tickline-pipeline', title: 'Pipeline health' };

/** Links to the two other dashboards, for the top of a dashboard. */
export function linksFrom(here) {
    const others = [MARKET, SYMBOL, PIPELINE].filter((dashboard) => dashboard !== here);
    return others.map(({ uid, title }) => ({
        build: () => ({
            type: 'link',
            title,
            url: `/d/${uid}`,
            icon: 'dashboard',
            tooltip: `Go to: ${title}`,
            tags: [],
            asDropdown: false,
            targetBlank: false,
            includeVars: false,
            keepTime: true,
        }),
    }));
}

/** Link from a symbol's cell to its Symbol detail, over the same time range. */
export const TO_SYMBOL = {
    title: 'Details of ${__value.raw}',
    url: `/d/${SYMBOL.uid}?var-symbol=\${__value.raw:percentencode}&\${__url_time_range}`,
};
