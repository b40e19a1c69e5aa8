//! The proxy itself, with only the driver: each fault has the intended effect on both sides.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;

use crate::cassandra::raw::Raw;
use crate::shared::node::{keyspace, shared};
use crate::shared::process::wait_for;
use crate::shared::proxy::{Link, Proxy};
use crate::shared::proxy_cql::{Fault, How, Which, is_conditional, writes_rows};

/// A proxy, a connection through it, a direct one, and a table `t (k, v)`.
struct Bench {
    proxy: Proxy,
    through: Raw,
    beside: Raw,
    table: String,
    insert: PreparedStatement,
}

impl Bench {
    fn new() -> Self {
        let node = shared();
        let proxy = Proxy::cql(&node.address);
        let beside = Raw::connect(&node.address, Duration::from_secs(30));
        let keyspace = keyspace();
        let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
        beside.run(&format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"));
        let table = format!("{keyspace}.t");
        beside.run(&format!("CREATE TABLE {table} (k int PRIMARY KEY, v int)"));
        let through = Raw::connect(&proxy.address, Duration::from_secs(2));
        let insert = through.wait(through.session.prepare(format!("INSERT INTO {table} (k, v) VALUES (?, ?)")));
        Self { proxy, through, beside, table, insert: insert.unwrap() }
    }

    /// The stored value of a key.
    fn held(&self, key: i32) -> Option<String> {
        let rows = self.beside.rows(&format!("SELECT v FROM {} WHERE k = {key}", self.table));
        rows.into_iter().next().map(|row| row[0].clone())
    }

    /// Writes by a prepared statement, through the proxy.
    fn put(&self, key: i32, value: i32) -> Result<(), Box<ExecutionError>> {
        Ok(self.through.wait(self.through.session.execute_unpaged(&self.insert, (key, value))).map(drop)?)
    }

    /// Writes by a batch of prepared statements, through the proxy.
    fn put_two(&self, key: i32, value: i32) -> Result<(), Box<ExecutionError>> {
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.append_statement(self.insert.clone());
        batch.append_statement(self.insert.clone());
        let values = ((key, value), (key + 1, value));
        Ok(self.through.wait(self.through.session.batch(&batch, values)).map(drop)?)
    }

    fn set(&self, fits: fn(&str) -> bool, how: How, which: Which) {
        self.proxy.fault(Fault { fits, how, which });
    }

    /// Asserts the number of faults and the text of the last statement that was hit.
    fn made(&self, count: u64, words: &str) {
        let (made, last) = self.proxy.faults();
        assert_eq!(made, count);
        assert!(last.contains(words), "{last}");
    }
}

/// The error that the proxy answered with.
fn db_error(result: Result<(), Box<ExecutionError>>) -> DbError {
    match *result.unwrap_err() {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn timeouts_with_and_without_effect() {
    let bench = Bench::new();
    bench.put(1, 1).unwrap();
    bench.set(writes_rows, How::DoneTimeout, Which::Next(1));
    let error = db_error(bench.put(1, 2));
    assert!(matches!(error, DbError::WriteTimeout { .. }), "{error}");
    assert_eq!(bench.held(1).unwrap(), "2", "it was done");
    bench.made(1, "INSERT INTO");
    bench.set(writes_rows, How::LostTimeout, Which::Next(1));
    let error = db_error(bench.put_two(1, 3));
    assert!(error.to_string().contains("UnloggedBatch"), "{error}");
    assert_eq!((bench.held(1).unwrap().as_str(), bench.held(2)), ("2", None), "it was not done");
    bench.put_two(1, 3).unwrap();
    assert_eq!(bench.held(2).unwrap(), "3", "only the next one was hit");
    bench.made(1, "INSERT INTO");
}

#[test]
fn compare_and_set_differs_from_rows() {
    let bench = Bench::new();
    bench.put(1, 1).unwrap();
    let update = |from: i32, to: i32| {
        bench.through.try_run(&format!("UPDATE {} SET v = {to} WHERE k = 1 IF v = {from}", bench.table))
    };
    bench.set(is_conditional, How::DoneTimeout, Which::Next(1));
    bench.put(7, 7).unwrap();
    let error = db_error(update(1, 2));
    assert!(error.to_string().contains("Cas"), "{error}");
    assert_eq!(bench.held(1).unwrap(), "2");
    bench.made(1, "IF v = 1");
    bench.set(is_conditional, How::LostTimeout, Which::Next(1));
    let error = db_error(update(2, 3));
    assert!(matches!(error, DbError::WriteTimeout { .. }), "{error}");
    assert_eq!(bench.held(1).unwrap(), "2");
    bench.proxy.no_fault();
    update(2, 3).unwrap();
    assert_eq!(bench.held(1).unwrap(), "3");
}

#[test]
fn late_requests_are_released_by_the_test() {
    let bench = Bench::new();
    bench.set(writes_rows, How::Late, Which::Next(1));
    assert!(matches!(db_error(bench.put(1, 2)), DbError::WriteTimeout { .. }));
    bench.put(1, 3).unwrap();
    assert_eq!(bench.held(1).unwrap(), "3");
    assert_eq!(bench.proxy.deliver(), 1);
    // The driver set no timestamp, so the node did: later than that of the previous write.
    assert_eq!(bench.held(1).unwrap(), "2");
    bench.made(1, "INSERT INTO");
}

#[test]
fn overload_unavailable_and_every_other_request() {
    let bench = Bench::new();
    bench.set(writes_rows, How::Overloaded, Which::Every(2));
    assert!(matches!(db_error(bench.put(1, 1)), DbError::Overloaded));
    bench.put(1, 2).unwrap();
    assert!(matches!(db_error(bench.put(1, 3)), DbError::Overloaded));
    bench.made(2, "INSERT INTO");
    bench.set(writes_rows, How::Unavailable, Which::Next(1));
    assert!(matches!(db_error(bench.put(1, 4)), DbError::Unavailable { .. }));
    assert_eq!(bench.held(1).unwrap(), "2");
}

#[test]
fn silence_and_cuts() {
    let bench = Bench::new();
    bench.put(1, 1).unwrap();
    bench.set(writes_rows, How::DoneSilence, Which::Next(1));
    let error = bench.put(1, 2).unwrap_err();
    assert!(matches!(*error, ExecutionError::RequestTimeout(_)), "{error:?}");
    assert_eq!(bench.held(1).unwrap(), "2");
    for (how, value, held) in [(How::DoneCut, 3, "3"), (How::LostCut, 4, "3")] {
        let cut = bench.proxy.counts().cut;
        bench.set(writes_rows, how, Which::Next(1));
        let error = bench.put(1, value).unwrap_err();
        assert!(matches!(*error, ExecutionError::LastAttemptError(_)), "{error:?}");
        assert_eq!(bench.proxy.counts().cut, cut + 1);
        assert_eq!(bench.held(1).unwrap(), held, "{how:?}");
        wait_for("the driver connects again", || bench.put(2, value).ok());
    }
}

#[test]
fn delay_hold_refuse_and_cut_all() {
    let bench = Bench::new();
    bench.put(1, 1).unwrap();
    bench.proxy.delay(Duration::from_millis(300));
    let start = Instant::now();
    bench.put(1, 2).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(300) && bench.proxy.counts().delayed > 0);
    bench.proxy.delay(Duration::ZERO);
    bench.proxy.set(Link::Held);
    bench.put(1, 3).unwrap_err();
    assert_eq!(bench.held(1).unwrap(), "2");
    assert!(bench.proxy.counts().held > 0);
    bench.proxy.set(Link::Open);
    wait_for("what was held passes", || (bench.held(1).unwrap() == "3").then_some(()));
    bench.proxy.set(Link::Refused);
    bench.put(1, 4).unwrap_err();
    assert!(TcpStream::connect(&bench.proxy.address).is_err(), "nobody listens");
    bench.proxy.set(Link::Open);
    wait_for("the driver connects again", || bench.put(1, 5).ok());
    let before = bench.proxy.counts();
    bench.proxy.cut();
    wait_for("the driver connects again", || bench.put(1, 6).ok());
    let after = bench.proxy.counts();
    assert!(after.cut > before.cut && after.connections > before.connections, "{before:?} {after:?}");
    assert_eq!(bench.held(1).unwrap(), "6");
}

#[test]
fn plain_bytes_pass_and_stop() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::plain(&server.local_addr().unwrap().to_string());
    let mut client = TcpStream::connect(&proxy.address).unwrap();
    let (mut server, _) = server.accept().unwrap();
    let mut answer = [0; 4];
    client.write_all(b"ping").unwrap();
    server.read_exact(&mut answer).unwrap();
    server.write_all(b"pong").unwrap();
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"pong");
    proxy.set(Link::Held);
    client.write_all(b"more").unwrap();
    server.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(server.read(&mut answer).is_err(), "nothing passes");
    proxy.cut();
    server.set_read_timeout(None).unwrap();
    assert_eq!(server.read(&mut answer).unwrap(), 0, "the connection is cut");
    assert_eq!(client.read(&mut answer).unwrap_or(0), 0);
}
