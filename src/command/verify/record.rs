//! The result of a comparison, kept for those who were not there: as a file of metrics, and in the store.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::VerifyArgs;
use crate::metrics::catalog;
use crate::metrics::exposition::Exposition;
use crate::metrics::verification::put_verification;
use crate::process::durable_file;
use crate::store::{StoreReader, Verification};

/// Writes the result where it was asked to. What the last successful comparison has proved stays when this one has
/// found a difference.
pub fn record(args: &VerifyArgs, reader: &mut dyn StoreReader, now: Verification) -> anyhow::Result<()> {
    if let Some(path) = &args.metrics_file {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let result = following(now, || Ok(of_file(&text)))?;
        write(path, &result).with_context(|| format!("cannot write the metrics to {}", path.display()))?;
    }
    if args.record {
        let result = following(now, || Ok(reader.verification()?.unwrap_or_default()))?;
        args.store.open_writer()?.put_verification(&result)?;
    }
    Ok(())
}

fn following(now: Verification, before: impl FnOnce() -> anyhow::Result<Verification>) -> anyhow::Result<Verification> {
    if now.is_ok {
        return Ok(Verification { succeeded_ms: now.ran_ms, ..now });
    }
    let Verification { succeeded_ms, from_ms, until_ms, .. } = before()?;
    Ok(Verification { succeeded_ms, from_ms, until_ms, ..now })
}

/// What an earlier file says of the last success.
fn of_file(text: &str) -> Verification {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok()).map_or(0, |seconds| (seconds * 1e3).round() as u64)
    };
    Verification {
        succeeded_ms: value(catalog::VERIFY_SUCCEEDED.name),
        from_ms: value(catalog::VERIFY_FROM.name),
        until_ms: value(catalog::VERIFY_UNTIL.name),
        ..Verification::default()
    }
}

/// Writes the file, whole or not at all: a reader may come at any moment.
fn write(path: &Path, verification: &Verification) -> anyhow::Result<()> {
    let mut exposition = Exposition::default();
    put_verification(&mut exposition, verification);
    let mut draft = path.to_path_buf().into_os_string();
    // A collector of such files reads those that end in .prom.
    draft.push(".new");
    let mut file = File::create(&draft)?;
    file.write_all(exposition.encode()?.as_bytes())?;
    Ok(durable_file::publish(&file, Path::new(&draft), path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_success_is_read_back() {
        let kept =
            Verification { succeeded_ms: 1_700_000_000_123, from_ms: 5_001, until_ms: 70_000, ..Default::default() };
        let mut exposition = Exposition::default();
        put_verification(&mut exposition, &kept);
        assert_eq!(of_file(&exposition.encode().unwrap()), kept);
        assert_eq!(of_file("nonsense"), Verification::default());
    }
}
