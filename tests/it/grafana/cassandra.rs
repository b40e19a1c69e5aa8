//! Every query of every panel, annotation, variable and alert rule, on a real node with rows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::grafana::answer::Asking;
use crate::grafana::asked::{Asked, Way, all};
use crate::grafana::contract;
use crate::grafana::files::{dashboards, each, word};
use crate::grafana::replace::{Choice, by_browser, by_plugin};
use crate::grafana::report::{Line, write};
use crate::grafana::scene::{Scene, past, present, turn};
use crate::grafana::statement::table;
use crate::shared::node::shared;

/// A symbol with many trades, so that every panel has data.
const BUSY: &str = "BINANCE:BTCUSDT";

/// A scene, and the dashboards' variables in it.
struct Stage {
    asking: Asking,
    end_ms: u64,
    keys: BTreeMap<String, Vec<String>>,
}

impl Stage {
    fn of(scene: &Scene) -> Self {
        let asking = Asking::connect(&shared().address, &scene.keyspace);
        let columns = format!(
            "SELECT table_name, column_name, kind, position FROM system_schema.columns WHERE keyspace_name = '{}'",
            scene.keyspace
        );
        let mut keys = BTreeMap::<String, Vec<String>>::new();
        for row in asking.ask(&columns).unwrap().rows {
            let text = |at: usize| row[at].as_ref().unwrap().as_text().unwrap().clone();
            if text(2) == "partition_key" {
                keys.entry(text(0)).or_default().push(text(1));
            }
        }
        Self { asking, end_ms: scene.end_ms, keys }
    }

    /// Sends a query as Grafana would; returns the errors of the query or its result.
    fn check(&self, asked: &Asked, choice: &Choice) -> Result<Line, Vec<String>> {
        let target = word(&asked.model, "target");
        let mut wrong = contract::of_model(&asked.model, asked.way);
        wrong.extend(contract::of_text(target, asked.way));
        let text = if asked.way == Way::Browser { by_browser(target, choice) } else { target.to_owned() };
        let statement = by_plugin(&text, self.end_ms - asked.back_s * 1_000, self.end_ms);
        let symbols =
            if target.contains("$symbol") || target.contains("${symbol") { choice["symbol"].len() } else { 1 };
        let keys = self.keys.get(table(&statement)).ok_or_else(|| vec![format!("no such table: {statement}")])?;
        wrong.extend(contract::of_statement(&statement, keys, symbols));
        match self.asking.ask_thrice(&statement) {
            Err(error) => wrong.push(format!("{statement}: {error}")),
            Ok(answer) => {
                wrong.extend(contract::of_answer(&answer));
                if wrong.is_empty() {
                    return Ok(Line::of(asked, choice, symbols, &answer));
                }
            }
        }
        Err(wrong)
    }
}

/// The variables of each dashboard with all their values.
fn variables(asking: &Asking) -> BTreeMap<String, Vec<(Value, Vec<String>)>> {
    let mut all = BTreeMap::new();
    for (_, dashboard) in dashboards() {
        let list = each(&dashboard["templating"]["list"]).cloned().map(|variable| {
            let values = match word(&variable, "type") {
                "custom" => word(&variable, "query").split(',').map(str::to_owned).collect(),
                "query" => {
                    let statement = word(&variable["query"], "query");
                    let answer = asking.ask_thrice(statement).unwrap();
                    assert_eq!(contract::of_values(statement, &answer), [""; 0], "{statement}");
                    assert_eq!(contract::of_statement(statement, &[], 1), [""; 0], "{statement}");
                    assert_ne!(variable["sort"], 0, "the plugin gives values in any order: {variable}");
                    assert_eq!(variable["datasource"]["uid"], "cassandra");
                    asking.texts(statement)
                }
                other => panic!("{other} variables are not known here"),
            };
            (variable, values)
        });
        all.insert(word(&dashboard, "title").to_owned(), list.collect());
    }
    all
}

/// Choices on a dashboard: all values of a variable that takes many, and else each in turn (of symbols a busy
/// one).
fn choices(variables: &[(Value, Vec<String>)]) -> Vec<Choice> {
    let mut choices = vec![Choice::new()];
    for (variable, values) in variables {
        let name = word(variable, "name");
        let chosen: Vec<Vec<String>> = if variable["multi"] == true {
            vec![values.clone()]
        } else if name == "symbol" {
            assert!(values.iter().any(|value| value == BUSY), "{BUSY} is traded");
            vec![vec![BUSY.to_owned()]]
        } else {
            values.iter().map(|value| vec![value.clone()]).collect()
        };
        let with = |choice: &Choice, values: &Vec<String>| {
            let mut choice = choice.clone();
            choice.insert(name.to_owned(), values.clone());
            choice
        };
        choices = choices.iter().flat_map(|choice| chosen.iter().map(move |values| with(choice, values))).collect();
    }
    choices
}

#[test]
fn every_cassandra_query_is_valid_and_bounded() {
    let _turn = turn();
    let past = Stage::of(past());
    let present = Stage::of(&present());
    let variables = variables(&past.asking);
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for asked in all("cassandra") {
        let (stage, choices) = match asked.way {
            Way::Browser => (&past, choices(&variables[&asked.place])),
            Way::Alert { .. } => (&present, vec![Choice::new()]),
        };
        let target = word(&asked.model, "target");
        // A query that does not depend on a variable is sent once.
        let mut seen = BTreeSet::new();
        for choice in choices.iter().filter(|choice| seen.insert(by_browser(target, choice))) {
            match stage.check(&asked, choice) {
                Ok(line) => lines.push(line),
                Err(what) => wrong.push(format!("{} {choice:?}: {what:?}", asked.name())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(lines.len() > 40, "only {} queries", lines.len());
    write(&lines);
}

#[test]
fn range_spans_midnight_and_month_end() {
    let asking = Asking::connect(&shared().address, &past().keyspace);
    for (table, buckets) in
        [("candles_5s", 2), ("candles_1m", 2), ("candles_5m", 2), ("candles_1h", 1), ("indicators_5s", 2)]
    {
        let named = asking.texts(&format!("SELECT CAST(bucket AS text), symbol FROM {table}"));
        let named: BTreeSet<_> = named.into_iter().collect();
        assert_eq!(named.len(), buckets, "{table}: {named:?}");
    }
}
