package tickline.peers;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** A candle in 72 bytes: stores of Kafka Streams hold bytes, in memory too. */
final class CandleSerde {
    private static final int BYTES = 9 * Long.BYTES;

    private CandleSerde() {}

    static Serde<Candle> serde() {
        return Serdes.serdeFrom((topic, candle) -> encode(candle), (topic, bytes) -> decode(bytes));
    }

    private static byte[] encode(Candle candle) {
        if (candle == null) {
            return null;
        }
        return ByteBuffer.allocate(BYTES)
                .putDouble(candle.open).putDouble(candle.high).putDouble(candle.low).putDouble(candle.close)
                .putDouble(candle.volume).putDouble(candle.notional)
                .putLong(candle.trades).putLong(candle.openTime).putLong(candle.closeTime)
                .array();
    }

    private static Candle decode(byte[] bytes) {
        if (bytes == null) {
            return null;
        }
        ByteBuffer from = ByteBuffer.wrap(bytes);
        Candle candle = new Candle();
        candle.open = from.getDouble();
        candle.high = from.getDouble();
        candle.low = from.getDouble();
        candle.close = from.getDouble();
        candle.volume = from.getDouble();
        candle.notional = from.getDouble();
        candle.trades = from.getLong();
        candle.openTime = from.getLong();
        candle.closeTime = from.getLong();
        return candle;
    }
}
