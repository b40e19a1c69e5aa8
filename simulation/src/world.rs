//! The simulated world: one seed decides who takes the next turn, what is appended, when time passes and what fails.

use std::sync::Arc;
use std::time::Duration;

use dataflows::progress::time::Time;
use dataflows::settings::Settings;
use dataflows::state::codec;
use dataflows::state::snapshot::SnapshotHeader;
use tickline::exit_code::ExitCode as _;
use tickline::log::paced::PacedLog;
use tickline::log::progress_log::ProgressLog;
use tickline::log::{Log, LogError};
use tickline::store::StoreError;
use tickline::worker::{Clock, Executed, Turn, WorkerError};

use crate::checks::Checks;
use crate::epoch::Epoch;
use crate::log::{SimulatedLog, progress_log};
use crate::scenario::{Fault, Scenario};
use crate::store::{Contents, SimulatedStore};
use crate::support;
use crate::trace::{Event, Trace};

/// Most commands that may wait for a store thread: what its users say that they have in flight, of three workers.
const COMMANDS_MAX: usize = 64;
/// Rounds in which a job has stopped that can, and the time that each takes.
const STOP_ROUNDS: usize = 60;
const STOP_ROUND_MS: u64 = 100;
/// Most cut-off epochs that go on.
const ZOMBIES_MAX: usize = 2;

/// The world of one run.
pub struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) settings: Settings,
    log: SimulatedLog,
    /// Beside the log of a foreign producer.
    progress: Option<SimulatedLog>,
    pub(crate) store: SimulatedStore,
    pub(crate) clock: Clock,
    rng: fastrand::Rng,
    pub(crate) checks: Checks,
    /// The epoch that is alive.
    pub(crate) current: Option<Epoch>,
    zombies: Vec<Epoch>,
    starts: usize,
    backup: Option<Contents>,
    /// Kinds of errors that the faults so far can cause.
    excuses: Excuses,
    /// The log can no longer make what was read, so that the job has to refuse.
    was_cut: bool,
    /// Frontiers up to this one were published from a log that was cut since.
    of_another_log: Time,
    has_expired: bool,
    pub(crate) trace: Trace,
}

/// Kinds of errors that the faults so far can cause.
#[derive(Clone, Copy, Debug, Default)]
struct Excuses {
    store: bool,
    read: bool,
    replaced: bool,
}

/// Why a run ends before its end.
pub enum Stopped {
    /// The job refused to go on over a log that was cut, with nothing written.
    Refused(String),
    /// Something must not be.
    Violated(String),
}

impl From<String> for Stopped {
    fn from(what: String) -> Self {
        Self::Violated(what)
    }
}

impl<'a> World<'a> {
    /// The world of a scenario, before anything happens.
    pub fn new(scenario: &'a Scenario) -> Self {
        let (settings, plan) = &scenario.case;
        let planned = plan.log();
        Self {
            checks: Checks::new(settings, &planned),
            progress: settings.bindings.as_ref().map(|all| progress_log(all, planned.len() as u32, scenario.seed)),
            settings: support::settings(settings),
            log: SimulatedLog::new(planned, scenario.seed),
            store: SimulatedStore::default(),
            clock: Clock::by_hand(plan.start_ms as u64),
            rng: fastrand::Rng::with_seed(scenario.seed),
            current: None,
            zombies: Vec::new(),
            starts: 0,
            backup: None,
            excuses: Excuses::default(),
            was_cut: false,
            of_another_log: 0,
            has_expired: false,
            trace: Trace::default(),
            scenario,
        }
    }

    /// Its store.
    pub const fn store(&self) -> &SimulatedStore {
        &self.store
    }

    /// Whether records have expired.
    pub const fn has_expired(&self) -> bool {
        self.has_expired
    }

    /// Whether the log has lost records that were read.
    pub const fn was_cut(&self) -> bool {
        self.was_cut
    }

    /// Something happens; afterwards everything that must hold does.
    pub fn step(&mut self) -> Result<(), Stopped> {
        match self.rng.u8(0..100) {
            0..20 => self.append(),
            20..24 if self.rng.u8(0..4) < self.scenario.syncs => self.log.sync(),
            24..28 => self.pass(self.rng.clone().u64(1..1_500)),
            28..33 => self.zombie_turn()?,
            33..72 => self.worker_turn()?,
            _ => self.store_turn()?,
        }
        self.check()
    }

