//! `tickline play`: a log at a chosen speed, as if it were live: the workers as always, into a scratch store, and the
//! page over it, with a clock that can be paused, stepped and changed.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::settings::Settings;

use super::UsageError;
use super::dashboard::TOKEN;
use super::options::moment::Moment;
use super::options::rows::SettingsArgs;
use super::options::secret;
use super::options::workers::{WORKERS, workers};
use super::replay::last_checkpoint;
use crate::dashboard::{DashboardConfig, serve};
use crate::log::Log;
use crate::log::address::LogAddress;
use crate::play::clock::{PlayClock, SPEEDS};
use crate::play::log::PlayLog;
use crate::process::os_error;
use crate::process::signals::interrupted;
use crate::replay::{replay, replay_config};
use crate::store::address::StoreAddress;
use crate::time::rfc3339;
use crate::worker::{Watch, WorkerConfig};

/// Play a log at a chosen speed, with the live page over it.
#[derive(clap::Args, Clone, Debug)]
pub struct PlayArgs {
    /// The log: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG")]
    pub log: LogAddress,
    /// Play from this time on: 2013-10-07T13:30:00Z, a date, seconds or milliseconds since 1970, "2h ago". What is
    /// before it is read at full speed
    #[arg(long, value_name = "TIME")]
    pub from: Moment,
    /// Stop when the frontier reaches this time [default: what the log holds now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,
    /// Event time per wall time
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// A store with checkpoints: begin at its last one at or before --from, instead of at the log's beginning. The
    /// page then has the rows that change from there on. It is only read
    #[arg(long, value_name = "STORE")]
    pub checkpoints_of: Option<StoreAddress>,
    /// Port of the page on this machine; 0 picks any free port
    #[arg(long, env = "TICKLINE_PORT", default_value_t = 8080)]
    pub port: u16,
    /// File with the token that readers must present; also from TICKLINE_DASHBOARD_TOKEN
    #[arg(long, env = "TICKLINE_DASHBOARD_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Worker threads
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = WORKERS, value_parser = workers())]
    pub workers: u16,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| SPEEDS.contains(speed));
    speed.ok_or_else(|| format!("expected a number from {} to {}", SPEEDS.start(), SPEEDS.end()))
}

/// Runs `tickline play` until it is interrupted (SIGINT or SIGTERM).
pub fn run(args: &PlayArgs) -> anyhow::Result<()> {
    if args.until.is_some_and(|until| until.0 < args.from.0) {
        return Err(UsageError("--until is before --from".to_owned()).into());
    }
    let token = secret::read_if_any(TOKEN, args.token_file.as_deref())?;
    let settings = args.settings.settings()?;
    let log = args.settings.open(&args.log)?;
    let start = match &args.checkpoints_of {
        Some(store) => Some(last_checkpoint(store, &*log, &settings, args.from)?),
        None => None,
    };
    let begun = start.as_ref().map(|start| start.row.clone());
    let directory = tempfile::Builder::new().prefix("tickline-play-").tempdir();
    let directory = directory.map_err(|error| {
        anyhow::anyhow!(
            "cannot make a temporary directory in {}: {}",
            std::env::temp_dir().display(),
            os_error::why(&error)
        )
    })?;
    let address = StoreAddress::Sqlite(directory.path().join("played.db"));
    let store = address.open_writer()?;
    let clock = Arc::new(PlayClock::new(args.from.0, args.speed, log.partitions(), settings.step_ms));
    let config = dashboard_config(args, &settings, token, &clock);
    let until = args.until.map(|until| settings.step(until.0));
    let config_of_workers = WorkerConfig { until, ..replay_config(usize::from(args.workers), settings) };
    let log: Arc<dyn Log> = Arc::new(PlayLog::new(log, Arc::clone(&clock)));
    let watch = Arc::new(Watch::default());
    let for_worker = Arc::clone(&watch);
    let worker = move || replay(log, config_of_workers, start, store, &for_worker, |_| Ok(()));
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    runtime.block_on(async {
        let dashboard = serve(config, move || address.open_reader()).await?;
        println!("playing {} at http://{}/ (end with Ctrl-C)", args.log, dashboard.addr());
        let mut worker = tokio::task::spawn_blocking(worker);
        let outcome = tokio::select! {
            interrupted = interrupted() => {
                watch.stop.store(true, Ordering::SeqCst);
                interrupted.and(worker.await.context("the worker failed")?.map(drop))
            }
            played = &mut worker => {
                clock.end();
                match played.context("the worker failed")? {
                    Ok(_) => {
                        println!("{}", ending(&watch, begun));
                        interrupted().await
                    }
                    Err(error) => Err(error),
                }
            }
        };
        dashboard.stop().await;
        outcome
    })
}

fn dashboard_config(
    args: &PlayArgs,
    settings: &Settings,
    token: Option<crate::secret::Secret>,
    clock: &Arc<PlayClock>,
) -> DashboardConfig {
    DashboardConfig {
        bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: args.port,
        token,
        allowed_lateness_ms: settings.allowed_lateness_ms,
        play: Some(Arc::clone(clock)),
        ..DashboardConfig::default()
    }
}

/// How far it was played; from a checkpoint after which nothing comes, not at all.
fn ending(watch: &Watch, begun: Option<FrontierRow>) -> String {
    let row = watch.row.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    row.or(begun).map_or_else(
        || "played to the end: nothing is complete".to_owned(),
        |row| format!("played to the end: complete up to {}, digest {}", rfc3339(row.frontier), row.digest),
    )
}
