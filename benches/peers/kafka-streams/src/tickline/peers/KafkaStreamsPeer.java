package tickline.peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/** The peer on Kafka Streams: DSL, a window store in memory, candles emitted when their window closes. */
public final class KafkaStreamsPeer {
    private static final String STORE = "candles";
    private static final Duration WINDOW = Duration.ofMillis(Candle.WINDOW_MS);

    /** Number of records of each partition. */
    private final Map<Integer, Long> ends;
    /** Counts the partitions that have records left. */
    private final CountDownLatch unread;
    /** What each partition has emitted. */
    private final Map<Integer, Emitted> emitted = new ConcurrentHashMap<>();

    private KafkaStreamsPeer(Map<Integer, Long> ends) {
        this.ends = ends;
        this.unread = new CountDownLatch(ends.size());
    }

    public static void main(String[] args) throws Exception {
        Passes.run("kafka-streams", version(), args, job -> new KafkaStreamsPeer(ends(job)).pass(job));
    }

    private static String version() throws IOException {
        Properties properties = new Properties();
        try (var stream = KafkaStreams.class.getResourceAsStream("/kafka/kafka-streams-version.properties")) {
            properties.load(stream);
        }
        return properties.getProperty("version");
    }

    private static Map<Integer, Long> ends(Passes.Job job) {
        Map<String, Object> settings = Map.of(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, job.broker());
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(job.topic()).stream()
                    .map(info -> new TopicPartition(info.topic(), info.partition())).toList();
            Map<Integer, Long> ends = new HashMap<>();
            consumer.endOffsets(partitions).forEach((partition, end) -> ends.put(partition.partition(), end));
            ends.values().removeIf(end -> end == 0);
            return ends;
        }
    }

    private Passes.Done pass(Passes.Job job) throws Exception {
        Path state = Files.createTempDirectory("kafka-streams-peer");
        KafkaStreams streams = new KafkaStreams(topology(job.topic()), settings(job, state));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        startTogether(streams, Math.min(job.parallelism(), ends.size()));
        unread.await();
        return () -> {
            Totals totals = new Totals();
            for (int partition : ends.keySet()) {
                Emitted part = emitted.getOrDefault(partition, new Emitted());
                addOpenWindows(streams, partition, part);
                totals.add(part.totals);
            }
            streams.close();
            streams.cleanUp();
            return totals;
        };
    }

    /** Starts to process when each thread has its partitions: one that moves later leaves its state behind. */
    private static void startTogether(KafkaStreams streams, int threads) throws InterruptedException {
        streams.pause();
        streams.start();
        long busy;
        do {
            Thread.sleep(2);
            busy = streams.metadataForLocalThreads().stream().filter(thread -> !thread.activeTasks().isEmpty()).count();
        } while (busy < threads || streams.state() != KafkaStreams.State.RUNNING);
        streams.resume();
    }

    private Topology topology(String topic) {
        var trades = Serdes.serdeFrom((of, trade) -> null, (of, bytes) -> trade(bytes));
        var consumed = Consumed.with(Serdes.String(), trades).withTimestampExtractor(new EventTime());
        // Windows are emitted at most an interval of processing after they have closed, and are kept that long.
        var store = Stores.inMemoryWindowStore(STORE, Duration.ofMinutes(5), WINDOW, false);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(topic, consumed)
                .processValues(Intake::new)
                // The topic is keyed by symbol already: no second topic is needed to bring its trades together.
                .groupByKey(Grouped.with(Serdes.String(), trades))
                .windowedBy(TimeWindows.ofSizeWithNoGrace(WINDOW))
                .emitStrategy(EmitStrategy.onWindowClose())
                .aggregate(Candle::new, KafkaStreamsPeer::add, Materialized.<String, Candle>as(store)
                        .withKeySerde(Serdes.String())
                        .withValueSerde(CandleSerde.serde())
                        .withCachingDisabled()
                        .withLoggingDisabled())
                .toStream()
                .process(Output::new);
        return builder.build();
    }

    private static Properties settings(Passes.Job job, Path state) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer-" + UUID.randomUUID());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.broker());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, job.parallelism());
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 10_000);
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 4 << 20);
        // How soon a thread notices that another one has joined.
        settings.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 50);
        // By the clock, once a second: here a second of the clock is more than a minute of the log.
        settings.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 100L);
        return settings;
    }

    /** A trade, or null for a control record. */
    private static Trade trade(byte[] record) {
        Trade trade = new Trade();
        try {
            return TradeParser.parse(record, trade) ? trade : null;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static Candle add(String symbol, Trade trade, Candle candle) {
        candle.add(trade.time, trade.price, trade.volume);
        return candle;
    }

    /** Nothing closes the last windows of a partition, since no later trade comes: they are read from the store. */
    private static void addOpenWindows(KafkaStreams streams, int partition, Emitted part) {
        var store = streams.store(StoreQueryParameters
                .fromNameAndType(STORE, QueryableStoreTypes.<String, Candle>windowStore()).withPartition(partition));
        try (var candles = store.all()) {
            candles.forEachRemaining(entry -> {
                if (entry.key.window().start() > part.lastStart) {
                    part.totals.add(entry.value);
                }
            });
        }
    }

    /** What one partition has emitted: all windows that start at {@code lastStart} or before. */
    private static final class Emitted {
        final Totals totals = new Totals();
        long lastStart = -1;
    }

    private static final class EventTime implements TimestampExtractor {
        @Override
        public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
            return record.value() instanceof Trade trade ? trade.time : Math.max(partitionTime, 0);
        }
    }

    /** Leaves out control records, and notices the end of a partition. */
    private final class Intake extends ContextualFixedKeyProcessor<String, Trade, Trade> {
        @Override
        public void process(FixedKeyRecord<String, Trade> record) {
            if (record.value() != null) {
                context().forward(record);
            }
            var position = context().recordMetadata().orElseThrow();
            if (position.offset() == ends.get(position.partition()) - 1) {
                unread.countDown();
            }
        }
    }

    private final class Output extends ContextualProcessor<Windowed<String>, Candle, Void, Void> {
        @Override
        public void process(Record<Windowed<String>, Candle> record) {
            Emitted part = emitted.computeIfAbsent(context().taskId().partition(), partition -> new Emitted());
            part.totals.add(record.value());
            part.lastStart = Math.max(part.lastStart, record.key().window().start());
        }
    }
}
