//! Passwords where they must not be: in addresses, and in files of settings that cannot be read.

use super::{LOUD, assert_hidden};
use crate::shared::process::{Ended, Home};

const LOG: &str = "kafka://me:Zq7xWcanary/kJ9vPcanary@127.0.0.1:1/trades";
const STORE: &str = "cassandra://me:Zq7xWcanary@127.0.0.1:1/tickline?config=none.toml";

fn hides(ended: &Ended, code: i32, words: &[&str]) {
    let what = "the output";
    assert_hidden(what, &ended.stdout);
    assert_hidden(what, &ended.stderr);
    ended.is(code, words);
}

#[test]
fn a_password_in_an_address_is_rejected_and_hidden() {
    let home = Home::new();
    let (log, store) = (["sasl.password", "?config=FILE"], ["password_file", "?config=FILE"]);
    let sqlite = "--store sqlite:x";
    for line in [
        format!("work --log {LOG} {sqlite}"),
        format!("pace --log {LOG} --progress dir:p"),
        format!("pace --log dir:l --progress {LOG}"),
        format!("import a --log {LOG}"),
        format!("import a --log dir:x --from-log {LOG}"),
        format!("setup --log {LOG}"),
        format!("source list --log {LOG}"),
        format!("status --log {LOG} {sqlite}"),
        format!("work --log dir:l {sqlite} --rejected-to {LOG}"),
        format!("work --log dir:l {sqlite} --symbol-log {LOG}"),
        format!("symbols sync {sqlite} --log {LOG}"),
        format!("ingest --source a --symbols A --log {LOG}"),
    ] {
        hides(&home.start_with(&line, &[LOUD]).end(&line), 2, &log);
    }
    for line in [
        format!("work --log dir:l --store {STORE}"),
        format!("verify --log dir:l --store {STORE}"),
        format!("replay --log dir:l --write-to {STORE}"),
        format!("candles --symbol A --resolution 5s --store {STORE}"),
        format!("dashboard --store {STORE}"),
        format!("checkpoint list --store {STORE}"),
    ] {
        hides(&home.start_with(&line, &[LOUD]).end(&line), 2, &store);
    }
    hides(&home.start_with("status --store sqlite:x", &[("TICKLINE_LOG", LOG)]).end("environment"), 2, &log);
    // The help shows what the environment and the file say.
    hides(&home.start_with("status --help", &[("TICKLINE_LOG", LOG), ("TICKLINE_STORE", STORE)]).end("help"), 0, &[]);
    home.write("tickline.toml", format!("log = '{LOG}'\nstore = '{STORE}'\n"));
    hides(&home.run("status --help"), 0, &[]);
    hides(&home.run("source list"), 2, &log);
    hides(&home.run("status --log dir:x"), 2, &store);
}

#[test]
fn a_password_in_a_url_is_rejected_and_hidden() {
    let home = Home::new();
    for (url, word) in [
        ("ws://me:Zq7xWcanary@127.0.0.1:1/", "--url contains a user or password"),
        ("https://Zq7xWcanary@127.0.0.1:1/", "--url contains a user or password"),
        ("wss://h/?token=Zq7xWcanary", "--url contains an API token"),
    ] {
        let line = format!("ingest --log dir:l --source a --symbols A --url {url}");
        hides(&home.start_with(&line, &[("FINNHUB_TOKEN", "a-token")]).end(&line), 2, &[word]);
    }
    let line = "symbols sync --store sqlite:x --url https://me:Zq7xWcanary@127.0.0.1:1/api/v1";
    hides(&home.start_with(line, &[("FINNHUB_TOKEN", "a-token")]).end(line), 2, &["invalid REST URL"]);
}

#[test]
fn errors_of_settings_files_show_no_line_of_them() {
    let home = Home::new();
    home.ok("setup --log dir:log --partitions 1");
    // The wrong file: the settings of a Kafka client.
    home.write("kafka.properties", "sasl.username=me\nsasl.password=Zq7xWcanary kJ9vPcanary\n");
    let line = "work --log dir:log --store sqlite:x --conditions kafka.properties";
    hides(&home.run(line), 2, &["kafka.properties", "line 1, column "]);
    for text in ["password = 'Zq7xWcanary'\n", "user = 'me'\npassword Zq7xWcanary\n", "user = ['Zq7xWcanary']\n"] {
        home.write("cassandra.toml", text);
        hides(
            &home.run("status --store cassandra://127.0.0.1:1/k?config=cassandra.toml"),
            2,
            &["cassandra.toml", "line ", "column "],
        );
    }
    for text in ["token = Zq7xWcanary\n", "log = 'dir:x'\nZq7xWcanary\n"] {
        home.write("tickline.toml", text);
        hides(&home.run("status --store sqlite:x"), 2, &["tickline.toml, line ", "column "]);
    }
}
