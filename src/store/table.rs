//! The tables' names and buckets, alike in every store. A bucket bounds how much lies under one partition key.

use dataflows::time::{DAY_MS, Resolution};

/// The table of a resolution's candles.
pub const fn candles(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::S5 => "candles_5s",
        Resolution::M1 => "candles_1m",
        Resolution::M5 => "candles_5m",
        Resolution::H1 => "candles_1h",
        Resolution::D1 => "candles_1d",
    }
}

/// Length of a resolution's buckets in milliseconds. A bucket holds at most 17 280 rows of a symbol.
pub const fn bucket_length_ms(resolution: Resolution) -> u64 {
    match resolution {
        Resolution::S5 => DAY_MS,
        Resolution::M1 => 7 * DAY_MS,
        Resolution::M5 => 28 * DAY_MS,
        Resolution::H1 => 364 * DAY_MS,
        Resolution::D1 => 3640 * DAY_MS,
    }
}

/// The bucket that holds a window: its start, floored to the bucket length.
pub const fn bucket_ms(resolution: Resolution, window_start_ms: u64) -> u64 {
    window_start_ms - window_start_ms % bucket_length_ms(resolution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_whole_windows_and_few_of_them() {
        for resolution in Resolution::ALL {
            assert_eq!(candles(resolution), format!("candles_{}", resolution.name()));
            assert_eq!(bucket_length_ms(resolution) % resolution.length_ms(), 0);
            assert!(bucket_length_ms(resolution) / resolution.length_ms() <= 17_280);
        }
        assert_eq!(bucket_ms(Resolution::S5, 3 * DAY_MS + 5_000), 3 * DAY_MS);
        assert_eq!(bucket_ms(Resolution::M1, 13 * DAY_MS), 7 * DAY_MS);
    }
}
