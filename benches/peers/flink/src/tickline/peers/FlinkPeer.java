package tickline.peers;

import java.io.IOException;
import java.time.Duration;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.accumulators.DoubleCounter;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.util.Collector;

/** The peer on Flink: DataStream API, one window operator, a cluster inside this JVM that all passes share. */
public final class FlinkPeer {
    private FlinkPeer() {}

    public static void main(String[] args) throws Exception {
        Configuration settings = new Configuration();
        settings.set(PipelineOptions.OBJECT_REUSE, true);
        // A type without a serializer of its own is an error, not a slow run.
        settings.set(PipelineOptions.GENERIC_TYPES, false);
        settings.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        settings.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(64));
        settings.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(64));
        // For state in RocksDB and for batch jobs only: the heap has the rest.
        settings.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1));
        var cluster = new MiniClusterConfiguration.Builder().setConfiguration(settings).setNumSlotsPerTaskManager(2);
        try (MiniCluster flink = new MiniCluster(cluster.build())) {
            flink.start();
            String version = EnvironmentInformation.getVersion();
            Passes.run("flink", version, args, job -> pass(flink, settings, job));
        }
    }

    private static Passes.Done pass(MiniCluster flink, Configuration settings, Passes.Job job) throws Exception {
        var env = StreamExecutionEnvironment.getExecutionEnvironment(settings);
        env.setParallelism(job.parallelism());
        KafkaSource<Trade> source = KafkaSource.<Trade>builder()
                .setBootstrapServers(job.broker())
                .setTopics(job.topic())
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setBounded(OffsetsInitializer.latest())
                .setProperty("max.poll.records", "5000")
                .setProperty("max.partition.fetch.bytes", "4194304")
                .setValueOnlyDeserializer(new Trades())
                .build();
        // Each partition has a watermark of its own, and its trades are in order: nothing is dropped.
        WatermarkStrategy<Trade> inOrder = WatermarkStrategy.<Trade>forBoundedOutOfOrderness(Duration.ZERO)
                .withTimestampAssigner((trade, time) -> trade.time);
        env.fromSource(source, inOrder, "trades")
                .keyBy(trade -> trade.symbol)
                .window(TumblingEventTimeWindows.of(Duration.ofMillis(Candle.WINDOW_MS)))
                .aggregate(new Candles())
                .flatMap(new Count())
                .sinkTo(new DiscardingSink<>());
        JobExecutionResult result = flink.executeJobBlocking(env.getStreamGraph().getJobGraph());
        return () -> Count.totals(result);
    }

    /** Decodes records. Control records are left out. */
    private static final class Trades implements DeserializationSchema<Trade> {
        private transient Trade trade;

        @Override
        public void open(InitializationContext context) {
            trade = new Trade();
        }

        @Override
        public void deserialize(byte[] record, Collector<Trade> out) throws IOException {
            if (TradeParser.parse(record, trade)) {
                out.collect(trade);
            }
        }

        @Override
        public Trade deserialize(byte[] record) {
            throw new UnsupportedOperationException("the method with a collector is used");
        }

        @Override
        public boolean isEndOfStream(Trade last) {
            return false;
        }

        @Override
        public TypeInformation<Trade> getProducedType() {
            return TypeInformation.of(Trade.class);
        }
    }

    private static final class Candles implements AggregateFunction<Trade, Candle, Candle> {
        @Override
        public Candle createAccumulator() {
            return new Candle();
        }

        @Override
        public Candle add(Trade trade, Candle candle) {
            candle.add(trade.time, trade.price, trade.volume);
            return candle;
        }

        @Override
        public Candle getResult(Candle candle) {
            return candle;
        }

        @Override
        public Candle merge(Candle left, Candle right) {
            throw new UnsupportedOperationException("tumbling windows do not merge");
        }
    }

    /** Adds up the candles, and emits nothing. */
    private static final class Count extends RichFlatMapFunction<Candle, Integer> {
        private final LongCounter candles = new LongCounter();
        private final LongCounter trades = new LongCounter();
        private final DoubleCounter volume = new DoubleCounter();
        private final DoubleCounter notional = new DoubleCounter();
        private final LongCounter prices = new LongCounter();

        @Override
        public void open(OpenContext context) {
            var runtime = getRuntimeContext();
            runtime.addAccumulator("candles", candles);
            runtime.addAccumulator("trades", trades);
            runtime.addAccumulator("volume", volume);
            runtime.addAccumulator("notional", notional);
            runtime.addAccumulator("prices", prices);
        }

        @Override
        public void flatMap(Candle candle, Collector<Integer> out) {
            candles.add(1);
            trades.add(candle.trades);
            volume.add(candle.volume);
            notional.add(candle.notional);
            prices.add(Totals.pricesOf(candle));
        }

        static Totals totals(JobExecutionResult result) {
            Totals totals = new Totals();
            totals.candles = result.getAccumulatorResult("candles");
            totals.trades = result.getAccumulatorResult("trades");
            totals.volume = result.getAccumulatorResult("volume");
            totals.notional = result.getAccumulatorResult("notional");
            totals.prices = result.getAccumulatorResult("prices");
            return totals;
        }
    }
}
