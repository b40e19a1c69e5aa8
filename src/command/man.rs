//! `tickline man`: manual pages, one a command.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::process::os_error;

/// Arguments of `tickline man`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Directory to write the pages to; made when it is not there
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// Writes the pages of `command`, the whole command line.
pub fn run(args: &Args, command: clap::Command) -> anyhow::Result<()> {
    let written = std::fs::create_dir_all(&args.dir).and_then(|()| clap_mangen::generate_to(command, &args.dir));
    written.map_err(|error| anyhow::anyhow!("{}", os_error::why(&error))).with_context(|| {
        format!("the manual pages cannot be written to {}: name a directory that you may write", args.dir.display())
    })?;
    eprintln!("manual pages: {0}; read one by `man -l {0}/tickline.1`", args.dir.display());
    Ok(())
}
