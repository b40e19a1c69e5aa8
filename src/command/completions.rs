//! `tickline completions`: shell completions.

use crate::command::output::format::print_with;

/// Arguments of `tickline completions`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The shell to generate completions for
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Prints the completions of the command line `command`.
pub fn run(args: &Args, mut command: clap::Command) -> anyhow::Result<()> {
    let name = command.get_name().to_owned();
    // In memory, because the generator panics when the reader closes the pipe.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut text);
    print_with(|out| Ok(out.write_all(&text)?))
}
