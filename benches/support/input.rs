//! Made-up trades, the same in every run: decoded, and as JSON Lines.

use std::fmt::Write;

use dataflows::log::batch::RecordBatch;
use dataflows::log::decode::RawTrade;

/// Partitions of every input.
pub const PARTITIONS: usize = 4;
/// Records of a partition that the driver takes at once: about what the worker host reads.
pub const CHUNK: usize = 65_536;

/// 2024-01-02 14:30 UTC, on a full minute.
const START_MS: u64 = 1_704_205_800_000;
/// After every trade of every feed, on a full minute.
pub const END_MS: u64 = START_MS + 3_600_000;

/// One trade, in little memory.
#[derive(Clone, Copy)]
pub struct FeedTrade {
    symbol: u32,
    event_ms: u64,
    /// In 10^-2.
    price: u32,
    /// In units.
    volume: u32,
}

/// A kind of feed.
pub struct Feed {
    symbols: u64,
    per_second: u64,
    /// How many trades it has.
    pub trades: u64,
    late_in_100: u64,
    /// Symbols take turns, instead of coming at random.
    in_turn: bool,
}

impl Feed {
    /// 500 symbols, 20,000 trades a second of event time.
    pub fn dense() -> Self {
        Self { symbols: 500, per_second: 20_000, trades: 4_000_000, late_in_100: 0, in_turn: false }
    }

    /// 30,000 symbols, each one trade every 5 s: every trade makes a candle.
    pub fn sparse() -> Self {
        Self { symbols: 30_000, per_second: 6_000, trades: 3_000_000, late_in_100: 0, in_turn: true }
    }

    /// Random trades: number of symbols, trades per second, number of trades.
    #[allow(dead_code, reason = "not every bench needs one")]
    pub fn random(symbols: u64, per_second: u64, trades: u64) -> Self {
        Self { symbols, per_second, trades, late_in_100: 0, in_turn: false }
    }

    /// The same with 1 % of the trades 5 to 65 s late.
    pub fn late(self) -> Self {
        Self { late_in_100: 1, ..self }
    }

    fn feed_trade(&self, n: u64, dice: u64) -> FeedTrade {
        let symbol = if self.in_turn { n % self.symbols } else { (dice >> 20) % self.symbols } as u32;
        let late = self.late_in_100 > 0 && (dice >> 50) % 100 < self.late_in_100 && n > self.per_second * 120;
        let back_ms = if late { 5_000 + (dice >> 8) % 60_000 } else { 0 };
        FeedTrade {
            symbol,
            event_ms: START_MS + n * 1_000 / self.per_second - back_ms,
            price: 10_000 + symbol + ((dice >> 30) % 100) as u32,
            volume: 1 + ((dice >> 40) % 500) as u32,
        }
    }

    /// All trades, by partition, in order.
    pub fn feed_trades(&self) -> Vec<Vec<FeedTrade>> {
        let mut dice = 0x5eed_u64;
        let mut partitions = vec![Vec::new(); PARTITIONS];
        for n in 0..self.trades {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let feed_trade = self.feed_trade(n, dice);
            partitions[feed_trade.symbol as usize % PARTITIONS].push(feed_trade);
        }
        partitions
    }
}

/// Input of one run, by partition.
pub enum Input {
    /// Decoded trades, and the symbols' names.
    Decoded(Vec<Vec<FeedTrade>>, Vec<String>),
    /// JSON Lines in chunks, and the event time up to which each chunk is complete.
    Json(Vec<Vec<RecordBatch>>, Vec<Vec<u64>>),
}

fn names(feed: &Feed) -> Vec<String> {
    (0..feed.symbols).map(|n| format!("BINANCE:SYM{n:05}USDT")).collect()
}

impl Input {
    /// Decoded trades.
    pub fn decoded(feed: &Feed) -> Self {
        Self::Decoded(feed.feed_trades(), names(feed))
    }

    /// The same trades as Finnhub writes them.
    pub fn json(feed: &Feed) -> Self {
        let names = names(feed);
        let chunk = |feed_trades: &[FeedTrade], first: u64| {
            let mut batch = RecordBatch::default();
            let mut text = String::new();
            for (feed_trade, offset) in feed_trades.iter().zip(first..) {
                text.clear();
                let FeedTrade { symbol, event_ms, price, volume } = *feed_trade;
                let (whole, cents, name) = (price / 100, price % 100, &names[symbol as usize]);
                let conditions = if symbol % 2 == 0 { "null" } else { "[\"1\"]" };
                write!(
                    text,
                    "{{\"c\":{conditions},\"p\":{whole}.{cents:02},\"s\":\"{name}\",\"t\":{event_ms},\"v\":{volume}}}"
                )
                .expect("a text takes everything");
                batch.push(offset, text.as_bytes(), None);
            }
            batch
        };
        let (mut partitions, mut progress) = (Vec::new(), Vec::new());
        for feed_trades in feed.feed_trades() {
            let chunks = feed_trades.chunks(CHUNK).enumerate();
            partitions.push(chunks.map(|(n, feed_trades)| chunk(feed_trades, (n * CHUNK) as u64)).collect());
            progress.push(feed_trades.iter().skip(CHUNK).step_by(CHUNK).map(FeedTrade::event_ms).collect());
        }
        Self::Json(partitions, progress)
    }

    /// Number of trades.
    pub fn trades(&self) -> u64 {
        match self {
            Self::Decoded(partitions, _) => partitions.iter().map(|p| p.len() as u64).sum(),
            Self::Json(partitions, _) => partitions.iter().flatten().map(|batch| batch.records.len() as u64).sum(),
        }
    }

    /// Chunks of the longest partition.
    pub fn chunks(&self) -> usize {
        match self {
            Self::Decoded(partitions, _) => partitions.iter().map(|p| p.len().div_ceil(CHUNK)).max().unwrap_or(0),
            Self::Json(partitions, _) => partitions.iter().map(Vec::len).max().unwrap_or(0),
        }
    }
}

impl FeedTrade {
    /// As the decoder would have it.
    pub fn raw<'a>(&self, names: &'a [String]) -> RawTrade<'a> {
        let (price, volume) = (i128::from(self.price) * 10_i128.pow(16), i128::from(self.volume) * 10_000_000_000);
        RawTrade {
            id: "",
            symbol: &names[self.symbol as usize],
            price,
            volume,
            event_ms: self.event_ms,
            conditions: "null",
            rounded: false,
            bytes: &[],
        }
    }

    /// Event time.
    pub fn event_ms(&self) -> u64 {
        self.event_ms
    }

    /// For baselines: symbol, price, volume.
    pub fn values(&self) -> (u32, u32, u32) {
        (self.symbol, self.price, self.volume)
    }
}
