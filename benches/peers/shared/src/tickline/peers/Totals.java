package tickline.peers;

/** Sums over all candles, by which the results of two programs are compared. */
public final class Totals {
    public long candles;
    public long trades;
    public double volume;
    public double notional;
    /** Sum of open, high, low and close in hundredths. The feeds have two decimals, so the sum is exact. */
    public long prices;

    public void add(Candle candle) {
        add(candle.trades, candle.volume, candle.notional, pricesOf(candle));
    }

    public void add(long trades, double volume, double notional, long prices) {
        candles++;
        this.trades += trades;
        this.volume += volume;
        this.notional += notional;
        this.prices += prices;
    }

    public void add(Totals other) {
        candles += other.candles;
        trades += other.trades;
        volume += other.volume;
        notional += other.notional;
        prices += other.prices;
    }

    /** A candle's part of {@link #prices}. */
    public static long pricesOf(Candle candle) {
        return hundredths(candle.open) + hundredths(candle.high) + hundredths(candle.low) + hundredths(candle.close);
    }

    private static long hundredths(double price) {
        return Math.round(price * 100);
    }
}
