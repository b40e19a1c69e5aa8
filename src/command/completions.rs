//! `tickline completions`: what a shell needs to complete commands and options.

use crate::command::output::format::print_with;

/// Arguments of `tickline completions`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Prints the completions of `command`, the whole command line.
pub fn run(args: &Args, mut command: clap::Command) -> anyhow::Result<()> {
    let name = command.get_name().to_owned();
    // Made in memory: a reader that has seen enough would end the generator with a panic.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut text);
    print_with(|out| Ok(out.write_all(&text)?))
}
