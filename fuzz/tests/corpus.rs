//! The corpus of the fuzzer, without the fuzzer: every file is run through its target.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tickline_fuzz::{TARGETS, run};

/// Files of one target at most, and bytes of one file: what is more belongs to a cache, and not into the repository.
const FILES_MAX: usize = 99;
const BYTES_MAX: u64 = 8 << 10;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_file_of_the_corpus_holds() {
    for (target, check) in TARGETS {
        let paths = files(&format!("corpus/{target}"));
        assert!((5..=FILES_MAX).contains(&paths.len()), "{target} has {} files", paths.len());
        for path in paths {
            let data = std::fs::read(&path).unwrap();
            assert!(data.len() as u64 <= BYTES_MAX, "{} is too long: {} bytes", path.display(), data.len());
            let result = catch_unwind(AssertUnwindSafe(|| run(check, &data)));
            assert!(result.is_ok(), "{} does not hold: the panic above says what", path.display());
        }
    }
}

/// A target without a binary would never be fuzzed, and a folder without a target never be read.
#[test]
fn every_target_has_its_binary_and_its_folder() {
    let names = |folder| -> BTreeSet<String> {
        files(folder).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("corpus"), targets);
    assert_eq!(names("fuzz_targets"), targets);
    for (name, _) in TARGETS {
        let binary = std::fs::read_to_string(format!("{}/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(binary.contains(&format!("tickline_fuzz::{name}::check")), "{binary}");
    }
}
