//! Every metric there is, in one table. Code gives values only through it (`sheet.rs`), `docs/metrics.md` is written
//! from it, and the alert rules are held against it.
//!
//! Names follow Prometheus' conventions: a prefix, what is measured, its unit in full, `_total` for what only grows.
//! Labels have few values: partitions, tables, reasons, routes; never symbols.

/// Which process answers `/metrics` with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `tickline work`.
    Work,
    /// `tickline ingest`.
    Ingest,
    /// `tickline dashboard`.
    Dashboard,
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins at 0 with the process or, for what is counted in the log, with the log.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many of a thing were how large.
    Histogram,
}

/// One metric. Only this file makes them.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// As it is asked for in a query, unit and `_total` included.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Who serves it.
    pub roles: &'static [Role],
    help: &'static str,
}

impl Name {
    /// What it says, without a full stop.
    pub fn help(&self) -> &'static str {
        self.help
    }

    /// The unit that stands in the name: `seconds`, `bytes`, or nothing where things are counted.
    pub fn unit(&self) -> &'static str {
        let stem = self.name.strip_suffix("_total").unwrap_or(self.name);
        ["seconds", "bytes"].into_iter().find(|unit| stem.ends_with(unit)).unwrap_or_default()
    }
}

const ALL_ROLES: &[Role] = &[Role::Work, Role::Ingest, Role::Dashboard];
const WORK: &[Role] = &[Role::Work];
const INGEST: &[Role] = &[Role::Ingest];
const DASHBOARD: &[Role] = &[Role::Dashboard];
/// What is exact as of the durable frontier: told by who writes it, and by who reads it in the store.
const FRONTIER: &[Role] = &[Role::Work, Role::Dashboard];

/// Makes a constant of each line, and the table of all of them.
macro_rules! table {
    ($($id:ident = $kind:ident, $name:literal, [$($label:literal),*], $roles:ident, $help:literal;)*) => {
        $(#[doc = concat!($help, ".")]
        pub const $id: Name = Name {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], roles: $roles, help: $help,
        };)*
        /// All of them, in the order of the documentation.
        pub const ALL: &[Name] = &[$($id),*];
    };
}

