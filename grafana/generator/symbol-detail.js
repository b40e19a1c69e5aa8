// Symbol detail: candles at any resolution, indicators over 5 s candles, sums since midnight.
import {
    CandlestickColorsBuilder, CandlestickFieldMapBuilder, PanelBuilder,
} from '@grafana/grafana-foundation-sdk/candlestick';
import { VizLegendOptionsBuilder, VizTooltipOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import { ALL_BUCKETS, CHANGE_PERCENT, DAYS, cql, frontierLine, gapLines, newestDay, rowsOf } from './cql.js';
import { dashboard } from './dashboard.js';
import { CASSANDRA, SYMBOL } from './names.js';
import { bars, lines, named, numbers, OF_A_DAY, price, PRICE_DECIMALS, row, steps } from './panels.js';
import { THE_ONE, oneSymbol, resolution } from './variables.js';

const BACK = 'Shows the last seven days of the range for candles of up to 5 m, five years for longer ones.';
const BACK_5S = 'The last seven days of the range, over 5-second candles that had trades.';

const atResolution = (columns) => cql(rowsOf(columns, 'candles_${resolution}', THE_ONE, ALL_BUCKETS));
const close5s = cql(rowsOf('close', 'candles_5s', THE_ONE, DAYS));
const indicators = (columns, refId = 'B') =>
    cql(rowsOf(columns, 'indicators_5s', THE_ONE, DAYS), undefined, refId);

const CLOSE = price('Close', 'text');

const today = numbers({
    title: 'Today',
    text: 'The newest day (UTC) of the symbol; the change is since the first trade after midnight.',
    size: [24, 4],
    targets: [cql(newestDay(`close, ${CHANGE_PERCENT}, open, high, low, vwap, volume, notional, trades`, THE_ONE))],
    columns: {
        close: price('Last'),
        change_percent: named('Change', undefined, 'percent', {
            decimals: 2,
            thresholds: { mode: 'absolute', steps: [{ value: null, color: 'red' }, { value: 0, color: 'green' }] },
        }),
        open: price('Open'),
        ...OF_A_DAY,
    },
});

const candles = new PanelBuilder()
    .title('$symbol, $resolution candles')
    .description(`Open, high, low and close of each window that had trades, and its volume. Left of the yellow line `
        + `all candles are complete. ${BACK}`)
    .span(24)
    .height(13)
    .datasource(CASSANDRA)
    .targets([atResolution('open, high, low, close, volume')])
    .mode('candles+volume')
    .candleStyle('candles')
    .colorStrategy('open-close')
    .fields(new CandlestickFieldMapBuilder().open('open').high('high').low('low').close('close').volume('volume'))
    .colors(new CandlestickColorsBuilder().up('green').down('red').flat('gray'))
    .unit('locale')
    .decimals(PRICE_DECIMALS)
    .overrideByName('volume', [{ id: 'unit', value: 'short' }, { id: 'decimals', value: 1 }])
    .legend(new VizLegendOptionsBuilder().displayMode('list').placement('bottom').showLegend(false))
    .tooltip(new VizTooltipOptionsBuilder().mode('multi').sort('none'));

const vwap = lines({
    title: 'Close and VWAP of each candle',
    text: `Last price and volume-weighted average price (notional / volume) of each window. ${BACK}`,
    size: [12, 8],
    targets: [atResolution('close, vwap')],
    unit: 'locale',
    columns: { close: CLOSE, vwap: price('VWAP', 'orange') },
});

const activity = bars({
    title: 'Trades of each candle',
    text: `Number of trades in each window. ${BACK}`,
    size: [12, 8],
    targets: [atResolution('trades')],
    unit: 'short',
    columns: { trades: named('Trades', 'blue') },
});

const averages = lines({
    title: 'Moving averages',
    text: `Close; simple averages of the last 12, 60 and 240 candles (1, 5 and 20 minutes if all had trades); `
        + `exponential averages of 12 and 26. ${BACK_5S}`,
    size: [12, 9],
    fill: 0,
    targets: [close5s, indicators('sma_12, sma_60, sma_240, ema_12, ema_26')],
    unit: 'locale',
    columns: {
        close: CLOSE,
        sma_12: price('SMA 12', 'blue'),
        sma_60: price('SMA 60', 'orange'),
        sma_240: price('SMA 240', 'purple'),
        ema_12: price('EMA 12', 'green'),
        ema_26: price('EMA 26', 'yellow'),
    },
});

const bollinger = lines({
    title: 'Bollinger bands',
    text: `Mean of the last 20 closes, and two standard deviations above and below. ${BACK_5S}`,
    size: [12, 9],
    fill: 0,
    targets: [close5s, indicators('bollinger_middle, bollinger_upper, bollinger_lower')],
    unit: 'locale',
    columns: {
        close: CLOSE,
        bollinger_middle: price('Middle', 'orange'),
        bollinger_upper: [
            ...price('Upper', 'blue'),
            { id: 'custom.fillBelowTo', value: 'Lower' },
            { id: 'custom.fillOpacity', value: 8 },
        ],
        bollinger_lower: price('Lower', 'blue'),
    },
});

const rollingVwap = lines({
    title: 'Rolling VWAP',
    text: `Close and the volume-weighted average price of the last 60 candles. ${BACK_5S}`,
    size: [12, 8],
    fill: 0,
    targets: [close5s, indicators('vwap_60')],
    unit: 'locale',
    columns: { close: CLOSE, vwap_60: price('VWAP 60', 'orange') },
});

const rsi = lines({
    title: 'RSI 14',
    text: `Relative strength index over 14 changes: above 70 means strong gains, below 30 strong losses. ${BACK_5S}`,
    size: [12, 8],
    fill: 0,
    targets: [indicators('rsi_14', 'A')],
    unit: 'none',
    decimals: 1,
    min: 0,
    max: 100,
    thresholds: steps('red', [30, 'text'], [70, 'green']),
    columns: { rsi_14: named('RSI', 'purple') },
});

const macd = lines({
    title: 'MACD 12, 26, 9',
    text: `EMA 12 minus EMA 26, its signal line (EMA 9), and their difference as bars. ${BACK_5S}`,
    size: [12, 8],
    fill: 0,
    targets: [indicators('macd, macd_signal, macd_histogram', 'A')],
    unit: 'none',
    columns: {
        macd: named('MACD', 'blue'),
        macd_signal: named('Signal', 'orange'),
        macd_histogram: named('Histogram', 'gray', undefined, {
            'custom.drawStyle': 'bars', 'custom.fillOpacity': 60, 'custom.lineWidth': 0,
        }),
    },
});

const volatility = lines({
    title: 'Volatility 60',
    text: `Standard deviation of the last 60 log returns from candle to candle. ${BACK_5S}`,
    size: [12, 8],
    targets: [indicators('volatility_60', 'A')],
    unit: 'percentunit',
    min: 0,
    columns: { volatility_60: named('Volatility', 'red') },
});

const sum = (title, column, color, text) =>
    lines({
        title,
        text: `${text} since midnight (UTC). ${BACK_5S}`,
        size: [8, 8],
        targets: [indicators(column, 'A')],
        unit: 'short',
        min: 0,
        columns: { [column]: named(title, color) },
    });

export const symbolDetail = () =>
    dashboard(SYMBOL, {
        text: 'Candles at any resolution, indicators and sums of one symbol, and the time up to which they are complete.',
        from: 'now-1h',
        refresh: '5s',
        variables: [oneSymbol(), resolution()],
        annotations: [frontierLine, gapLines],
        parts: [
            today,
            candles,
            vwap,
            activity,
            row('Indicators, over 5-second candles'),
            averages,
            bollinger,
            rollingVwap,
            rsi,
            macd,
            volatility,
            row('Sums since midnight (UTC)'),
            sum('Volume', 'cumulative_volume', 'blue', 'Volume'),
            sum('Notional', 'cumulative_notional', 'orange', 'Price times volume'),
            sum('Trades', 'cumulative_trades', 'green', 'Number of trades'),
        ],
    });
