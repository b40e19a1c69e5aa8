//! Command lines: any arguments are a command, or an error with exit code 2, or help.

use std::cell::RefCell;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt as _;

use clap::{Command, CommandFactory as _, FromArgMatches as _};
use tickline::command::cli::Cli;
use tickline::command::renamed;

/// Checks one command line: arguments are separated by line ends.
pub fn check(data: &[u8]) {
    let args = data.split(|byte| *byte == b'\n').map(|arg| OsString::from_vec(arg.to_vec()));
    let args: Vec<OsString> = std::iter::once("tickline".into()).chain(args).collect();
    if args.iter().any(asks_for_a_name) {
        return;
    }
    if let Err(error) = renamed::check(&args, |_| false) {
        assert!(!error.to_string().is_empty());
    }
    thread_local! {
        static COMMAND: RefCell<Command> = RefCell::new(Cli::command());
    }
    let matches = COMMAND.with_borrow_mut(|command| command.try_get_matches_from_mut(&args));
    if let Err(error) = matches.and_then(|matches| Cli::from_arg_matches(&matches).map(drop)) {
        use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
        let is_help = matches!(error.kind(), DisplayHelp | DisplayVersion);
        assert_eq!(error.exit_code(), if is_help { 0 } else { 2 }, "{error}");
        let is_silent = error.render().to_string().trim().is_empty();
        assert!(!is_silent || error.kind() == DisplayHelpOnMissingArgumentOrSubcommand, "{args:?}");
    }
}

/// Whether an argument may be an address with a host name: to parse it would be to ask the network.
fn asks_for_a_name(arg: &OsString) -> bool {
    let text = arg.to_string_lossy();
    let is_port = |(_, port): (&str, &str)| port.parse::<u16>().is_ok();
    let value = text.split_once('=').map_or(&*text, |(_, value)| value);
    [&*text, value]
        .into_iter()
        .any(|text| text.rsplit_once(':').is_some_and(is_port) && text.parse::<SocketAddr>().is_err())
}
