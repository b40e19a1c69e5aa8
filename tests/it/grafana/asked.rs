//! Every query of the dashboards and alert rules, with its location.

use serde_json::Value;

use crate::grafana::files::{ALERTS, dashboards, each, panels, word, yaml};

/// Who sends a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The browser, which replaces variables first.
    Browser,
    /// Grafana itself, for an alert rule with a time range of `back_s` seconds.
    Alert { back_s: u64 },
}

/// One query.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The dashboard's title, or `alert`.
    pub place: String,
    /// The panel's title, or that of the rule.
    pub panel: String,
    /// The query model that Grafana passes to the data source.
    pub model: Value,
    pub way: Way,
    /// The default time range, in seconds.
    pub back_s: u64,
}

impl Asked {
    pub fn name(&self) -> String {
        format!("{} / {} / {}", self.place, self.panel, word(&self.model, "refId"))
    }
}

/// All queries of one data source.
pub fn all(uid: &str) -> Vec<Asked> {
    let mut all: Vec<Asked> = dashboards().iter().flat_map(|(_, dashboard)| of_dashboard(dashboard)).collect();
    all.extend(of_alerts());
    all.retain(|asked| asked.model["datasource"]["uid"] == uid);
    all
}

fn of_dashboard(dashboard: &Value) -> Vec<Asked> {
    let back_s = back_s(word(&dashboard["time"], "from"));
    let asked = |panel: &str, model: &Value| Asked {
        place: word(dashboard, "title").to_owned(),
        panel: panel.to_owned(),
        model: model.clone(),
        way: Way::Browser,
        back_s,
    };
    let of_panel = |panel: &&Value| -> Vec<Asked> {
        each(&panel["targets"]).map(|model| asked(word(panel, "title"), model)).collect()
    };
    let panels = panels(dashboard);
    let mut all: Vec<Asked> = panels.iter().flat_map(of_panel).collect();
    let lines = each(&dashboard["annotations"]["list"]);
    all.extend(lines.map(|line| asked(&format!("{} (line)", word(line, "name")), &line["target"])));
    all
}

fn of_alerts() -> Vec<Asked> {
    let file = yaml(ALERTS);
    let mut all = Vec::new();
    for rule in each(&file["groups"]).flat_map(|group| each(&group["rules"])) {
        for data in each(&rule["data"]).filter(|data| data["datasourceUid"] != "__expr__") {
            let back_s = data["relativeTimeRange"]["from"].as_u64().expect("how far back");
            assert_eq!(data["relativeTimeRange"]["to"], 0);
            assert_eq!(data["datasourceUid"], data["model"]["datasource"]["uid"], "{rule}");
            assert_eq!(
                data["queryType"], data["model"]["queryType"],
                "Grafana reads one, the plugin the other: {rule}"
            );
            let (place, panel) = ("alert".to_owned(), word(rule, "title").to_owned());
            all.push(Asked { place, panel, model: data["model"].clone(), way: Way::Alert { back_s }, back_s });
        }
    }
    all
}

/// `now-6h` in seconds.
fn back_s(from: &str) -> u64 {
    let (number, unit) = from.strip_prefix("now-").unwrap().split_at(from.len() - "now-".len() - 1);
    let unit_s = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => panic!("{from}"),
    };
    number.parse::<u64>().unwrap() * unit_s
}