    pub(crate) fn check(&mut self) -> Result<(), Stopped> {
        if let Some(what) = self.store.violation() {
            return Err(Stopped::Violated(what));
        }
        let published = self.store.look(|contents| contents.published.as_ref().map(|durable| durable.row.frontier));
        if let Some(published) = published.filter(|published| self.trace.is_news(*published)) {
            self.trace.add(Event::Published(published));
            if published > self.of_another_log {
                self.store.look(|contents| self.checks.check(contents))?;
            }
        }
        Ok(())
    }

    fn append(&mut self) {
        let partitions = self.scenario.case.1.partitions;
        let partition = self.rng.usize(0..partitions + usize::from(self.progress.is_some()));
        let count = self.rng.usize(1..9);
        let appended = match &self.progress {
            Some(progress) if partition == partitions => progress.append(0, count),
            _ => self.log.append(partition, count),
        };
        self.trace.add(Event::Appended(partition, appended));
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
        self.trace.add(Event::Passed(ms));
    }

    fn worker_turn(&mut self) -> Result<(), Stopped> {
        let Some(epoch) = &mut self.current else { return self.start() };
        let worker = self.rng.usize(0..epoch.workers());
        let turn = epoch.turn(worker);
        self.trace.add(Event::Worker(worker, turn));
        self.after_turn()
    }

    fn store_turn(&mut self) -> Result<(), Stopped> {
        let Some(epoch) = &mut self.current else { return self.start() };
        let process = self.rng.usize(0..epoch.processes());
        let waiting = epoch.waiting_commands();
        if waiting > COMMANDS_MAX {
            return Err(Stopped::Violated(format!("{waiting} commands wait for the store")));
        }
        let executed = epoch.store_turn(process);
        self.trace.add(Event::Store(process, executed));
        self.after_turn()
    }

    /// A turn of an epoch that was cut off and does not know it.
    fn zombie_turn(&mut self) -> Result<(), Stopped> {
        let Some(zombie) = self.zombies.last_mut() else { return Ok(()) };
        if self.rng.bool() {
            zombie.turn(self.rng.usize(0..zombie.workers()));
        } else {
            zombie.store_turn(self.rng.usize(0..zombie.processes()));
        }
        if self.store.kills() {
            self.zombies.pop();
        } else if let Some(error) = zombie.take_failure() {
            self.zombies.pop();
            self.trace.add(Event::Ended(error.to_string()));
            // It is behind: nobody kept for it what expires.
            let is_behind = matches!(error, WorkerError::Log(LogError::OffsetLost { .. })) && self.has_expired;
            if !is_behind {
                self.excuse(&error)?;
            }
        }
        Ok(())
    }

    /// Looks whether the epoch has failed, or has ended as it was asked to.
    pub(crate) fn after_turn(&mut self) -> Result<(), Stopped> {
        if self.store.kills() {
            self.trace.add(Event::Killed);
            self.current = None;
        }
        let Some(epoch) = &mut self.current else { return Ok(()) };
        if let Some(error) = epoch.take_failure() {
            let wrote = self.store.rows_written() > epoch.rows_before;
            // The processes that are left go on until they notice.
            if epoch.is_dead() {
                self.current = None;
            }
            self.trace.add(Event::Ended(error.to_string()));
            self.refuse(&error, wrote)?;
            return self.excuse(&error).map_err(Stopped::from);
        }
        if !epoch.has_ended() {
            return Ok(());
        }
        if !epoch.is_stopping {
            return Err(Stopped::Violated("the workers have ended by themselves".to_owned()));
        }
        self.end()
    }

    /// All workers have ended: what they have sent is still written, as the host does.
    fn end(&mut self) -> Result<(), Stopped> {
        let Some(mut epoch) = self.current.take() else { return Ok(()) };
        for process in 0..epoch.processes() {
            while epoch.store_turn(process) == Some(Executed::Something) {}
        }
        if self.store.kills() {
            return Ok(());
        }
        if let Some(error) = epoch.take_failure() {
            return self.excuse(&error).map_err(Stopped::from);
        }
        self.trace.add(Event::Ended("as it was asked to".to_owned()));
        let checkpoint =
            |contents: &Contents| contents.checkpoint.as_ref().map_or(0, |(_, checkpoint)| checkpoint.frontier);
        let (published, checkpoint) = self.store.look(|contents| (contents.complete(), checkpoint(contents)));
        // A run that stops before it has found again what was published makes no checkpoint.
        if epoch.makes_checkpoints && published > epoch.published_before && checkpoint != published {
            let what = format!("it has stopped at {published} with a checkpoint as of {checkpoint}");
            return Err(Stopped::Violated(what));
        }
        Ok(())
    }

