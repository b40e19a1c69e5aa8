//! The fuzzer of the target `batches`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickline_fuzz::run(tickline_fuzz::batches::check, data));
