//! Exit codes: each error type states its own, and the outermost one in a chain of causes decides.

use std::error::Error;

use crate::as_of::AsOfError;
use crate::calendar::error::CalendarError;
use crate::cluster::ClusterError;
use crate::command::UsageError;
use crate::explain::ExplainError;
use crate::finnhub::error::SocketError;
use crate::finnhub::rest::RestError;
use crate::import::ImportError;
use crate::ingest::state_file::StateError;
use crate::log::LogError;
use crate::process::supervisor::NotRestarted;
use crate::store::StoreError;
use crate::symbols::SyncError;
use crate::worker::WorkerError;

/// An error that knows the exit code of a process that ends with it: 2 usage or configuration, 3 data lost, 4 fenced,
/// 5 peer lost, 1 everything else.
pub trait ExitCode {
    /// The exit code.
    fn exit_code(&self) -> u8;
}

/// A function that recognizes one type of error.
type Lookup = for<'a> fn(&'a (dyn Error + 'static)) -> Option<&'a dyn ExitCode>;

/// Every error type that has an exit code of its own. A test finds the types that are missing here.
const LOOKUPS: [Lookup; 14] = [
    lookup::<AsOfError>,
    lookup::<ExplainError>,
    lookup::<ImportError>,
    lookup::<LogError>,
    lookup::<StoreError>,
    lookup::<WorkerError>,
    lookup::<ClusterError>,
    lookup::<NotRestarted>,
    lookup::<SocketError>,
    lookup::<RestError>,
    lookup::<SyncError>,
    lookup::<StateError>,
    lookup::<CalendarError>,
    lookup::<UsageError>,
];

/// The exit code of a process that ends with this error.
pub fn of(error: &anyhow::Error) -> u8 {
    let known = |cause| LOOKUPS.iter().find_map(|lookup| lookup(cause));
    error.chain().find_map(known).map_or(1, ExitCode::exit_code)
}

fn lookup<'a, E: Error + ExitCode + 'static>(cause: &'a (dyn Error + 'static)) -> Option<&'a dyn ExitCode> {
    cause.downcast_ref::<E>().map(|error| error as &dyn ExitCode)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::Context as _;

    use super::*;

    /// Error types without an entry in [`LOOKUPS`]: another error carries them, or they always mean 1.
    const WITHOUT: [&str; 10] = [
        "FrameError",
        "Mismatch",
        "Differs",
        "ApiError",
        "BadCertificates",
        "LinkError",
        "SaslError",
        "Malformed",
        "Wrong",
        "CodecError",
    ];

    #[test]
    fn the_cause_decides_under_any_context() {
        let usage = Err::<(), _>(UsageError("no".into())).context("while reading").unwrap_err();
        assert_eq!(of(&usage), 2);
        let fenced = StoreError::Fenced { path: "x".into(), ours: 1, theirs: 2 };
        assert_eq!(of(&anyhow::Error::from(fenced).context("a").context("b")), 4);
        assert_eq!(of(&anyhow::anyhow!("else")), 1);
    }

    #[test]
    fn every_error_type_has_an_exit_code() {
        let mut types = Vec::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut types);
        assert!(types.len() > 8, "{types:?}");
        let listed = include_str!("exit_code.rs");
        let is_known = |name: &String| listed.contains(&format!("lookup::<{name}>")) || WITHOUT.contains(&&**name);
        let missing: Vec<_> = types.iter().filter(|name| !is_known(name)).collect();
        assert!(missing.is_empty(), "{missing:?}: implement ExitCode and add them to LOOKUPS, or list them in WITHOUT");
    }

    /// Names of all types that derive `thiserror::Error`, in all files below a directory.
    fn collect(directory: &Path, types: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, types);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("exit_code.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let derived = text.split("thiserror::Error").skip(1);
                let names = derived.filter_map(|rest| {
                    rest.split_once("enum ")
                        .into_iter()
                        .chain(rest.split_once("struct "))
                        .min_by_key(|(before, _)| before.len())
                        .map(|(_, name)| name.to_owned())
                });
                types.extend(names.map(|name| name.chars().take_while(|c| c.is_alphanumeric()).collect()));
            }
        }
    }
}
