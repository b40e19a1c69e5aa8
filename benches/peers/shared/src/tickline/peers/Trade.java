package tickline.peers;

/** A trade. The fields are public and mutable, so that one object can be used for all trades of a thread. */
public class Trade {
    public String symbol;
    /** Event time in Unix milliseconds. */
    public long time;
    public double price;
    public double volume;
}
