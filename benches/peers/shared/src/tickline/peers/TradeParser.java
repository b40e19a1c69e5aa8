package tickline.peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;

/** Reads a trade from the bytes of a record, token by token, without a tree. */
public final class TradeParser {
    private static final JsonFactory FACTORY =
            JsonFactory.builder().enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER).build();
    private static final int ALL_FIELDS = 0b1111;

    private TradeParser() {}

    /** Whether the record is a trade; if so, its fields are in {@code trade}. Control records have a {@code type}. */
    public static boolean parse(byte[] record, Trade trade) throws IOException {
        if (record == null) {
            return false;
        }
        try (JsonParser json = FACTORY.createParser(record)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                return false;
            }
            int found = 0;
            for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
                json.nextToken();
                switch (name) {
                    case "s" -> {
                        trade.symbol = json.getText();
                        found |= 0b1;
                    }
                    case "p" -> {
                        trade.price = json.getDoubleValue();
                        found |= 0b10;
                    }
                    case "t" -> {
                        trade.time = json.getLongValue();
                        found |= 0b100;
                    }
                    case "v" -> {
                        trade.volume = json.getDoubleValue();
                        found |= 0b1000;
                    }
                    case "type" -> {
                        return false;
                    }
                    default -> json.skipChildren();
                }
            }
            return found == ALL_FIELDS;
        }
    }
}
