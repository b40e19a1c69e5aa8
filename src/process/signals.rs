//! Signals that end the process, and panics.

use anyhow::Context;

/// Returns on SIGINT or SIGTERM.
pub async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot listen for signals")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot listen for signals"),
        _ = terminate.recv() => Ok(()),
    }
}

/// Makes a panic in any thread end the process, because the other workers would wait for the lost one forever.
pub fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        std::process::exit(1);
    }));
}
