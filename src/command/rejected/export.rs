//! `tickline rejected export`: writes rejected records to a file, as JSON or in their original form for `import`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;

use super::Which;
use crate::command::output::format::print_with;
use crate::escape::escaped_json;
use crate::process::messages::note;
use crate::rejected::RejectedObject;
use crate::rejected::original::original;

/// Arguments of `tickline rejected export`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ExportArgs {
    /// Filters.
    #[command(flatten)]
    pub which: Which,
    /// The file to write, or - for standard output
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Write only the rejected bytes, one record (or trade of a frame) per line, to correct and `tickline import` them.
    /// Line ends inside become spaces; what is longer than 64 KiB is skipped, because only its beginning is
    /// stored, and so are the elements of a frame after the 256th that was rejected
    #[arg(long)]
    pub original: bool,
}

/// Result of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Lines written.
    pub lines: u64,
    /// Rows skipped, because the store does not hold all of their bytes.
    pub skipped: u64,
}

/// Runs the command.
pub fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let mut exported = Exported::default();
    if args.output == Path::new("-") {
        print_with(|out| write(args, out).map(|done| exported = done))?;
    } else {
        let path = args.output.display();
        let file = File::create(&args.output).with_context(|| format!("cannot create {path}"))?;
        let mut out = BufWriter::new(file);
        exported = write(args, &mut out)?;
        let ended = out.flush().and_then(|()| out.get_ref().sync_all());
        ended.with_context(|| format!("cannot write {path}"))?;
    }
    note(format_args!("rejected: {} records exported", exported.lines));
    if exported.skipped > 0 {
        note(format_args!("rejected: {} skipped: the store does not hold all of their bytes", exported.skipped));
    }
    Ok(())
}

/// Writes the export.
pub fn write(args: &ExportArgs, out: &mut dyn Write) -> anyhow::Result<Exported> {
    let mut exported = Exported::default();
    args.which.each(usize::MAX, |row| {
        let mut line = if args.original {
            let Some(bytes) = original(row) else {
                exported.skipped += 1;
                return Ok(());
            };
            bytes.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }).collect()
        } else {
            escaped_json(&serde_json::to_string(&RejectedObject::of(row))?).into_owned().into_bytes()
        };
        line.push(b'\n');
        exported.lines += 1;
        Ok(out.write_all(&line)?)
    })?;
    Ok(exported)
}
