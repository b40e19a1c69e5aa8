//! `--restart`: this program once more as a child, started again when it ends for a reason that may pass.
//!
//! The child's standard input is a pipe that the supervisor holds and never writes to. When it ends, so does the
//! child: on a signal the supervisor lets go of it, and when the supervisor is killed the system does.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit_code::ExitCode;
use crate::retry::Backoff;

/// The option that asks for it.
pub const FLAG: &str = "--restart";
/// Set for the child.
const ENDS_WITH_INPUT: &str = "TICKLINE_ENDS_WITH_INPUT";
/// Exit code of a child whose supervisor has gone.
const ORPHANED: i32 = 1;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A child that has lived so long starts again at once.
const LIVED: Duration = Duration::from_secs(60);
/// A child that was asked to end is killed after so long.
const ENDING_MAX: Duration = Duration::from_secs(5);
/// Between two looks at the child.
const LOOK: Duration = Duration::from_millis(20);

/// The child has ended for a reason that no restart changes, or was asked to. It has said why.
#[derive(Debug, thiserror::Error)]
#[error("not started again after {cause}")]
pub struct NotRestarted {
    /// The child's end, or the signal.
    pub cause: String,
    /// The exit code that tells it.
    pub exit_code: u8,
}

impl ExitCode for NotRestarted {
    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

/// In the child: ends the process when its supervisor is gone. In any other process: nothing.
pub fn end_with_supervisor() {
    if std::env::var_os(ENDS_WITH_INPUT).is_none() {
        return;
    }
    std::thread::spawn(|| {
        // Nobody writes there: this returns at its end, or fails, which means the same.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(ORPHANED);
    });
}

/// Runs this program without [`FLAG`] until it ends well, or in a way that would come again.
pub fn supervise() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = [(SignalKind::terminate(), "SIGTERM"), (SignalKind::interrupt(), "SIGINT")]
            .map(|(kind, name)| signal(kind).map(|signal| (signal, kind.as_raw_value(), name)));
        let [Ok(terminate), Ok(interrupt)] = &mut signals else {
            anyhow::bail!("the system refused to hand over signals");
        };
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        for restart in 1.. {
            let started = Instant::now();
            let mut child = start()?;
            let status = tokio::select! {
                status = ended(&mut child) => status?,
                stopped = either(terminate, interrupt) => return Err(stop(child, stopped)?.into()),
            };
            let (cause, again) = judge(status);
            if status.success() {
                return Ok(());
            }
            if !again {
                let exit_code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
                return Err(NotRestarted { cause, exit_code }.into());
            }
            let pause = pause(&mut backoff, started.elapsed());
            eprintln!("tickline: ended by {cause}, starts again in {} ms (restart {restart})", pause.as_millis());
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
    if lived >= LIVED {
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

/// The exit code of shells for a process that a signal ended.
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
        tokio::time::sleep(LOOK).await;
    }
}

/// Lets go of the child's standard input and waits for its end.
fn stop(mut child: Child, (number, cause): (i32, &'static str)) -> std::io::Result<NotRestarted> {
    drop(child.stdin.take());
    let deadline = Instant::now() + ENDING_MAX;
    while child.try_wait()?.is_none() {
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
        }
        std::thread::sleep(LOOK);
    }
    Ok(NotRestarted { cause: cause.to_owned(), exit_code: by_signal(number) })
}

/// How it ended, and whether that may pass: a lost peer, a failure of something outside, a signal.
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
    fn transient_ends_are_restarted() {
        let again = |raw| judge(ExitStatus::from_raw(raw)).1;
        assert_eq!([0, 1, 2, 3, 4, 5].map(|code| again(code << 8)), [false, true, false, false, false, true]);
        assert_eq!(judge(ExitStatus::from_raw(9)), ("signal 9".to_owned(), true));
    }

    #[test]
    fn a_long_life_resets_the_pause() {
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        for _ in 0..50 {
            let pause = pause(&mut backoff, Duration::from_secs(1));
            assert!((PAUSE_MIN..=PAUSE_MAX).contains(&pause), "{pause:?}");
        }
        assert_eq!(pause(&mut backoff, LIVED), PAUSE_MIN);
    }
}
