//! How a process is asked to end, and how a panic ends it.

use anyhow::Context;

/// Returns when the process is asked to end.
pub async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot listen for signals")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot listen for signals"),
        _ = terminate.recv() => Ok(()),
    }
}

/// A panic in any thread ends the process: a worker that is gone would leave the others waiting for ever.
pub fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        std::process::exit(1);
    }));
}
