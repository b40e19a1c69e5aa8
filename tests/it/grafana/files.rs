//! The committed files under `grafana/`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The dashboards, by the name of their file.
const DASHBOARDS: [&str; 3] = ["market-overview", "symbol-detail", "pipeline-health"];

/// A file or folder under `grafana/`.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana").join(name)
}

pub fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("grafana/{name}: {error}"))
}

/// All dashboards, each with the name of its file.
pub fn dashboards() -> Vec<(&'static str, Value)> {
    let read = |name| (name, serde_json::from_str(&text(&format!("dashboards/{name}.json"))).unwrap());
    let all: Vec<(&str, Value)> = DASHBOARDS.into_iter().map(read).collect();
    let there = std::fs::read_dir(path("dashboards")).unwrap().count();
    assert_eq!(there, all.len(), "a dashboard is missing in this test");
    all
}

/// The panels of a dashboard, those in closed rows too.
pub fn panels(dashboard: &Value) -> Vec<&Value> {
    fn with_inside(panel: &Value) -> impl Iterator<Item = &Value> {
        std::iter::once(panel).chain(each(&panel["panels"]))
    }
    each(&dashboard["panels"]).flat_map(with_inside).collect()
}

/// A field that must be text.
pub fn word<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is not a text in {value}"))
}

/// Each element of a list, or nothing.
pub fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// Runs `scripts/grafana-dashboards`.
pub fn script(words: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/grafana-dashboards");
    Command::new(script).args(words).output().expect("scripts/grafana-dashboards cannot be started")
}

/// A YAML file under `grafana/provisioning`, read by a third-party parser.
pub fn yaml(name: &str) -> Value {
    let file = path(&format!("provisioning/{name}"));
    let file = file.to_str().unwrap();
    let output = script(&["--json", file]);
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()[file].take()
}

pub const DATASOURCES: &str = "datasources/tickline-datasources.yaml";
pub const PROVIDERS: &str = "dashboards/tickline-dashboards.yaml";
pub const ALERTS: &str = "alerting/tickline-alerts.yaml";