    /// Starts the job, in the next shape.
    pub(crate) fn start(&mut self) -> Result<(), Stopped> {
        let shape = self.scenario.shapes[self.starts % self.scenario.shapes.len()];
        self.starts += 1;
        self.trace.add(Event::Started(shape));
        let (rows, was_new) = (self.store.rows_written(), self.store.look(Contents::is_new));
        let started = Epoch::start(&self.settings, shape, &|| self.open(), &self.store, &self.clock);
        if self.store.kills() {
            self.trace.add(Event::Killed);
            return Ok(());
        }
        match started {
            Ok(_) if self.log.is_replaced() && !was_new => {
                return Err(Stopped::Violated("a start has taken another log for its own".to_owned()));
            }
            Ok(epoch) => self.current = Some(epoch),
            Err(error) => {
                self.trace.add(Event::Ended(error.to_string()));
                self.refuse(&error, self.store.rows_written() > rows)?;
                self.excuse(&error)?;
            }
        }
        Ok(())
    }

    /// Opens the log, with the progress log where there is one.
    pub(crate) fn open(&self) -> Result<Arc<dyn Log>, LogError> {
        let Some(progress) = &self.progress else { return Ok(Arc::new(self.log.clone())) };
        let progress = ProgressLog::over(Box::new(progress.clone()), &self.log, &"simulated progress")?;
        Ok(Arc::new(PacedLog::new(Box::new(self.log.clone()), progress)))
    }

    /// Over a log that was cut the job refuses to go on, and has written nothing.
    fn refuse(&self, error: &WorkerError, wrote: bool) -> Result<(), Stopped> {
        if !self.was_cut || error.exit_code() != 3 || matches!(error, WorkerError::Log(LogError::Replaced { .. })) {
            return Ok(());
        }
        if let Some(what) = self.store.violation() {
            return Err(Stopped::Violated(what));
        }
        // A minute that was kept from lost records is met late.
        if wrote && !matches!(error, WorkerError::Store(StoreError::Corrupt { .. })) {
            return Err(Stopped::Violated(format!("it has written rows before it refused: {error}")));
        }
        Err(Stopped::Refused(error.to_string()))
    }

    /// A log that was cut may end before what was published, and only more of it could show that it is another one:
    /// until then the job waits, with nothing written.
    pub(crate) fn check_cut(&self) -> Result<(), Stopped> {
        let waits = self.current.as_ref().is_some_and(|epoch| epoch.rows_before == self.store.rows_written());
        if self.was_cut && waits && self.store.look(Contents::complete) > self.checks.last {
            return Err(Stopped::Refused("it waits for what was published".to_owned()));
        }
        Ok(())
    }

    /// Fails unless a fault explains the error.
    fn excuse(&self, error: &WorkerError) -> Result<(), String> {
        let is_excused = match error {
            WorkerError::Store(StoreError::Failed { .. }) => self.excuses.store,
            WorkerError::Store(StoreError::Fenced { ours, theirs, .. }) => ours < theirs,
            WorkerError::Log(LogError::Failed { .. }) => self.excuses.read,
            WorkerError::Log(LogError::Replaced { .. }) => self.excuses.replaced,
            _ => false,
        };
        if is_excused { Ok(()) } else { Err(format!("nothing explains this error: {error:?}")) }
    }

    /// A fault happens.
    pub fn fault(&mut self, fault: Fault) -> Result<(), Stopped> {
        self.trace.add(Event::Fault(fault));
        match fault {
            Fault::Kill => self.current = None,
            Fault::KillAfter(call) => self.store.kill_after(call),
            Fault::KillOne(process) => {
                self.current.iter_mut().for_each(|epoch| epoch.kill(process % epoch.processes()));
            }
            Fault::Zombies => self.zombies.extend(self.current.take().filter(|_| self.zombies.len() < ZOMBIES_MAX)),
            Fault::Stop => self.current.iter_mut().for_each(Epoch::stop),
            Fault::StoreFails(failing) => {
                self.excuses.store = true;
                self.store.fail_next_call(failing);
            }
            Fault::ReadFails => {
                self.excuses.read = true;
                self.log.fail_next_read();
            }
            Fault::Expire => self.expire(),
            // What a progress log says of lost records stays.
            Fault::LoseEnd { .. } if self.progress.is_some() => {}
            Fault::LoseEnd { after_stop } => {
                if after_stop {
                    // A log that was cut may not let it.
                    self.stop(STOP_ROUNDS, STOP_ROUND_MS)?;
                }
                self.lose_end();
            }
            // A store that belongs to no log yet would belong to the wrong one.
            Fault::ReplaceLog if self.store.look(Contents::is_new) => {}
            Fault::ReplaceLog => {
                self.excuses.replaced = true;
                self.log.replace(2);
            }
            Fault::Backup => self.backup = Some(self.store.contents()),
            Fault::Restore => self.restore(),
            Fault::Repeat(which) => self.store.repeat(which),
        }
        self.check()
    }

