//! Replacement in query texts: the browser replaces the dashboard's variables, then the plugin the time range. Written
//! from their behaviour; shares nothing with the code that generates the dashboards.

use std::collections::BTreeMap;

/// The selected values of each variable.
pub type Choice = BTreeMap<String, Vec<String>>;

/// The four macros that the plugin replaces: with milliseconds, and with seconds, since 1970.
const MACROS: [&str; 4] = ["$__timeFrom", "$__timeTo", "$__unixEpochFrom", "$__unixEpochTo"];

/// As the browser does it: `${name}` and `$name` become the values joined by commas, `${name:singlequote}` the same
/// with each in quotes. What it does not know stays as it is.
pub fn by_browser(text: &str, choice: &Choice) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        made.push_str(&rest[..at]);
        let (whole, name, format) = reference(&rest[at..]);
        match choice.get(name) {
            Some(values) if format == "singlequote" => {
                let quoted: Vec<String> =
                    values.iter().map(|value| format!("'{}'", value.replace('\'', "\\'"))).collect();
                made.push_str(&quoted.join(","));
            }
            Some(values) if format.is_empty() => made.push_str(&values.join(",")),
            _ => made.push_str(whole),
        }
        rest = &rest[at + whole.len()..];
    }
    made + rest
}

/// The reference that a text begins with: all of it, the variable's name, and the format that is asked for.
fn reference(text: &str) -> (&str, &str, &str) {
    if let Some(inside) = text.strip_prefix("${") {
        let end = inside.find('}').unwrap_or_else(|| panic!("no end: {text}"));
        let (name, format) = inside[..end].split_once(':').unwrap_or((&inside[..end], ""));
        return (&text[..end + 3], name, format);
    }
    let name = &text[1..];
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
    (&text[..=end], &name[..end], "")
}

/// As the plugin does it, in its order.
pub fn by_plugin(text: &str, from_ms: u64, to_ms: u64) -> String {
    let values = [from_ms, to_ms, from_ms / 1_000, to_ms / 1_000];
    let put = |text: String, (name, value): (&str, u64)| text.replace(name, &value.to_string());
    MACROS.into_iter().zip(values).fold(text.to_owned(), put)
}

/// As the data source of Prometheus does it.
pub fn by_prometheus(text: &str) -> String {
    text.replace("$__rate_interval", "1m").replace("$__range", "1h").replace("$__interval", "15s")
}

#[test]
fn variables_are_replaced_as_by_the_browser() {
    let choice = Choice::from([("a".into(), vec!["x".into(), "y'z".into()]), ("b".into(), vec!["1m".into()])]);
    let made = by_browser("IN (${a:singlequote}) t_${b} $b_c $b, ${a} $__timeFrom ${no:csv}$", &choice);
    assert_eq!(made, r"IN ('x','y\'z') t_1m $b_c 1m, x,y'z $__timeFrom ${no:csv}$");
}

#[test]
fn time_range_is_replaced_as_by_the_plugin() {
    let text = "$__timeFrom $__timeTo) $__unixEpochFrom $__unixEpochTo $__from $__timeFrom()";
    assert_eq!(by_plugin(text, 1_500, 2_500), "1500 2500) 1 2 $__from 1500()");
}
