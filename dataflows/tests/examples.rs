//! Runs the examples, which check their own results.

#[path = "../examples/candles_from_jsonl.rs"]
mod candles_from_jsonl;
#[path = "../examples/late_trade.rs"]
mod late_trade;
#[path = "../examples/resume.rs"]
mod resume;
#[path = "../examples/two_workers.rs"]
mod two_workers;

#[test]
fn candles_from_jsonl() {
    candles_from_jsonl::main();
}

#[test]
fn late_trade() {
    late_trade::main();
}

#[test]
fn resume() {
    resume::main();
}

#[test]
fn two_workers() {
    two_workers::main();
}
