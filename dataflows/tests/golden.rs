//! Bytes that may not change unnoticed: the digest's canonical bytes, and what a snapshot's shard is encoded as.
//!
//! When one of these fails on purpose: rows of another layout need a higher `PIPELINE_REVISION`, state of another
//! layout needs a higher `codec::VERSION`. Then take the new constants from the failing test's message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::sync::Arc;

use dataflows::log::batch::RecordBatch;
use dataflows::log::reject::Reason;
use dataflows::output::digest::{Canonical, Digest};
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, IndicatorValues, RejectedRow};
use dataflows::progress::last_record::LastRecord;
use dataflows::progress::partition::{PartitionFrontier, RecordContext};
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Resolution;
use dataflows::settings::Settings;
use dataflows::state::codec;
use dataflows::state::snapshot::decode_shard;
use dataflows::symbols::symbol::Symbol;
use dataflows::testing::{Plan, run};
use ethnum::I256;
use xxhash_rust::xxh3::xxh3_64;

mod oracle;
mod support;

const CANDLE: &str = concat!(
    "030c000000000000004943204d41524b4554533a310308070605040302010b000000000000000000000000000000f4ff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f000000000000000000000000000000800000",
    "000000000000010000000000000000ffeeddccbbaa998877665544332211feffffffffffffffffffffffffffffff1100",
    "0000000000001200000000000000",
);
const INDICATORS: &str = concat!(
    "100200000000000000c3a414000000000000000100000000000000020000000000000000000000000000000300000000",
    "000000000000000000000004000000000000000000000000000000050000000000000000000000000000000600000000",
    "0000000000000000000000f9ffffffffffffffffffffffffffffff080000000000000000000000000000000000000000",
    "0000000000000000000000090000000000000000000000000000000a0000000000000000000000000000000b00000000",
    "00000000000000000000000c0000000000000000000000000000000e0000000000000000000000000000000d00000000",
    "00000000000000000000001600000000000000f1ffffffffffffffffffffffffffffff10000000000000000000000000",
    "0000001100000000000000000000000000000012000000000000000000000000000000ffffffffffffffffffffffffff",
    "ffffff13000000000000001500000000000000",
);
const REJECTED: &str = concat!(
    "110100000002000000000000000300000008000000000000006261645f6a736f6e02000000000000007b0a0400000000",
    "0000000500000000000000",
);
const GAP: &str = concat!(
    "12010000000200000000000000030000000000000061c3a4fdffffffffffffff0400000000000000060000000000000063",
    "6c6f7365640500000000000000",
);
const CANDLE_HASHES: [u128; 5] = [
    0x8d1c_0024_a885_36a5_3e16_2413_250c_3fc4,
    0xc241_6983_b549_c5a8_1e61_3cb7_95ff_38fc,
    0x08f4_1801_f62b_5d91_97dd_008a_ba8c_b1c6,
    0xd8dd_aca7_884a_5aca_cd43_a8d8_ff0b_3805,
    0x48ec_15bd_8192_3ed6_5c92_c65c_f517_c860,
];
const INDICATORS_HASH: u128 = 0x8eb6_f573_31eb_3dc7_e123_aad4_f715_f220;
const REJECTED_HASH: u128 = 0x6f68_8f7a_505f_c87e_636b_d745_9586_c9cb;
const GAP_HASH: u128 = 0x3dfc_e264_9857_f337_201f_3bbe_c1f1_1548;
const SHARD: u32 = 143;
const SHARD_BYTES: usize = 3159;
const SHARD_HASH: u64 = 0x1f6e_4343_cf33_9d33;
const SHARD_HEAD: &str = concat!(
    "0a460c000000000000ceb60a5ee890354c01000000000000000c000000000000004943204d41524b4554533a31010000",
    "84e2506ce67c000000000000000000005dccfd995e800000000000000000000084e2506ce67c00000000000000000000",
);
const RESUME_POINT: &str = concat!(
    "0a72000000000000008b9d15586a40c0e003000000050000000000000002000000000000000100000000000000610900",
    "000000000000010000000000000062070000000000000001070000000000000000000000000000000000000000000000",
    "0000000000000000000000000001040000000000000008070605040302010109000000",
);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn candle(resolution: Resolution) -> CandleRow {
    CandleRow {
        symbol: Symbol::new("IC MARKETS:1").unwrap(),
        resolution,
        window_start_ms: 0x0102_0304_0506_0708,
        open: 11,
        high: -12,
        low: i128::MAX,
        close: i128::MIN,
        volume: 1 << 64,
        notional: I256::from_words(-2, 0x1122_3344_5566_7788_99aa_bbcc_ddee_ff00),
        trades: 17,
        as_of: 18,
    }
}

fn indicators() -> IndicatorRow {
    let values = IndicatorValues {
        candles: 1,
        close_sums: [2, 3, 4],
        ema: [5, 6],
        macd_signal: -7,
        notional_60: I256::from(8),
        volume_60: 9,
        rsi_gain: 10,
        rsi_loss: 11,
        bollinger_sum: 12,
        bollinger_sum_sq: I256::from_words(13, 14),
        returns: 22,
        return_sum: -15,
        return_sum_sq: 16,
        cumulative_volume: 17,
        cumulative_notional: I256::from_words(-1, 18),
        cumulative_trades: 19,
    };
    IndicatorRow { symbol: Symbol::new("\u{e4}").unwrap(), window_start_ms: 20, values, as_of: 21 }
}

fn rejected() -> RejectedRow {
    RejectedRow {
        partition: 1,
        offset: 2,
        index: 3,
        reason: Reason::BadJson,
        original: (*b"{\n").into(),
        original_bytes_total: 4,
        as_of: 5,
    }
}

