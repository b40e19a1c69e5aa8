//! Runs the simulated world for many seeds, on all processors: `simulation --seeds 1..100000`.
#![allow(clippy::print_stdout, reason = "its output")]

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::bail;
use clap::Parser;
use simulation::run::run;
use simulation::scenario::{of_seed, scenarios, shrink};

/// Runs the whole job in a simulated world, once for each seed. A seed that fails is shrunk and printed.
#[derive(Parser)]
struct Args {
    /// First seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Number of seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Do not shrink a run that goes wrong.
    #[arg(long)]
    no_shrink: bool,
    /// Print what happens in each run.
    #[arg(long)]
    trace: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let (next, refused, events, failed) =
        (AtomicU64::new(args.from), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..args.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= args.from + args.seeds || failed.load(Ordering::SeqCst) > 0 {
                        break;
                    }
                    match one(seed, &args) {
                        Some((turns, was_refused)) => {
                            refused.fetch_add(u64::from(was_refused), Ordering::SeqCst);
                            events.fetch_add(turns, Ordering::SeqCst);
                        }
                        None => drop(failed.fetch_add(1, Ordering::SeqCst)),
                    }
                }
            });
        }
    });
    let done = (next.into_inner() - args.from).min(args.seeds);
    println!(
        "{done} runs in {:.1} s: {} turns, {} refusals of a log that was cut",
        begun.elapsed().as_secs_f64(),
        events.into_inner(),
        refused.into_inner()
    );
    if failed.into_inner() > 0 {
        bail!("a run failed");
    }
    Ok(())
}

/// Runs one seed. `None` if something must not be, which is printed.
fn one(seed: u64, args: &Args) -> Option<(u64, bool)> {
    let scenario = of_seed(&scenarios(), seed);
    let Ok(outcome) = catch_unwind(|| run(&scenario)) else {
        println!("seed {seed}: it has panicked");
        return None;
    };
    match outcome {
        Ok(report) => {
            if args.trace {
                println!("seed {seed}: {:016x}\n{}", report.trace.hash(), report.trace.lines().join("\n"));
            }
            Some((report.trace.len() as u64, report.refused.is_some()))
        }
        Err(violation) => {
            println!("seed {seed}: {}", violation.what);
            if args.no_shrink {
                if args.trace {
                    println!("{}", violation.trace.lines().join("\n"));
                }
                return None;
            }
            let smallest = shrink(scenario, |scenario| run(scenario).is_err());
            if let Err(violation) = run(&smallest) {
                println!("{}\nshrunk: {}\n{smallest:?}", violation.trace.lines().join("\n"), violation.what);
                for (partition, records) in smallest.case.1.log().iter().enumerate() {
                    for record in records {
                        println!("{partition} {} {}", record.offset, String::from_utf8_lossy(&record.bytes));
                    }
                }
            }
            None
        }
    }
}
