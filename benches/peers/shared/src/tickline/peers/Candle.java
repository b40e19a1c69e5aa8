package tickline.peers;

/** One candle of one symbol, built trade by trade. */
public class Candle {
    /** Length of a window in milliseconds. */
    public static final long WINDOW_MS = 5_000;

    public double open;
    public double high = Double.NEGATIVE_INFINITY;
    public double low = Double.POSITIVE_INFINITY;
    public double close;
    public double volume;
    public double notional;
    public long trades;
    /** Event times of the first and the last trade. Of trades with the same time, the order in the log decides. */
    public long openTime = Long.MAX_VALUE;

    public long closeTime = Long.MIN_VALUE;

    /** Adds a trade. Those of one symbol come in the order of the log: they are all in one partition. */
    public void add(long time, double price, double size) {
        if (time < openTime) {
            openTime = time;
            open = price;
        }
        if (time >= closeTime) {
            closeTime = time;
            close = price;
        }
        high = Math.max(high, price);
        low = Math.min(low, price);
        volume += size;
        notional += price * size;
        trades++;
    }
}