fn gap() -> GapRow {
    GapRow {
        partition: 1,
        offset: 2,
        source: "a\u{e4}".into(),
        from_ms: -3,
        to_ms: 4,
        cause: "closed".into(),
        as_of: 5,
    }
}

#[test]
fn canonical_bytes_are_what_they_were() {
    let bytes = |row: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        row(&mut bytes);
        hex(&bytes)
    };
    assert_eq!(bytes(&|to| candle(Resolution::H1).canonical(to)), CANDLE);
    assert_eq!(bytes(&|to| indicators().canonical(to)), INDICATORS);
    assert_eq!(bytes(&|to| rejected().canonical(to)), REJECTED);
    assert_eq!(bytes(&|to| gap().canonical(to)), GAP);
}

/// The constants are the oracle's, which has a layout and a hash function of its own.
#[test]
fn hashes_are_what_they_were() {
    let mut scratch = vec![1];
    for (resolution, expected) in Resolution::ALL.into_iter().zip(CANDLE_HASHES) {
        assert_eq!(
            oracle::digest::digest(&[candle(resolution)], &[], &[], &[]),
            expected,
            "the oracle, {resolution:?}"
        );
        assert_eq!(candle(resolution).hash(&mut scratch), expected, "{resolution:?}");
    }
    assert_eq!(oracle::digest::digest(&[], &[indicators()], &[], &[]), INDICATORS_HASH, "the oracle");
    assert_eq!(indicators().hash(&mut scratch), INDICATORS_HASH);
    assert_eq!(oracle::digest::digest(&[], &[], &[rejected()], &[]), REJECTED_HASH, "the oracle");
    assert_eq!(rejected().hash(&mut scratch), REJECTED_HASH);
    assert_eq!(oracle::digest::digest(&[], &[], &[], &[gap()]), GAP_HASH, "the oracle");
    assert_eq!(gap().hash(&mut scratch), GAP_HASH);
}

#[test]
fn a_digest_is_a_multiset() {
    let mut digest = Digest::default();
    digest.update(INDICATORS_HASH, 1);
    digest.update(REJECTED_HASH, 2);
    digest.update(REJECTED_HASH, -1);
    assert_eq!(digest.0, oracle::digest::digest(&[], &[indicators()], &[rejected()], &[]));
    assert_eq!(digest.to_string(), format!("{:032x}", INDICATORS_HASH.wrapping_add(REJECTED_HASH)));
    digest.update(INDICATORS_HASH, -1);
    digest.update(REJECTED_HASH, -1);
    assert_eq!((digest, digest.to_string().len()), (Digest(0), 32));
}

/// A symbol with a price update, conditions, a corrected candle, a second window and a second day.
fn small_log() -> Arc<Vec<RecordBatch>> {
    let mut log = RecordBatch::default();
    let records = [
        r#"{"type":"progress","source":"a","event_ms":1575590390000}"#,
        r#"{"c":null,"p":10.5,"s":"IC MARKETS:1","t":1575590391000,"v":2}"#,
        r#"{"c":["12"],"p":11,"s":"IC MARKETS:1","t":1575590397000,"v":3}"#,
        r#"{"type":"progress","source":"a","event_ms":1575590399000}"#,
        r#"{"c":null,"p":12,"s":"IC MARKETS:1","t":1575590392000,"v":0.5}"#,
        r#"{"c":null,"p":9,"s":"IC MARKETS:1","t":1575590400000,"v":0}"#,
        r#"{"c":null,"p":9.25,"s":"IC MARKETS:1","t":1575590401000,"v":1}"#,
        r#"{"type":"progress","source":"a","event_ms":1575590410000}"#,
    ];
    records.iter().enumerate().for_each(|(at, record)| log.push(at as u64, record.as_bytes(), None));
    Arc::new(vec![log])
}

#[test]
fn a_shard_is_encoded_as_it_was() {
    let settings = Settings::new(support::conditions(false));
    let plan = Plan {
        workers: 1,
        batch_records: 1,
        steps: 3,
        checkpoints: vec![1_575_590_405_000],
        resume: None,
        bindings: Vec::new(),
    };
    let outcome = run(&settings, &small_log(), &plan);
    let [snapshot] = outcome.snapshots.as_slice() else { panic!("{:?}", outcome.snapshots) };
    let [shard, _memory] = snapshot.shards.as_slice() else { panic!("{:?}", snapshot.shards) };
    assert_eq!(decode_shard(shard.shard, &[&shard.bytes]).unwrap().states.len(), 1);
    // Of the whole only length and hash: nobody would read it.
    assert_eq!(codec::VERSION, 10, "take the new constants");
    assert_eq!(shard.shard, SHARD);
    assert_eq!((shard.bytes.len(), xxh3_64(&shard.bytes)), (SHARD_BYTES, SHARD_HASH));
    assert_eq!(hex(&shard.bytes[..SHARD_HEAD.len() / 2]), SHARD_HEAD);
}

#[test]
fn a_header_is_encoded_as_it_was() {
    let mut frontier = PartitionFrontier::default();
    frontier.progress("b", 7, &RecordContext::with_defaults(None)).unwrap();
    frontier.progress("a", 9, &RecordContext::with_defaults(None)).unwrap();
    let last = Some(LastRecord { offset: 4, hash: 0x0102_0304_0506_0708, leader_epoch: Some(9) });
    let bytes = codec::encode(&ResumePoint { partition: 3, offset: 5, frontier, last }).unwrap();
    assert_eq!(hex(&bytes), RESUME_POINT);
}
