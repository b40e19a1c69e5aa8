package tickline.peers;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.window;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoder;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import scala.Tuple2;
import scala.Tuple5;

/** The peer on Spark: Structured Streaming, micro-batches over what the topic holds. */
public final class SparkPeer {
    /** Records of one micro-batch. */
    private static final String BATCH = System.getProperty("batch", "4000000");
    /** The state of a window, whose fields have the names of aggregate functions. */
    private static final String STATE = "struct<open: double, open_at: bigint, high: double, low: double, "
            + "close: double, close_at: bigint, volume: double, notional: double, trades: bigint>";
    private static final Column COUNT = expr("count(*)").as("candles");
    private static final Column[] SUMS = {
        expr("coalesce(sum(trades), 0L)"), expr("coalesce(sum(volume), 0D)"), expr("coalesce(sum(notional), 0D)"),
        // In hundredths, which are exact.
        expr("coalesce(sum(round(open * 100) + round(high * 100) + round(low * 100) + round(close * 100)), 0D)"),
    };

    private SparkPeer() {}

    public static void main(String[] args) throws Exception {
        int parallelism = Integer.parseInt(args[4]);
        SparkSession spark = SparkSession.builder()
                .master("local[" + parallelism + "]")
                .config("spark.ui.enabled", false)
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.sql.shuffle.partitions", parallelism)
                .config("spark.sql.session.timeZone", "UTC")
                .getOrCreate();
        spark.sparkContext().setLogLevel("ERROR");
        Passes.run("spark", spark.version(), args, job -> pass(spark, job));
        spark.stop();
    }

    private static Passes.Done pass(SparkSession spark, Passes.Job job) throws Exception {
        Path checkpoint = Files.createTempDirectory("spark-peer");
        StreamingQuery query = candles(spark, job)
                .observe("totals", COUNT, SUMS)
                .writeStream()
                .format("noop")
                .outputMode("append")
                .option("checkpointLocation", checkpoint.toString())
                .trigger(Trigger.AvailableNow())
                .start();
        query.awaitTermination();
        return () -> {
            Totals totals = new Totals();
            for (var batch : query.recentProgress()) {
                add(batch.observedMetrics().get("totals"), totals);
            }
            add(openWindows(spark, checkpoint), totals);
            remove(checkpoint);
            return totals;
        };
    }

    private static Dataset<Row> candles(SparkSession spark, Passes.Job job) {
        Dataset<Row> records = spark.readStream().format("kafka")
                .option("kafka.bootstrap.servers", job.broker())
                .option("subscribe", job.topic())
                .option("startingOffsets", "earliest")
                .option("maxOffsetsPerTrigger", BATCH)
                .option("kafka.max.poll.records", 10_000)
                .option("kafka.max.partition.fetch.bytes", 4 << 20)
                .load();
        return records.select("value", "offset")
                .as(Encoders.tuple(Encoders.BINARY(), Encoders.LONG()))
                .flatMap(new Decode(), Decode.ENCODER)
                .toDF("symbol", "time", "p", "v", "position")
                .withColumn("time", expr("timestamp_millis(time)"))
                // Partitions are not read exactly in step: what the slowest one brings must not be dropped.
                .withWatermark("time", "10 seconds")
                .groupBy(window(col("time"), "5 seconds"), col("symbol"))
                .agg(expr("min_by(p, position)").as("open"), expr("max(p)").as("high"), expr("min(p)").as("low"),
                        expr("max_by(p, position)").as("close"), expr("sum(v)").as("volume"),
                        expr("sum(p * v)").as("notional"), expr("count(*)").as("trades"));
    }

    /** Nothing closes the last windows, since no later trade comes: they are read from the state. */
    private static Row openWindows(SparkSession spark, Path checkpoint) {
        return spark.read().format("statestore").load(checkpoint.toString())
                .select(col("value").cast(STATE).as("candle"))
                .select("candle.*")
                .agg(COUNT, SUMS)
                .first();
    }

    private static void add(Row sums, Totals totals) {
        totals.candles += sums.getLong(0);
        totals.trades += sums.getLong(1);
        totals.volume += sums.getDouble(2);
        totals.notional += sums.getDouble(3);
        totals.prices += (long) sums.getDouble(4);
    }

    private static void remove(Path folder) throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    /**
     * From value and offset of a record to symbol, time, price and volume of its trade, and what orders the trades of a
     * symbol: time, then offset. Control records are left out.
     */
    private static final class Decode
            implements FlatMapFunction<Tuple2<byte[], Long>, Tuple5<String, Long, Double, Double, Long>> {
        static final Encoder<Tuple5<String, Long, Double, Double, Long>> ENCODER = Encoders.tuple(
                Encoders.STRING(), Encoders.LONG(), Encoders.DOUBLE(), Encoders.DOUBLE(), Encoders.LONG());

        @Override
        public Iterator<Tuple5<String, Long, Double, Double, Long>> call(Tuple2<byte[], Long> record)
                throws IOException {
            Trade trade = new Trade();
            if (!TradeParser.parse(record._1, trade)) {
                return Collections.emptyIterator();
            }
            long position = (trade.time << 20) + record._2 % (1 << 20);
            return List.of(new Tuple5<>(trade.symbol, trade.time, trade.price, trade.volume, position)).iterator();
        }
    }
}
