// What can be chosen above a dashboard.
import { CustomVariableBuilder, QueryVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { CASSANDRA } from './names.js';

// One partition is a symbol's year, so this reads no more than its limit. The plugin gives the values in any order.
const SYMBOLS = 'SELECT symbol FROM candles_1d PER PARTITION LIMIT 1 LIMIT 500';

const SYMBOL_HINT = 'The first 500 symbols that the store holds. Type any other one.';

const symbol = () =>
    new QueryVariableBuilder('symbol')
        .datasource(CASSANDRA)
        .query({ query: SYMBOLS })
        .definition(SYMBOLS)
        .refresh(1)
        .sort(1)
        .allowCustomValue(true)
        .description(SYMBOL_HINT);

export const oneSymbol = () => symbol().label('Symbol');

export const symbols = () =>
    symbol().label('Symbols').multi(true).includeAll(true).current({ text: ['All'], value: ['$__all'] });

/** How long a candle is: the end of a table's name. */
export const resolution = () =>
    new CustomVariableBuilder('resolution')
        .label('Candle')
        .values('5s,1m,5m,1h,1d')
        .current({ text: '1m', value: '1m' })
        .allowCustomValue(false)
        .description('How long each candle is. Choose a range of time that holds some of them.');

/** In a query: the symbols that are chosen, quoted. */
export const CHOSEN = 'IN (${symbol:singlequote})';
/** In a query: the one symbol that is chosen. */
export const THE_ONE = '= ${symbol:singlequote}';
