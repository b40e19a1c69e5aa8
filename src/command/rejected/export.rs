//! `tickline rejected export`: refused records into a file, or back into the form in which they can be imported.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;

use super::Which;
use crate::command::output::format::print_with;
use crate::rejected::RejectedObject;
use crate::rejected::original::original;

/// Arguments of `tickline rejected export`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ExportArgs {
    /// Which of them.
    #[command(flatten)]
    pub which: Which,
    /// The file to write, or - for standard output
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Write only the refused bytes, one record (of a frame: the refused trade) a line, for `tickline import` once they
    /// are put right. Line ends within become spaces; records longer than 64 KiB are left out, as only their beginning
    /// is kept
    #[arg(long)]
    pub original: bool,
}

/// What an export did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Lines written.
    pub lines: u64,
    /// Records left out, as the store holds only their beginning.
    pub left_out: u64,
}

/// Runs the command.
pub fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let mut exported = Exported::default();
    if args.output == Path::new("-") {
        print_with(|out| write(args, out).map(|done| exported = done))?;
    } else {
        let path = args.output.display();
        let file = File::create(&args.output).with_context(|| format!("cannot make {path}"))?;
        let mut out = BufWriter::new(file);
        exported = write(args, &mut out)?;
        let ended = out.flush().and_then(|()| out.get_ref().sync_all());
        ended.with_context(|| format!("cannot write {path}"))?;
    }
    eprintln!("rejected: {} records exported", exported.lines);
    if exported.left_out > 0 {
        eprintln!("rejected: {} are left out: only their beginning is kept", exported.left_out);
    }
    Ok(())
}

/// Writes what is exported.
pub fn write(args: &ExportArgs, out: &mut dyn Write) -> anyhow::Result<Exported> {
    let mut exported = Exported::default();
    args.which.each(usize::MAX, |row| {
        let mut line = if args.original {
            let Some(bytes) = original(row) else {
                exported.left_out += 1;
                return Ok(());
            };
            bytes.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }).collect()
        } else {
            serde_json::to_vec(&RejectedObject::of(row))?
        };
        line.push(b'\n');
        exported.lines += 1;
        Ok(out.write_all(&line)?)
    })?;
    Ok(exported)
}
