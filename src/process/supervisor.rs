//! `--restart`: runs this program as a child process, and restarts it after a transient failure.
//!
//! The child's standard input is a pipe that the supervisor never writes to. The child stops when the pipe closes: the
//! supervisor closes it on a signal, and the system closes it when the supervisor is killed.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit_code::ExitCode;
use crate::process::messages::note;
use crate::retry::Backoff;

/// The flag that starts a supervisor.
pub const FLAG: &str = "--restart";
/// Environment variable that marks the child.
const ENDS_WITH_INPUT: &str = "TICKLINE_ENDS_WITH_INPUT";
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A child that has run this long is restarted after the minimum pause.
const STABLE: Duration = Duration::from_secs(60);
/// Grace period of the child at shutdown, before it is killed.
const ENDING_MAX: Duration = Duration::from_secs(10);
/// Interval of checks whether the child has ended.
const POLL: Duration = Duration::from_millis(20);

/// The child has ended with a permanent failure, which it has logged, or on a signal.
#[derive(Debug, thiserror::Error)]
#[error("not restarted after {cause}")]
pub struct NotRestarted {
    /// How the child ended, or the signal.
    pub cause: String,
    /// Exit code of the supervisor.
    pub exit_code: u8,
}

impl ExitCode for NotRestarted {
    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

/// In a child: returns when its supervisor is gone. In other processes it never does.
pub async fn gone() {
    if std::env::var_os(ENDS_WITH_INPUT).is_none() {
        return std::future::pending().await;
    }
    let (sender, closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // The pipe stays empty: a return, like a failure, means that it is closed.
        let _ = std::io::stdin().read(&mut [0]);
        // The receiver is gone when the process ends.
        let _ = sender.send(());
    });
    let _ = closed.await;
}

/// Runs this program without [`FLAG`] until it succeeds or fails permanently.
pub fn supervise() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = [(SignalKind::terminate(), "SIGTERM"), (SignalKind::interrupt(), "SIGINT")]
            .map(|(kind, name)| signal(kind).map(|signal| (signal, kind.as_raw_value(), name)));
        let [Ok(terminate), Ok(interrupt)] = &mut signals else {
            anyhow::bail!("cannot listen for signals");
        };
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        for restart in 1.. {
            let started = Instant::now();
            let mut child = start()?;
            let status = tokio::select! {
                status = ended(&mut child) => status?,
                stopped = either(terminate, interrupt) => return stop(child, stopped),
            };
            let (cause, is_transient) = judge(status);
            if status.success() {
                return Ok(());
            }
            if !is_transient {
                let exit_code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
                return Err(NotRestarted { cause, exit_code }.into());
            }
            let pause = pause(&mut backoff, started.elapsed());
            note(format_args!(
                "tickline: the process ended with {cause}; restarting in {} ms (restart {restart})",
                pause.as_millis()
            ));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                (code, cause) = either(terminate, interrupt) => {
                    return Err(NotRestarted { cause: cause.to_owned(), exit_code: by_signal(code) }.into());
                }
            }
        }
        Ok(())
    })
}

/// The pause before a restart: the shortest after a long life, else one that grows with each short life in a row.
fn pause(backoff: &mut Backoff, lived: Duration) -> Duration {
    if lived >= STABLE {
        backoff.reset();
        return PAUSE_MIN;
    }
    backoff.next_pause()
}

type Named = (Signal, i32, &'static str);

async fn either(one: &mut Named, other: &mut Named) -> (i32, &'static str) {
    tokio::select! {
        _ = one.0.recv() => (one.1, one.2),
        _ = other.0.recv() => (other.1, other.2),
    }
}

/// Exit code for a process that a signal has ended, as shells define it.
fn by_signal(number: i32) -> u8 {
    u8::try_from(128 + number).unwrap_or(1)
}

fn start() -> std::io::Result<Child> {
    let args = std::env::args_os().skip(1).filter(|arg| arg != FLAG);
    Command::new(std::env::current_exe()?).args(args).env(ENDS_WITH_INPUT, "1").stdin(Stdio::piped()).spawn()
}

async fn ended(child: &mut Child) -> std::io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Closes the child's standard input and waits for its orderly end.
fn stop(mut child: Child, (number, cause): (i32, &'static str)) -> anyhow::Result<()> {
    drop(child.stdin.take());
    let deadline = Instant::now() + ENDING_MAX;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill()?;
        }
        std::thread::sleep(POLL);
    };
    if status.success() {
        return Ok(());
    }
    Err(NotRestarted { cause: cause.to_owned(), exit_code: by_signal(number) }.into())
}

/// How the child ended, and whether that is transient: a lost peer, a failure outside of the process, a signal.
fn judge(status: ExitStatus) -> (String, bool) {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => (format!("exit code {code}"), matches!(code, 1 | 5)),
        (None, Some(signal)) => (format!("signal {signal}"), true),
        (None, None) => ("an unknown cause".to_owned(), true),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn transient_failures_are_restarted() {
        let again = |raw| judge(ExitStatus::from_raw(raw)).1;
        assert_eq!([0, 1, 2, 3, 4, 5].map(|code| again(code << 8)), [false, true, false, false, false, true]);
        assert_eq!(judge(ExitStatus::from_raw(9)), ("signal 9".to_owned(), true));
    }

    #[test]
    fn pauses_are_bounded_and_reset() {
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        for _ in 0..50 {
            let pause = pause(&mut backoff, Duration::from_secs(1));
            assert!((PAUSE_MIN..=PAUSE_MAX).contains(&pause), "{pause:?}");
        }
        assert_eq!(pause(&mut backoff, STABLE), PAUSE_MIN);
    }
}