    /// Puts right what a fault has left behind: the operator has been called.
    pub fn repair(&mut self) {
        self.log.replace(1);
        if self.current.as_ref().is_some_and(Epoch::has_dead) {
            self.current = None;
        }
    }

    /// Nothing that was to fail will: somebody reads the log and the store meanwhile.
    pub fn settle(&mut self) {
        self.repair();
        self.log.fail_no_read();
        self.store.heal();
    }

    /// Everything is put right, and the log is whole.
    pub fn heal(&mut self) {
        self.repair();
        self.zombies.clear();
        self.store.heal();
        while !self.log.is_whole() {
            for partition in 0..self.scenario.case.1.partitions {
                self.log.append(partition, usize::MAX / 2);
            }
        }
        self.log.sync();
        self.progress.iter().for_each(|progress| {
            progress.append(0, usize::MAX / 2);
        });
    }

    /// Records expire that neither the checkpoint nor that of the backup needs.
    fn expire(&mut self) {
        let mut all = vec![self.store.look(resume_offsets)];
        all.extend(self.backup.as_ref().map(resume_offsets));
        for partition in 0..self.scenario.case.1.partitions {
            let needed = all.iter().map(|offsets| offsets.as_ref().map_or(0, |offsets| offsets[partition]));
            let before = needed.min().unwrap_or(0);
            self.has_expired |= before > 0;
            self.log.expire(partition, before);
        }
    }

    /// The job is asked to stop, and has this many rounds to do so. Returns whether it has.
    pub fn stop(&mut self, rounds: usize, round_ms: u64) -> Result<bool, Stopped> {
        self.current.iter_mut().for_each(Epoch::stop);
        for _ in 0..rounds {
            if self.current.is_none() {
                return Ok(true);
            }
            self.round()?;
            self.pass(round_ms);
        }
        Ok(false)
    }

    fn lose_end(&mut self) {
        self.current = None;
        self.zombies.clear();
        let (lost, was_read) = self.log.lose_end();
        if was_read {
            self.was_cut = true;
            let backup = self.backup.as_ref().map_or(0, Contents::complete);
            self.of_another_log = self.store.look(Contents::complete).max(backup);
            self.store.note_orphans();
        }
        if lost > 0 {
            let stores = [self.backup.clone(), Some(self.store.contents())];
            let stores: Vec<&Contents> = stores.iter().flatten().collect();
            self.checks.cut(&self.scenario.case.0, &self.log.planned(), &stores);
        }
    }

    /// The store is put back while nobody works. An emptied store begins with the first record, so none may be gone.
    fn restore(&mut self) {
        self.current = None;
        self.zombies.clear();
        match self.backup.clone() {
            Some(backup) => self.store.restore(backup),
            None if !self.has_expired => self.store.restore(Contents::default()),
            None => return,
        }
        self.trace.forget_news();
    }

    /// One turn of every worker, and of every store thread until it has nothing to do. Returns whether anything was
    /// done.
    pub fn round(&mut self) -> Result<bool, Stopped> {
        let mut was_busy = false;
        for worker in 0..self.current.as_ref().map_or(0, Epoch::workers) {
            let turn = self.current.as_mut().and_then(|epoch| epoch.turn(worker));
            was_busy |= turn == Some(Turn::Read);
            self.after_turn()?;
        }
        for process in 0..self.current.as_ref().map_or(0, Epoch::processes) {
            while self.current.as_mut().and_then(|epoch| epoch.store_turn(process)) == Some(Executed::Something) {
                was_busy = true;
            }
            self.after_turn()?;
        }
        self.check()?;
        Ok(was_busy)
    }
}

/// The offset of each partition from which the committed checkpoint reads on; none without one.
fn resume_offsets(contents: &Contents) -> Option<Vec<u64>> {
    let (_, checkpoint) = contents.checkpoint.as_ref()?;
    let header: SnapshotHeader = codec::decode(&checkpoint.header).ok()?;
    Some(header.resume.iter().map(|point| point.offset).collect())
}
