//! The provisioning files: they are complete, and refer to each other by the right names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::grafana::asked::all;
use crate::grafana::files::{ALERTS, DATASOURCES, PROVIDERS, dashboards, each, path, script, text, word, yaml};

/// Consistency levels supported by the plugin.
const LEVELS: [&str; 9] = ["ANY", "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE"];

/// Every `datasource` at any depth.
fn sources(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("datasource").cloned());
            fields.values().for_each(|value| sources(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| sources(value, found)),
        _ => {}
    }
}

#[test]
fn committed_files_match_the_generator() {
    let output = script(&["--check"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn data_sources_are_complete() {
    let file = yaml(DATASOURCES);
    assert_eq!(file["apiVersion"], 1);
    let known: BTreeMap<&str, &Value> =
        each(&file["datasources"]).map(|source| (word(source, "uid"), source)).collect();
    assert_eq!(known.keys().copied().collect::<Vec<_>>(), ["cassandra", "prometheus"]);
    let cassandra = known["cassandra"];
    assert_eq!(cassandra["type"], "hadesarchitect-cassandra-datasource");
    assert_eq!(cassandra["access"], "proxy");
    let settings = &cassandra["jsonData"];
    assert!(LEVELS.contains(&word(settings, "consistency")), "without it there is no session: {settings}");
    for field in ["keyspace", "user"] {
        assert!(!word(settings, field).is_empty(), "{field}");
    }
    assert!(settings["timeout"].is_u64());
    for field in ["useCustomTLS", "useCertContent", "allowInsecureTLS"] {
        assert_eq!(settings[field], false, "{field}");
    }
    for field in ["certPath", "rootPath", "caPath", "allowedAuthenticators"] {
        assert!(settings[field].is_string(), "{field}");
    }
    assert!(word(&cassandra["secureJsonData"], "password").starts_with('$'), "a secret comes from the environment");
    assert_eq!(known["prometheus"]["type"], "prometheus");
}

#[test]
fn every_queried_data_source_is_provisioned() {
    let file = yaml(DATASOURCES);
    let pair = |source: &Value| (word(source, "uid").to_owned(), word(source, "type").to_owned());
    let mut known: BTreeSet<_> = each(&file["datasources"]).map(pair).collect();
    known.insert(("__expr__".to_owned(), "__expr__".to_owned()));
    let mut found = Vec::new();
    dashboards().iter().for_each(|(_, dashboard)| sources(dashboard, &mut found));
    sources(&yaml(ALERTS), &mut found);
    assert!(found.len() > 100, "{}", found.len());
    found.iter().for_each(|source| assert!(known.contains(&pair(source)), "{source}"));
}

#[test]
fn readme_mounts_dashboards_at_provider_path() {
    let file = yaml(PROVIDERS);
    assert_eq!(file["apiVersion"], 1);
    let providers: Vec<&Value> = each(&file["providers"]).collect();
    assert_eq!(providers.len(), 1);
    assert_eq!(providers[0]["type"], "file");
    let folder = word(&providers[0]["options"], "path");
    assert!(text("README.md").contains(folder), "{folder}");
}

#[test]
fn readme_lists_every_variable() {
    let readme = text("README.md");
    let mut variables = BTreeSet::new();
    for name in [DATASOURCES, PROVIDERS] {
        let file = text(&format!("provisioning/{name}"));
        let named = file
            .split('$')
            .skip(1)
            .map(|rest| rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect::<String>());
        variables.extend(named);
    }
    assert_eq!(variables.len(), 5, "{variables:?}");
    variables.iter().for_each(|name| assert!(readme.contains(&format!("`{name}`")), "{name}"));
    let image = readme.split("grafana/grafana:").nth(1).unwrap();
    let version: String = image.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    assert!(version.starts_with("12.4.") && version.len() > 5, "the image is pinned: {version}");
}

#[test]
fn file_names_are_valid_config_map_keys() {
    let mut count = 0;
    for folder in ["dashboards", "provisioning/datasources", "provisioning/dashboards", "provisioning/alerting"] {
        for file in std::fs::read_dir(path(folder)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            assert!(name.chars().all(fits) && name.len() < 254, "{name}");
            count += 1;
        }
    }
    assert_eq!(count, 6);
}

#[test]
fn alert_rules_are_complete() {
    let file = yaml(ALERTS);
    assert_eq!(file["apiVersion"], 1);
    let boards: BTreeSet<String> = dashboards().iter().map(|(_, board)| word(board, "uid").to_owned()).collect();
    let mut uids = BTreeSet::new();
    for rule in each(&file["groups"]).flat_map(|group| each(&group["rules"])) {
        let uid = word(rule, "uid");
        assert!(uids.insert(uid.to_owned()) && uid.len() <= 40, "{uid}");
        for field in ["title", "for", "noDataState", "execErrState"] {
            assert!(!word(rule, field).is_empty(), "{uid}: {field}");
        }
        assert!(["Alerting", "NoData", "OK"].contains(&word(rule, "noDataState")), "{uid}");
        assert!(boards.contains(word(rule, "dashboardUid")), "{uid}");
        for field in ["summary", "description"] {
            let text = word(&rule["annotations"], field);
            assert!(text.ends_with('.') && !text.contains('$'), "{uid}: {text}");
        }
        // A query, a reducer and a threshold, each with the previous one as input.
        let data: Vec<&Value> = each(&rule["data"]).collect();
        let refs: Vec<&str> = data.iter().map(|data| word(data, "refId")).collect();
        assert_eq!(refs, ["A", "B", "C"]);
        assert_eq!(rule["condition"], "C");
        data.iter().for_each(|data| assert_eq!(data["refId"], data["model"]["refId"], "{uid}"));
        assert_eq!((&data[1]["model"]["type"], &data[1]["model"]["expression"]), (&"reduce".into(), &"A".into()));
        assert_eq!((&data[2]["model"]["type"], &data[2]["model"]["expression"]), (&"threshold".into(), &"B".into()));
    }
    assert!(uids.len() > 5, "{uids:?}");
    let asked = |uid: &str| all(uid).iter().filter(|asked| asked.place == "alert").count();
    assert_eq!((asked("cassandra"), asked("cassandra") + asked("prometheus")), (2, uids.len()));
}
