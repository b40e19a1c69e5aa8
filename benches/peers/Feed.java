import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Prints a feed as JSON Lines: the same trades as those of `tickline bench` (src/command/bench/feed.rs). */
public final class Feed {
    /** 2024-01-02 14:30 UTC. */
    private static final long START_MS = 1_704_205_800_000L;

    private Feed() {}

    /** The shape of a feed: its number of symbols and of trades a second. */
    private enum Shape {
        DENSE(500, 20_000),
        SPARSE(30_000, 6_000);

        final long symbols;
        final long perSecond;

        Shape(long symbols, long perSecond) {
            this.symbols = symbols;
            this.perSecond = perSecond;
        }
    }

    public static void main(String[] args) throws IOException {
        if (args.length != 2) {
            System.err.println("usage: java Feed.java dense|sparse TRADES");
            System.exit(2);
        }
        try (OutputStream out = new BufferedOutputStream(new PrintStream(System.out), 1 << 20)) {
            print(Shape.valueOf(args[0].toUpperCase()), Long.parseLong(args[1]), out);
        }
    }

    private static void print(Shape shape, long trades, OutputStream out) throws IOException {
        long dice = 0x5eed;
        StringBuilder line = new StringBuilder();
        for (long n = 0; n < trades; n++) {
            dice = dice * 6_364_136_223_846_793_005L + 1_442_695_040_888_963_407L;
            long symbol = shape == Shape.SPARSE ? n % shape.symbols : (dice >>> 20) % shape.symbols;
            long time = START_MS + n * 1_000 / shape.perSecond;
            long cents = (dice >>> 30) % 100;
            long volume = 1 + (dice >>> 40) % 500;
            line.setLength(0);
            line.append("{\"c\":null,\"p\":").append(100 + symbol % 400).append('.').append(digits(cents, 2));
            line.append(",\"s\":\"BINANCE:SYM").append(digits(symbol, 5)).append("USDT\",\"t\":").append(time);
            line.append(",\"v\":").append(volume).append("}\n");
            out.write(line.toString().getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static String digits(long number, int width) {
        String text = Long.toString(number);
        return "0".repeat(width - text.length()) + text;
    }
}
