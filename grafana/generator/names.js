// What dashboards, alert rules and provisioning call each other by, and the way from one dashboard to another.

export const CASSANDRA = { type: 'hadesarchitect-cassandra-datasource', uid: 'cassandra' };
export const PROMETHEUS = { type: 'prometheus', uid: 'prometheus' };

export const MARKET = { uid: 'tickline-market', title: 'Market overview' };
export const SYMBOL = { uid: 'tickline-symbol', title: 'Symbol detail' };
export const PIPELINE = { uid: 'tickline-pipeline', title: 'Pipeline health' };

/** Links to the two other dashboards, for the top of one. */
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

/** From a cell that holds a symbol to all about this symbol, over the same time. */
export const TO_SYMBOL = {
    title: 'All about ${__value.raw}',
    url: `/d/${SYMBOL.uid}?var-symbol=\${__value.raw:percentencode}&\${__url_time_range}`,
};
