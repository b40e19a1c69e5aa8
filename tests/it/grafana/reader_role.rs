//! The role of `grafana/cassandra-reader.cql`: it can read the keyspace and do nothing else.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::grafana::files::path;
use crate::grafana::{asked, files, replace, scene};
use crate::shared::clients;
use crate::shared::node::Node;
use crate::shared::process::Home;

/// `cqlsh` on a node that requires TLS and a password.
struct Shell {
    node: Node,
    home: Home,
}

impl Shell {
    fn new() -> Self {
        let (node, home) = (Node::start_secured(Path::new("-")), Home::new());
        let ca = node.server.dir.join("ca.pem");
        home.write("cqlshrc", format!("[ssl]\ncertfile = {}\nvalidate = true\n", ca.display()));
        home.write("password", "cassandra");
        let file = format!("user = 'cassandra'\npassword_file = 'password'\nca_file = '{}'\n", ca.display());
        home.write("cassandra.toml", file);
        home.ok(&format!("setup --store {}?config=cassandra.toml --replication 1", node.store_address("tickline")));
        Self { node, home }
    }

    fn run(&self, user: &str, password: &str, words: &[&str]) -> Output {
        let (host, port) = self.node.address.split_once(':').unwrap();
        let mut command = Command::new(clients::python().with_file_name("cqlsh"));
        let rc: PathBuf = self.home.path("cqlshrc");
        command.args([host, port, "--ssl", "-u", user, "-p", password, "--cqlshrc"]).arg(rc).args(words);
        command.output().unwrap()
    }

    fn ok(&self, user: &str, password: &str, words: &[&str]) {
        let output = self.run(user, password, words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn fails(&self, user: &str, password: &str, words: &[&str], because: &str) {
        let output = self.run(user, password, words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(because), "{words:?}: {said}");
    }
}

#[test]
fn role_is_read_only() {
    const ROLE: &str = "grafana_reader";
    let _turn = scene::turn();
    let shell = Shell::new();
    let file = path("cassandra-reader.cql");
    for _ in 0..2 {
        shell.ok("cassandra", "cassandra", &["-f", file.to_str().unwrap()]);
    }
    shell.fails(ROLE, "any", &["-e", "SELECT key FROM system.local"], "AuthenticationFailed");
    shell.ok("cassandra", "cassandra", &["-e", &format!("ALTER ROLE {ROLE} WITH PASSWORD = 'read'")]);
    // All queries of alert rules, in the keyspace of the data source.
    let asked = asked::all("cassandra").into_iter().filter(|asked| asked.place == "alert");
    let queries: Vec<String> =
        asked.map(|asked| replace::by_plugin(files::word(&asked.model, "target"), 0, 1) + ";").collect();
    shell.ok(ROLE, "read", &["-k", "tickline", "-e", &queries.concat()]);
    for statement in [
        "INSERT INTO tickline.meta (name, value) VALUES ('schema', 2)",
        "TRUNCATE tickline.candles_1d",
        "DROP TABLE tickline.symbols",
        "SELECT salted_hash FROM system_auth.roles",
    ] {
        shell.fails(ROLE, "read", &["-e", statement], "Unauthorized");
    }
}
