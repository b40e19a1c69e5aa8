//! Child process that is killed when dropped.

use std::process::{Child, Command};

/// Child process, killed and waited for when dropped.
pub struct Process(pub Child);

impl Process {
    /// Starts it.
    pub fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().expect("cannot start the program"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
