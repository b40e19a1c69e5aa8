//! `tickline man`: writes manual pages, one per command.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::process::messages::note;
use crate::process::os_error;

/// Arguments of `tickline man`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Directory to write the pages to; created if it does not exist
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// Writes the manual pages of the command line `command`.
pub fn run(args: &Args, command: clap::Command) -> anyhow::Result<()> {
    let written = std::fs::create_dir_all(&args.dir).and_then(|()| clap_mangen::generate_to(command, &args.dir));
    written.map_err(|error| anyhow::anyhow!("{}", os_error::why(&error))).with_context(|| {
        format!("cannot write the manual pages to {}: choose a writable directory", args.dir.display())
    })?;
    note(format_args!("manual pages in {0}; read one with `man -l {0}/tickline.1`", args.dir.display()));
    Ok(())
}
