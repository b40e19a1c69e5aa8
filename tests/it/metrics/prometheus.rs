//! A real Prometheus with the repository's rules, with shorter intervals, that scrapes the processes of a test.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::shared::process::{DEADLINE, Home, Running, wait_for};

/// A running Prometheus; it ends when dropped, or with this process.
pub struct Prometheus {
    process: Running,
    address: String,
}

impl Prometheus {
    /// Scrapes these jobs, each at one address, every second. Alerts wait for a second where they would for minutes,
    /// and look back ten seconds.
    pub fn start(home: &Home, jobs: &[(&str, &str)]) -> Self {
        let rules = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/prometheus/alerts.yml")).unwrap();
        let hurried = rules.lines().map(|line| match line.trim_start().starts_with("for: ") {
            true => line.split_once("for: ").unwrap().0.to_owned() + "for: 1s",
            false => line.replace("[2m]", "[10s]"),
        });
        home.write("alerts.yml", hurried.collect::<Vec<_>>().join("\n"));
        let job = |(job, address): &(&str, &str)| {
            format!("  - job_name: {job}\n    static_configs: [{{ targets: ['{address}'] }}]\n")
        };
        let config = "global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [alerts.yml]\n";
        let jobs: String = jobs.iter().map(job).collect();
        home.write("prometheus.yml", format!("{config}scrape_configs:\n{jobs}"));
        let words = [
            // It ends with the thread that started it, even if that is killed.
            "--pdeathsig",
            "KILL",
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=prometheus",
            "--web.listen-address=127.0.0.1:0",
        ];
        let mut process = home.start_as(OsStr::new("setpriv"), &words);
        let address = wait_for("Prometheus (Debian's package prometheus)", || {
            assert!(process.is_alive(), "{}", process.stderr());
            let said = process.stderr();
            let (_, rest) = said.split_once("msg=\"Listening on\" address=")?;
            said.contains("Server is ready").then(|| rest.split_whitespace().next().unwrap().to_owned())
        });
        Self { process, address }
    }

    /// A response of its HTTP API.
    fn ask(&self, path: &str) -> Value {
        let text = get(&self.address, path);
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"].clone()
    }

    /// The job, health and last error of each target.
    pub fn targets(&self) -> Vec<(String, String, String)> {
        let data = self.ask("/api/v1/targets?state=active");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let target = |t: &Value| (text(&t["labels"]["job"]), text(&t["health"]), text(&t["lastError"]));
        data["activeTargets"].as_array().unwrap().iter().map(target).collect()
    }

    /// The current values of an expression.
    pub fn query(&self, expression: &str) -> Vec<f64> {
        let query: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let data = self.ask(&format!("/api/v1/query?query={query}"));
        let value = |sample: &Value| sample["value"][1].as_str().unwrap().parse().unwrap();
        data["result"].as_array().unwrap().iter().map(value).collect()
    }

    /// The names of all firing alerts.
    pub fn firing(&self) -> Vec<String> {
        let data = self.ask("/api/v1/alerts");
        let firing = data["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }

    /// A metric of Prometheus itself.
    pub fn own(&self, name: &str) -> f64 {
        let text = get(&self.address, "/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} is missing")).parse().unwrap()
    }

    /// Its logged warnings.
    pub fn warnings(&self) -> Vec<String> {
        let said = self.process.stderr();
        said.lines()
            .filter(|line| line.contains("level=warn") || line.contains("level=error"))
            .map(str::to_owned)
            .collect()
    }
}

/// The body of a response. HTTP/1.0 has no chunked encoding.
pub fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}
