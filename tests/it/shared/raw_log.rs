//! A directory log as another program writes it.

use std::fs::OpenOptions;
use std::io::Write;

use super::process::Home;

/// A log named `log` with these lines in its partitions.
pub fn log_of<const N: usize>(partitions: [&[String]; N]) -> Home {
    let home = Home::new();
    home.ok(&format!("setup --log dir:log --partitions {N}"));
    for (number, lines) in partitions.iter().enumerate() {
        append(&home, number, lines);
    }
    home
}

/// Appends lines to a partition of the log.
pub fn append(home: &Home, partition: usize, lines: &[String]) {
    let path = home.path(&format!("log/partition-{partition:05}.jsonl"));
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    file.write_all(text.as_bytes()).unwrap();
}
