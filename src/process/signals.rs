//! Signals that end the process, and panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use futures_util::future::select_all;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Returns on SIGINT or SIGTERM.
pub async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot listen for signals"),
        _ = terminate.recv() => Ok(()),
    }
}

/// Set by the first SIGTERM, SIGINT or SIGHUP. A signal before this returns ends the process.
pub fn ended_by_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the signal handler")?;
    let signals = {
        let _inside = runtime.enter();
        [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal)
    };
    let signals = signals.into_iter().collect::<Result<Vec<Signal>, _>>().context("cannot listen for signals")?;
    let ended = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&ended);
    std::thread::spawn(move || {
        let any = select_all(signals.into_iter().map(|mut signal| Box::pin(async move { signal.recv().await })));
        runtime.block_on(any);
        set.store(true, Ordering::SeqCst);
    });
    Ok(ended)
}

/// Makes a panic in any thread end the process, because the other workers would wait for the lost one forever.
pub fn end_on_panic() {
    std::panic::set_hook(Box::new(|info| {
        super::messages::print_panic(info);
        std::process::exit(1);
    }));
}
