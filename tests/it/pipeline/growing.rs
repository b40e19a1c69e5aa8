//! A log that grows in arbitrary steps, as a reader sees it while another process writes.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A partial copy of a log.
pub struct Growing {
    partitions: Vec<(File, Vec<u8>, usize)>,
    rng: ChaCha8Rng,
}

impl Growing {
    /// All partitions of `from`, empty at first.
    pub fn new(from: &Path, to: &Path, seed: u64) -> Self {
        fs::create_dir(to).unwrap();
        let mut files: Vec<_> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|e| e == "jsonl"));
        files.sort();
        let open = |from: &Path| {
            let to = to.join(from.file_name().unwrap());
            (OpenOptions::new().append(true).create(true).open(to).unwrap(), fs::read(from).unwrap(), 0)
        };
        Self { partitions: files.iter().map(|file| open(file)).collect(), rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Writes until this fraction of each partition is copied, a little of each at a time.
    pub fn grow(&mut self, numerator: usize, denominator: usize, pause: Duration) {
        loop {
            let mut wrote = false;
            for (file, bytes, done) in &mut self.partitions {
                let end = bytes.len() * numerator / denominator;
                let next = end.min(*done + self.rng.random_range(1..40_000));
                file.write_all(&bytes[*done..next]).unwrap();
                wrote |= next > *done;
                *done = next;
            }
            if !wrote {
                return;
            }
            std::thread::sleep(pause);
        }
    }
}

/// A task that runs in the background of a test; `stop` returns its result.
pub struct Background<T> {
    stop: std::sync::Arc<AtomicBool>,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Background<T> {
    pub fn start(run: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Self {
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let stopped = std::sync::Arc::clone(&stop);
        Self { stop, thread: std::thread::spawn(move || run(&stopped)) }
    }

    pub fn stop(self) -> T {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

/// A number below `end`.
pub fn below(rng: &mut impl Rng, end: u64) -> u64 {
    rng.random_range(0..end)
}
