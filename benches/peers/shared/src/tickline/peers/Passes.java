package tickline.peers;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Runs the same job several times in this JVM, and prints one JSON line for each pass. */
public final class Passes {
    private static final Path PROC = Path.of("/proc/self");

    private Passes() {}

    /** What to run. Arguments of every peer, in this order. */
    public record Job(String broker, String topic, String feed, int passes, int parallelism) {
        static Job of(String[] args) {
            if (args.length != 5) {
                throw new IllegalArgumentException("arguments: BROKER TOPIC FEED PASSES PARALLELISM");
            }
            return new Job(args[0], args[1], args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]));
        }
    }

    /** One pass over the topic, from its beginning to its present end. */
    public interface Engine {
        Done pass(Job job) throws Exception;
    }

    /** A pass that is over. Its results are collected, and its remains removed, after the clocks were read. */
    public interface Done {
        Totals totals() throws Exception;
    }

    /** Runs all passes. The first one is measured from the start of the JVM, the others from their own start. */
    public static void run(String peer, String version, String[] args, Engine engine) throws Exception {
        Job job = Job.of(args);
        var runtime = ManagementFactory.getRuntimeMXBean();
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        for (int pass = 1; pass <= job.passes; pass++) {
            double before = 0;
            double cpuBefore = 0;
            if (pass > 1) {
                System.gc();
                forgetPeak();
                before = runtime.getUptime() / 1e3;
                cpuBefore = system.getProcessCpuTime() / 1e9;
            }
            Done done = engine.pass(job);
            double seconds = runtime.getUptime() / 1e3 - before;
            double cpu = system.getProcessCpuTime() / 1e9 - cpuBefore;
            long peak = peakMib();
            Totals totals = done.totals();
            String name = String.format("{\"peer\":\"%s\",\"version\":\"%s\",\"feed\":\"%s\"", peer, version, job.feed);
            String cost = String.format(Locale.ROOT,
                    "\"pass\":%d,\"seconds\":%.3f,\"cpu_seconds\":%.2f,\"peak_mib\":%d", pass, seconds, cpu, peak);
            String results = String.format("\"candles\":%d,\"trades\":%d,\"volume\":\"%s\",\"notional\":\"%s\"",
                    totals.candles, totals.trades, plain(totals.volume), plain(totals.notional));
            System.out.printf("%s,%s,%s,\"prices\":\"%d\"}%n", name, cost, results, totals.prices);
        }
    }

    private static String plain(double number) {
        return BigDecimal.valueOf(number).stripTrailingZeros().toPlainString();
    }

    /** Greatest memory of this process since its start, or since {@link #forgetPeak}. */
    private static long peakMib() throws IOException {
        for (String line : Files.readAllLines(PROC.resolve("status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
            }
        }
        return 0;
    }

    /** The kernel then counts the peak from now on. Where that is forbidden, peaks include those of earlier passes. */
    private static void forgetPeak() {
        try {
            Files.writeString(PROC.resolve("clear_refs"), "5");
        } catch (IOException ignored) {
            // See above.
        }
    }
}
