//! Process metrics from `/proc/self`. On systems other than Linux only the build information is exported.

use std::fs;

use dataflows::settings::PIPELINE_REVISION;

use super::catalog;
use super::exposition::Exposition;
use crate::process::proc_text::{TICKS_PER_SECOND, memory_kib, stat_field};

/// Adds the process metrics.
pub fn put(exposition: &mut Exposition) {
    let labels = [("version", env!("CARGO_PKG_VERSION").to_owned()), ("revision", PIPELINE_REVISION.to_string())];
    exposition.put_each(&catalog::BUILD_INFO, [(labels.to_vec(), 1.into())]);
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    if let Some((user, system, started)) = times(&stat) {
        exposition.put(&catalog::CPU, (user + system) / TICKS_PER_SECOND);
        if let Some(booted_s) = fs::read_to_string("/proc/stat").ok().as_deref().and_then(boot) {
            exposition.put(&catalog::STARTED, booted_s + started / TICKS_PER_SECOND);
        }
    }
    if let Some(kib) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident) {
        exposition.put(&catalog::MEMORY, kib * 1024);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is the directory that is being read.
        exposition.put(&catalog::OPEN_FILES, (open.count() as u64).saturating_sub(1));
    }
}

/// Clock ticks in user mode, in kernel mode, and from boot to the start of the process.
fn times(stat: &str) -> Option<(f64, f64, f64)> {
    Some((stat_field(stat, 14)?, stat_field(stat, 15)?, stat_field(stat, 22)?))
}

/// Boot time of the machine, in Unix seconds.
fn boot(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Resident memory, in KiB.
fn resident(status: &str) -> Option<u64> {
    memory_kib(status, "VmRSS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_parsed() {
        let stat = "71 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 4 0 6000 1 2 3";
        assert_eq!(times(stat), Some((250.0, 50.0, 6_000.0)));
        assert_eq!(boot("cpu 1 2\nbtime 1700000000\nprocesses 3\n"), Some(1_700_000_000.0));
        assert_eq!(resident("Name:\tx\nVmRSS:\t  2048 kB\n"), Some(2048));
        assert_eq!((times("71 (a"), boot(""), resident("VmRSS:")), (None, None, None));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn start_time_is_recent() {
        let mut exposition = Exposition::default();
        put(&mut exposition);
        let text = exposition.encode().unwrap();
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
        };
        let now = crate::time::now_ms() as f64 / 1e3;
        let age = now - value("process_start_time_seconds ");
        assert!((-2.0..86_400.0).contains(&age), "{age} s");
        assert!(value("process_resident_memory_bytes ") > 1e6 && value("process_open_fds ") >= 3.0, "{text}");
    }
}
