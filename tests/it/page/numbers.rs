//! The page's numbers as text. The same list of examples is held against the formatter of the commands.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

const EXAMPLES: &str = include_str!("../../page/numbers.json");

/// All digits, in 10 characters and in 13, of each number as the page writes it.
fn formatted(numbers: &[String]) -> Vec<[String; 3]> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/numbers.mjs");
    let mut command = Command::new("node");
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("node cannot be started (Debian: nodejs)");
    let mut input = child.stdin.take().unwrap();
    let text = numbers.join("\n");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_examples_of_the_commands_hold() {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
    let text = |example: &Value, name: &str| example[name].as_str().unwrap().to_owned();
    let numbers: Vec<String> = examples.iter().map(|example| text(example, "value")).collect();
    let found = formatted(&numbers);
    assert_eq!(found.len(), examples.len());
    for (example, found) in examples.iter().zip(found) {
        assert_eq!(found, ["exact", "fitted_10", "fitted_13"].map(|name| text(example, name)), "{example}");
    }
}

#[test]
fn all_digits_of_any_number_are_shown() {
    let mut numbers = Vec::new();
    for exponent in -18..=18 {
        for digits in ["1", "9", "123456789", "99999", "1.000000001", "4.35", "1797693134862315", "2.2250738585"] {
            numbers.extend([format!("{digits}e{exponent}"), format!("-{digits}e{exponent}")]);
        }
    }
    for (number, [all, in_10, in_13]) in numbers.iter().zip(formatted(&numbers)) {
        // The standard library writes the shortest digits, and no exponent.
        assert_eq!(all, number.parse::<f64>().unwrap().to_string());
        assert!(in_10.len() <= 10 && in_13.len() <= 13, "{in_10} {in_13}");
    }
}
