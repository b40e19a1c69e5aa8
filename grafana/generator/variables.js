// Dashboard variables.
import { CustomVariableBuilder, QueryVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { CASSANDRA } from './names.js';

// A partition holds a year of one symbol, so this reads at most its limit. The plugin returns values in any order.
const SYMBOLS = 'SELECT symbol FROM candles_1d PER PARTITION LIMIT 1 LIMIT 500';

const SYMBOL_HINT = 'The first 500 symbols of the store. Others can be typed.';

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

/** The resolution: the suffix of the table's name. */
export const resolution = () =>
    new CustomVariableBuilder('resolution')
        .label('Candle')
        .values('5s,1m,5m,1h,1d')
        .current({ text: '1m', value: '1m' })
        .allowCustomValue(false)
        .description('Length of each candle. Choose a time range that holds several of them.');

/** In a query: the selected symbols, quoted. */
export const CHOSEN = 'IN (${symbol:singlequote})';
/** In a query: the selected symbol, quoted. */
export const THE_ONE = '= ${symbol:singlequote}';
