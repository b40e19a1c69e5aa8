//! The catalog of all metrics. Values are exported only under its names (`exposition.rs`), `docs/metrics.md` is
//! generated from it, and tests check the alert rules and dashboards against it.
//!
//! Names follow the Prometheus conventions: prefix, quantity, unit in full, `_total` for counters. Labels have few
//! values: partitions, tables, reasons, routes; never symbols.

/// The kind of process that exports a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `tickline work`.
    Work,
    /// `tickline ingest`.
    Ingest,
    /// `tickline dashboard`.
    Dashboard,
    /// `tickline verify`, as a file.
    Verify,
}

/// Metric type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; starts at 0 with the process, or with the log for counts as of the durable frontier.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Distribution of values in buckets.
    Histogram,
}

/// One metric. Only this file creates them.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name as used in queries, including the unit and `_total`.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Label names.
    pub labels: &'static [&'static str],
    /// The processes that export it.
    pub roles: &'static [Role],
    help: &'static str,
}

impl Metric {
    /// Help text, without a full stop.
    pub fn help(&self) -> &'static str {
        self.help
    }

    /// The unit in the name: `seconds`, `bytes`, or empty for counts.
    pub fn unit(&self) -> &'static str {
        let stem = self.name.strip_suffix("_total").unwrap_or(self.name);
        ["seconds", "bytes"].into_iter().find(|unit| stem.ends_with(unit)).unwrap_or_default()
    }
}

const ALL_ROLES: &[Role] = &[Role::Work, Role::Ingest, Role::Dashboard];
const WORK: &[Role] = &[Role::Work];
const INGEST: &[Role] = &[Role::Ingest];
const DASHBOARD: &[Role] = &[Role::Dashboard];
/// Exact as of the durable frontier: exported by the worker that writes it and by every dashboard.
const FRONTIER: &[Role] = &[Role::Work, Role::Dashboard];
/// The last comparison of store and log: a file of `verify --metrics-file`, or what `verify --record` left there.
const VERIFY: &[Role] = &[Role::Dashboard, Role::Verify];

/// Defines a constant for each line, and the table of all metrics.
macro_rules! table {
    ($($id:ident = $kind:ident, $name:literal, [$($label:literal),*], $roles:ident, $help:literal;)*) => {
        $(#[doc = concat!($help, ".")]
        pub const $id: Metric = Metric {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], roles: $roles, help: $help,
        };)*
        /// All metrics, in the order of the documentation.
        pub const ALL: &[Metric] = &[$($id),*];
    };
}