table! {
    BUILD_INFO = Gauge, "tickline_build_info", ["version", "revision"], ALL_ROLES,
        "Always 1: the program's version, and the revision of what its rows mean";
    CPU = Counter, "process_cpu_seconds_total", [], ALL_ROLES, "Processor time used, of the user and the system";
    MEMORY = Gauge, "process_resident_memory_bytes", [], ALL_ROLES, "Memory in use";
    STARTED = Gauge, "process_start_time_seconds", [], ALL_ROLES, "Unix time at which the process started";
    OPEN_FILES = Gauge, "process_open_fds", [], ALL_ROLES, "Files and connections that are open";

    DURABLE_FRONTIER = Gauge, "tickline_durable_frontier_timestamp_seconds", [], FRONTIER,
        "Durable frontier: everything before this Unix time is complete and in the store. Absent before the first";
    EPOCH = Gauge, "tickline_epoch", [], FRONTIER,
        "Epoch of the pipeline: of this process (0 before it starts), or the one that wrote the durable frontier";
    ROWS = Gauge, "tickline_rows", [], FRONTIER, "Rows as of the durable frontier";
    TRADES = Counter, "tickline_trades_total", [], FRONTIER, "Trades taken, as of the durable frontier";
    LATE = Counter, "tickline_late_trades_total", [], FRONTIER,
        "Trades that came behind their partition's frontier and corrected older rows, as of the durable frontier";
    PRICE_UPDATES = Counter, "tickline_price_updates_total", [], FRONTIER,
        "Trades without a volume, as of the durable frontier";
    EXCLUDED = Counter, "tickline_excluded_trades_total", [], FRONTIER,
        "Trades that their conditions keep out of everything, as of the durable frontier";
    ROUNDED = Counter, "tickline_rounded_trades_total", [], FRONTIER,
        "Trades with more than ten fraction digits, as of the durable frontier";
    PROGRESS = Counter, "tickline_progress_records_total", [], FRONTIER,
        "Promises of sources, as of the durable frontier";
    GAPS = Counter, "tickline_gaps_total", [], FRONTIER,
        "Holes that sources have owned up to, one in each partition, as of the durable frontier";
    BYES = Counter, "tickline_byes_total", [], FRONTIER,
        "Sources that said good-bye, one in each partition, as of the durable frontier";
    REJECTED = Counter, "tickline_rejected_total", ["reason"], FRONTIER,
        "Records and trades that were refused, as of the durable frontier";

    READ_FRONTIER = Gauge, "tickline_read_frontier_timestamp_seconds", [], WORK,
        "Least frontier of the partitions that this process reads: how far it has read, durable or not";
    PARTITION_FRONTIER = Gauge, "tickline_partition_frontier_timestamp_seconds", ["partition"], WORK,
        "Frontier of a partition: the one that stays behind holds all others";
    PARTITION_OFFSET = Gauge, "tickline_partition_offset", ["partition"], WORK,
        "Offset of the next record to be read";
    PARTITION_UNREAD = Gauge, "tickline_partition_unread_records", ["partition"], WORK,
        "Records between that offset and the end of the log. Absent while that is not known: a directory knows only 0";
    RECORDS = Counter, "tickline_records_read_total", [], WORK, "Records read by this process";
    RECORD_BYTES = Counter, "tickline_record_bytes_read_total", [], WORK, "Bytes of these records";
    ROUND_AGE = Gauge, "tickline_round_age_seconds", [], WORK,
        "Time since the first worker thread last went round: more than 60 and the process no longer lives";
    PEERS = Gauge, "tickline_peers", [], WORK, "Other processes of the pipeline that this one is connected to";
    PEERS_EXPECTED = Gauge, "tickline_peers_expected", [], WORK, "Other processes of the pipeline that there should be";
    STRANGERS = Counter, "tickline_strangers_total", [], WORK, "Connections dropped that were of no peer";

    ROWS_WRITTEN = Counter, "tickline_rows_written_total", ["table"], WORK,
        "Rows that the store has acknowledged to this process, each write of a key counted";
    STORE_WRITE = Histogram, "tickline_store_write_duration_seconds", ["kind"], WORK,
        "Time that the store took for rows, a frontier, shards of a checkpoint, its commit, or symbols";
    STORE_IN_FLIGHT = Gauge, "tickline_store_writes_in_flight", [], WORK,
        "Writes that the workers have handed over and that the store has not acknowledged yet";
    STORE_RETRIES = Counter, "tickline_store_retries_total", [], WORK,
        "Requests tried again since the store did not answer well";
    CHECKPOINT_FRONTIER = Gauge, "tickline_checkpoint_frontier_timestamp_seconds", [], WORK,
        "The checkpoint that a restart would go on from is as of this time; 0 before the first";
    CHECKPOINT_COMMITTED = Gauge, "tickline_checkpoint_commit_timestamp_seconds", [], WORK,
        "Unix time at which this process last committed a checkpoint; 0 before. Only the first process commits";
    CHECKPOINT_DURATION = Gauge, "tickline_checkpoint_duration_seconds", [], WORK,
        "From the first shards of the last checkpoint at the store to its commit; 0 before";
    CHECKPOINT_SIZE = Gauge, "tickline_checkpoint_size_bytes", [], WORK,
        "Bytes of the last checkpoint that this process wrote to the store; 0 before";

    INGEST_FRAMES = Counter, "tickline_ingest_frames_total", [], INGEST, "Texts from the feed";
    INGEST_TRADES = Counter, "tickline_ingest_trades_total", [], INGEST, "Trades handed to the log";
    INGEST_REJECTED = Counter, "tickline_ingest_rejected_total", [], INGEST,
        "Trades refused since the queue to the log was full";
    INGEST_MALFORMED = Counter, "tickline_ingest_malformed_total", [], INGEST, "Elements and texts without a symbol";
    INGEST_LOST = Counter, "tickline_ingest_lost_records_total", [], INGEST,
        "Records that the log did not take in time";
    INGEST_RECORDS = Counter, "tickline_ingest_records_total", [], INGEST,
        "Records handed to the log, control records among them";
    INGEST_CONNECTIONS = Counter, "tickline_ingest_connections_total", [], INGEST, "Times that the feed was connected";
    INGEST_COMPLAINTS = Counter, "tickline_ingest_complaints_total", [], INGEST, "Complaints of the feed";
    INGEST_TOO_MANY = Counter, "tickline_ingest_too_many_symbols_total", [], INGEST,
        "Complaints about more symbols than the plan takes";
    INGEST_GAPS = Counter, "tickline_ingest_gaps_total", ["cause"], INGEST, "Holes told to the log, by cause";
    INGEST_CONNECTED = Gauge, "tickline_ingest_connected", [], INGEST, "1 while the feed is connected, else 0";
    INGEST_FRAME_AGE = Gauge, "tickline_ingest_frame_age_seconds", [], INGEST,
        "Time since the feed's last text. Absent before the first";
    INGEST_TRADE_AGE = Gauge, "tickline_ingest_trade_age_seconds", [], INGEST,
        "Time since the feed's last trade: tells a feed that only pings. Absent before the first";
    INGEST_ACKNOWLEDGED_AGE = Gauge, "tickline_ingest_acknowledged_age_seconds", [], INGEST,
        "How far the last promise that is acknowledged is behind the clock. Absent before the first";
    INGEST_ACKNOWLEDGEMENT = Histogram, "tickline_ingest_acknowledgement_seconds", [], INGEST,
        "From the socket to the log's acknowledgement, for each record";

    DASHBOARD_STORE_UP = Gauge, "tickline_dashboard_store_up", [], DASHBOARD,
        "1 when the store could be read for this answer, else 0 and nothing is told of its frontier";
    DASHBOARD_VIEWERS = Gauge, "tickline_dashboard_viewers", [], DASHBOARD, "Pages connected to the event stream";
    DASHBOARD_REQUESTS = Counter, "tickline_dashboard_requests_total", ["route", "status"], DASHBOARD,
        "Requests answered, by route and class of status (2xx, 3xx, 4xx, 5xx)";
    DASHBOARD_DURATION = Histogram, "tickline_dashboard_request_duration_seconds", ["route"], DASHBOARD,
        "From the request to the beginning of its answer";
    DASHBOARD_READ_FAILURES = Counter, "tickline_dashboard_store_read_failures_total", [], DASHBOARD,
        "Reads of the store that failed";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_say_kind_and_unit() {
        for (at, name) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.name != name.name), "{} is there twice", name.name);
            assert_eq!(name.name.ends_with("_total"), name.kind == Kind::Counter, "{}", name.name);
            assert!(["tickline_", "process_"].iter().any(|prefix| name.name.starts_with(prefix)), "{}", name.name);
            assert!(!name.roles.is_empty() && !name.help.ends_with('.'), "{}", name.name);
        }
        assert_eq!([CPU.unit(), MEMORY.unit(), TRADES.unit(), STORE_WRITE.unit()], ["seconds", "bytes", "", "seconds"]);
    }
}
