//! The dashboards themselves: every panel has a description and a unit, panels do not overlap, and links are valid.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::grafana::files::{dashboards, each, panels, word};
use crate::grafana::statement::split;

/// All texts of one field, at any depth.
fn texts<'a>(value: &'a Value, field: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(field).and_then(Value::as_str));
            fields.values().for_each(|value| texts(value, field, found));
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, field, found)),
        _ => {}
    }
}

#[test]
fn dashboard_and_panel_ids_are_unique() {
    let mut uids = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        let uid = word(&dashboard, "uid");
        assert!(uids.insert(uid.to_owned()) && uid.len() <= 40, "{file}");
        assert!(dashboard["id"].is_null(), "{file}: Grafana gives the number");
        let ids: BTreeSet<u64> = panels(&dashboard).iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels(&dashboard).len(), "{file}");
    }
}

#[test]
fn every_panel_is_described() {
    for (file, dashboard) in dashboards() {
        assert!(word(&dashboard, "description").ends_with('.'), "{file}");
        for panel in panels(&dashboard).into_iter().filter(|panel| panel["type"] != "row") {
            let title = word(panel, "title");
            assert!(word(panel, "description").ends_with('.'), "{file} / {title}");
            let refs: BTreeSet<&str> = each(&panel["targets"]).map(|target| word(target, "refId")).collect();
            assert!(!refs.is_empty() && refs.len() == each(&panel["targets"]).count(), "{file} / {title}");
            let mut units = Vec::new();
            texts(&panel["fieldConfig"]["defaults"], "unit", &mut units);
            let by_column = each(&panel["fieldConfig"]["overrides"]).flat_map(|column| each(&column["properties"]));
            units.extend(
                by_column.filter(|property| property["id"] == "unit").filter_map(|unit| unit["value"].as_str()),
            );
            assert!(!units.is_empty(), "{file} / {title} has no unit");
        }
    }
}

#[test]
fn panels_do_not_overlap() {
    for (file, dashboard) in dashboards() {
        let mut taken = BTreeMap::new();
        for panel in each(&dashboard["panels"]) {
            let at = |field: &str| panel["gridPos"][field].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{file} / {panel}");
            for cell in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
                let other = taken.insert(cell, word(panel, "title"));
                assert_eq!(other, None, "{file} / {} overlaps it", word(panel, "title"));
            }
        }
    }
}

#[test]
fn links_name_existing_dashboards_and_variables() {
    let all = dashboards();
    let variables: BTreeMap<&str, Vec<&str>> = all
        .iter()
        .map(|(_, board)| {
            (word(board, "uid"), each(&board["templating"]["list"]).map(|variable| word(variable, "name")).collect())
        })
        .collect();
    let mut count = 0;
    for (file, dashboard) in &all {
        let mut urls = Vec::new();
        texts(dashboard, "url", &mut urls);
        for url in urls {
            let (uid, query) = url
                .strip_prefix("/d/")
                .unwrap_or_else(|| panic!("{file}: {url}"))
                .split_once('?')
                .unwrap_or((&url[3..], ""));
            let there = variables.get(uid).unwrap_or_else(|| panic!("{file}: {url}"));
            let set = query.split('&').filter_map(|part| part.strip_prefix("var-")?.split('=').next());
            set.for_each(|name| assert!(there.contains(&name), "{file}: {url}"));
            count += 1;
        }
    }
    assert!(count >= 7, "{count} links");
}

#[test]
fn stat_fields_match_display_names() {
    let mut count = 0;
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard).into_iter().filter(|panel| panel["type"] == "stat") {
            let fields = word(&panel["options"]["reduceOptions"], "fields");
            let Some(names) = fields.strip_prefix("/^(").and_then(|rest| rest.strip_suffix(")$/")) else {
                assert_eq!(fields, "", "{file}: not known here");
                continue;
            };
            let overrides = each(&panel["fieldConfig"]["overrides"]);
            let properties = overrides.flat_map(|column| each(&column["properties"]));
            let shown: Vec<&str> = properties
                .filter(|property| property["id"] == "displayName")
                .map(|property| word(property, "value"))
                .collect();
            names.split('|').for_each(|name| assert!(shown.contains(&name), "{file}: {name} is not in {shown:?}"));
            count += 1;
        }
    }
    assert!(count > 0);
}

/// The column names of a query's result.
fn columns(statement: &str) -> Vec<&str> {
    let list = statement.split_once(' ').unwrap().1.split_once(" FROM ").unwrap().0;
    split(list, ",").into_iter().map(|column| column.rsplit(' ').next().unwrap()).collect()
}

#[test]
fn panels_name_columns_of_their_queries() {
    let mut count = 0;
    for (file, dashboard) in dashboards() {
        for panel in panels(&dashboard).into_iter().filter(|panel| panel["datasource"]["uid"] == "cassandra") {
            let targets: Vec<&str> = each(&panel["targets"]).map(|target| word(target, "target")).collect();
            let there: BTreeSet<&str> = targets.iter().flat_map(|target| columns(target)).collect();
            let overrides = each(&panel["fieldConfig"]["overrides"]).map(|column| &column["matcher"]);
            let mut named: Vec<&str> =
                overrides.filter(|matcher| matcher["id"] == "byName").map(|matcher| word(matcher, "options")).collect();
            named
                .extend(panel["options"]["fields"].as_object().into_iter().flatten().map(|(_, v)| v.as_str().unwrap()));
            named.extend(panel["options"]["xField"].as_str());
            texts(&panel["transformations"], "field", &mut named);
            for name in named {
                assert!(there.contains(name), "{file} / {}: {name} is not in {there:?}", word(panel, "title"));
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count}");
}