table! {
    BUILD_INFO = Gauge, "tickline_build_info", ["version", "revision"], ALL_ROLES,
        "Always 1; labels give the program's version and the pipeline revision of its rows";
    CPU = Counter, "process_cpu_seconds_total", [], ALL_ROLES, "User and system CPU time";
    MEMORY = Gauge, "process_resident_memory_bytes", [], ALL_ROLES, "Resident memory";
    STARTED = Gauge, "process_start_time_seconds", [], ALL_ROLES, "Start time of the process (Unix time)";
    OPEN_FILES = Gauge, "process_open_fds", [], ALL_ROLES, "Open file descriptors";
    HTTP_CONNECTIONS = Gauge, "tickline_http_connections", [], ALL_ROLES,
        "Open connections to the HTTP server; of the dashboard, to its page";
    HTTP_CLOSED = Counter, "tickline_http_connections_closed_total", ["reason"], ALL_ROLES,
        "Connections closed by the HTTP server: idle (for long, or its request did not end), gave_way (the longest \
         idle one of too many), slow (did not read its answer), full and address_full (not admitted: too many, in \
         all or from its address)";

    DURABLE_FRONTIER = Gauge, "tickline_durable_frontier_timestamp_seconds", [], FRONTIER,
        "Durable frontier: complete up to this Unix time (exclusive). Absent while nothing is complete yet";
    EPOCH = Gauge, "tickline_epoch", [], FRONTIER,
        "Worker: epoch of this process, 0 before it starts. Dashboard: epoch that wrote the durable frontier";
    ROWS = Gauge, "tickline_rows", [], FRONTIER, "Rows as of the durable frontier";
    TRADES = Counter, "tickline_trades_total", [], FRONTIER, "Accepted trades, as of the durable frontier";
    LATE = Counter, "tickline_late_trades_total", [], FRONTIER,
        "Late trades: accepted trades older than their partition's frontier, as of the durable frontier";
    PRICE_UPDATES = Counter, "tickline_price_updates_total", [], FRONTIER,
        "Trades without a volume, as of the durable frontier";
    EXCLUDED = Counter, "tickline_excluded_trades_total", [], FRONTIER,
        "Trades excluded from all rows by their conditions, as of the durable frontier";
    ROUNDED = Counter, "tickline_rounded_trades_total", [], FRONTIER,
        "Trades with a number rounded to ten decimal places, as of the durable frontier";
    PROGRESS = Counter, "tickline_progress_records_total", [], FRONTIER,
        "Progress records of sources, one in each partition, as of the durable frontier";
    GAPS = Counter, "tickline_gaps_total", [], FRONTIER,
        "Gap records of sources, one in each partition, as of the durable frontier";
    BYES = Counter, "tickline_byes_total", [], FRONTIER,
        "Records by which a source leaves, one in each partition, as of the durable frontier";
    IMPORTS = Counter, "tickline_imports_total", [], FRONTIER,
        "Records by which an import begins or ends, two in each partition, as of the durable frontier";
    DUPLICATES = Counter, "tickline_duplicate_trades_total", [], FRONTIER,
        "Trades left out by --dedup, with the id of an earlier trade, as of the durable frontier";
    REJECTED = Counter, "tickline_rejected_total", ["reason"], FRONTIER,
        "Rejected records and trades by reason, as of the durable frontier";

    VERIFY_RAN = Gauge, "tickline_verify_run_timestamp_seconds", [], VERIFY,
        "Unix time at which the last `tickline verify` ended that could compare store and log. Absent before the first";
    VERIFY_SUCCEEDED = Gauge, "tickline_verify_success_timestamp_seconds", [], VERIFY,
        "Unix time at which the last one ended that found no difference. Absent before the first";
    VERIFY_OK = Gauge, "tickline_verify_ok", [], VERIFY, "1 if the last one found no difference, else 0";
    VERIFY_FROM = Gauge, "tickline_verify_proved_from_timestamp_seconds", [], VERIFY,
        "Event time of the first frontier or row that the last successful one has compared";
    VERIFY_UNTIL = Gauge, "tickline_verify_proved_until_timestamp_seconds", [], VERIFY,
        "Frontier up to which the last successful one has compared";
    VERIFY_FRONTIERS = Gauge, "tickline_verify_frontiers", [], VERIFY, "Frontiers that matched in the last one";
    VERIFY_ROWS = Gauge, "tickline_verify_rows", [], VERIFY,
        "Rows that the last one has compared; 0 without --rows, which compares digests alone";
    VERIFY_MISSING = Gauge, "tickline_verify_missing_records", [], VERIFY,
        "Records before the log's beginning at the last one: removed by retention, so that nothing is computed from \
         them again";

    READ_FRONTIER = Gauge, "tickline_read_frontier_timestamp_seconds", [], WORK,
        "Lowest frontier of the partitions that this process reads, durable or not";
    PARTITION_FRONTIER = Gauge, "tickline_partition_frontier_timestamp_seconds", ["partition"], WORK,
        "Frontier of a partition; the lowest one holds back the pipeline";
    PARTITION_OFFSET = Gauge, "tickline_partition_offset", ["partition"], WORK,
        "Offset of the next record to read";
    PARTITION_UNREAD = Gauge, "tickline_partition_unread_records", ["partition"], WORK,
        "Unread records up to the end of the partition. Absent if unknown: for a directory log only 0 is known";
    SOURCE_PROGRESS_AGE = Gauge, "tickline_source_progress_age_seconds", ["source"], WORK,
        "Time since the progress of a live source last moved, in the partition of this process where it has stood for \
         longest. Of many sources only the oldest. Absent where sources do not move the frontier";
    SOURCE_AHEAD = Gauge, "tickline_source_ahead_seconds", ["source"], WORK,
        "How far the progress of a live source is ahead of the log's time of its last record, or, in a log without \
         times, of the wall clock when that was read; 0 if it is behind. Of many sources only the furthest";
    RECORDS = Counter, "tickline_records_read_total", [], WORK, "Records read by this process";
    RECORD_BYTES = Counter, "tickline_record_bytes_read_total", [], WORK, "Bytes of records read by this process";
    ROUND_AGE = Gauge, "tickline_round_age_seconds", [], WORK,
        "Time since the loop heartbeat of the process's first worker thread; above 60 the liveness check fails";
    PEERS = Gauge, "tickline_peers", [], WORK, "Connected processes; one that loses a peer ends";
    PEERS_EXPECTED = Gauge, "tickline_peers_expected", [], WORK, "Other processes in the hosts file";
    REJECTED_CONNECTIONS = Counter, "tickline_rejected_connections_total", [], WORK,
        "Connections rejected since they were not from a peer";

    ROWS_WRITTEN = Counter, "tickline_rows_written_total", ["table"], WORK,
        "Rows of this process acknowledged by the store; a row that is written again counts again";
    STORE_WRITE = Histogram, "tickline_store_write_duration_seconds", ["kind"], WORK,
        "Duration of store writes: rows, frontier, heartbeat, shards, checkpoint (its commit) or symbols";
    STORE_IN_FLIGHT = Gauge, "tickline_store_writes_in_flight", [], WORK,
        "Store writes queued or in progress";
    STORE_RETRIES = Counter, "tickline_store_retries_total", [], WORK,
        "Store requests retried after a transient failure";
    CHECKPOINT_FRONTIER = Gauge, "tickline_checkpoint_frontier_timestamp_seconds", [], WORK,
        "Frontier of the checkpoint that a restart resumes from; 0 before the first";
    CHECKPOINT_COMMITTED = Gauge, "tickline_checkpoint_commit_timestamp_seconds", [], WORK,
        "Unix time of the last checkpoint commit by this process; 0 before the first. Only the first process commits";
    CHECKPOINT_DURATION = Gauge, "tickline_checkpoint_duration_seconds", [], WORK,
        "Time from the first shards of the last checkpoint to its commit; 0 in processes without commits";
    CHECKPOINT_SIZE = Gauge, "tickline_checkpoint_size_bytes", [], WORK,
        "Size of this process's shards of the last whole checkpoint; 0 before the first";

    INGEST_FRAMES = Counter, "tickline_ingest_frames_total", [], INGEST, "Text frames received from the feed";
    INGEST_TRADES = Counter, "tickline_ingest_trades_total", [], INGEST, "Trades queued for the log";
    INGEST_REJECTED = Counter, "tickline_ingest_rejected_total", [], INGEST,
        "Trades and malformed elements rejected because the queue to the log was full; a gap reports them";
    INGEST_MALFORMED = Counter, "tickline_ingest_malformed_total", [], INGEST,
        "Frames that are not trades, and trades without a symbol";
    INGEST_LOST = Counter, "tickline_ingest_lost_records_total", [], INGEST,
        "Records that the log did not acknowledge in time; a gap reports them";
    INGEST_RECORDS = Counter, "tickline_ingest_records_total", [], INGEST,
        "Records written to the log, including control records";
    INGEST_CONNECTIONS = Counter, "tickline_ingest_connections_total", [], INGEST, "Connections made to the feed";
    INGEST_COMPLAINTS = Counter, "tickline_ingest_complaints_total", [], INGEST, "Error messages from the feed";
    INGEST_TOO_MANY = Counter, "tickline_ingest_too_many_symbols_total", [], INGEST,
        "Error messages from the feed that its plan allows fewer symbols";
    INGEST_GAPS = Counter, "tickline_ingest_gaps_total", ["cause"], INGEST, "Gaps reported to the log, by cause";
    INGEST_CONNECTED = Gauge, "tickline_ingest_connected", [], INGEST, "1 while the feed is connected, else 0";
    INGEST_ALIVE = Gauge, "tickline_ingest_sign_of_life_timestamp_seconds", [], INGEST,
        "Unix time up to which the feed has proved that nothing is missing: its pong to a ping sent then. Progress \
         follows it. Absent before the first";
    INGEST_WITHHELD = Gauge, "tickline_ingest_progress_withheld", ["reason"], INGEST,
        "1 while progress is withheld, by reason: feed (no sign of life for half the liveness timeout), clock (the \
         wall clock was set and trades do not agree with it yet), log (a gap does not fit into the queue)";
    INGEST_CLOCK_STEPS = Counter, "tickline_ingest_clock_steps_total", [], INGEST,
        "Times that the wall clock was set by more than a second";
    INGEST_FRAME_AGE = Gauge, "tickline_ingest_frame_age_seconds", [], INGEST,
        "Time since the feed's last text frame. Absent before the first";
    INGEST_TRADE_AGE = Gauge, "tickline_ingest_trade_age_seconds", [], INGEST,
        "Time since the feed's last trade; grows while a feed only sends pings. Absent before the first";
    INGEST_ACKNOWLEDGED_AGE = Gauge, "tickline_ingest_acknowledged_age_seconds", [], INGEST,
        "How far the progress acknowledged by the log is behind the clock. Absent before the first acknowledgement";
    INGEST_ACKNOWLEDGEMENT = Histogram, "tickline_ingest_acknowledgement_seconds", [], INGEST,
        "Latency from the socket to the log's acknowledgement; only for logs with delivery reports (Kafka)";

    DASHBOARD_STORE_UP = Gauge, "tickline_dashboard_store_up", [], DASHBOARD,
        "1 if the store could be read for this response, else 0, and its frontier metrics are absent";
    DASHBOARD_SYMBOLS = Gauge, "tickline_dashboard_symbols", [], DASHBOARD, "Symbols that a search can find";
    DASHBOARD_OMITTED = Gauge, "tickline_dashboard_omitted_symbols", [], DASHBOARD,
        "Symbols that a search cannot find because there are more than the dashboard keeps in memory";
    DASHBOARD_ANSWERS = Gauge, "tickline_dashboard_answers_bytes", [], DASHBOARD,
        "Memory reserved for answers and events that are being made or sent";
    DASHBOARD_REFUSED = Counter, "tickline_dashboard_refused_answers_total", [], DASHBOARD,
        "Answers refused with status 503 because too many others were being made or sent";
    DASHBOARD_RECOMPUTATIONS = Counter, "tickline_dashboard_recomputations_total", [], DASHBOARD,
        "Computations of rows as of an earlier time, from the log";
    DASHBOARD_RECOMPUTATION_REQUESTS = Gauge, "tickline_dashboard_recomputation_requests", [], DASHBOARD,
        "Requests that wait for a computation of rows as of an earlier time, or for its result";
    DASHBOARD_RECOMPUTATIONS_REFUSED = Counter, "tickline_dashboard_refused_recomputations_total", [], DASHBOARD,
        "Requests for rows as of an earlier time refused with status 503 because too many others were waiting";
    DASHBOARD_VIEWERS = Gauge, "tickline_dashboard_viewers", [], DASHBOARD, "Pages connected to the event stream";
    DASHBOARD_REQUESTS = Counter, "tickline_dashboard_requests_total", ["route", "status"], DASHBOARD,
        "Responses by route and status class (2xx, 3xx, 4xx, 5xx)";
    DASHBOARD_DURATION = Histogram, "tickline_dashboard_request_duration_seconds", ["route"], DASHBOARD,
        "Time from a request to the start of its response";
    DASHBOARD_READ_FAILURES = Counter, "tickline_dashboard_store_read_failures_total", [], DASHBOARD,
        "Failed reads of the store";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_follow_conventions() {
        for (at, metric) in ALL.iter().enumerate() {
            let name = metric.name;
            assert!(ALL[..at].iter().all(|other| other.name != name), "duplicate metric {name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert!(["tickline_", "process_"].iter().any(|prefix| name.starts_with(prefix)), "{name}");
            assert!(!metric.roles.is_empty() && !metric.help.ends_with('.'), "{name}");
        }
        assert_eq!([CPU.unit(), MEMORY.unit(), TRADES.unit(), STORE_WRITE.unit()], ["seconds", "bytes", "", "seconds"]);
    }
}
