//! A page that is started before there is a store.

use crate::shared::process::{Home, wait_for};

#[test]
fn the_page_waits_for_its_store() {
    let home = Home::new();
    let mut page = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0 --store-wait 1m");
    wait_for("it says that it waits", || page.stderr().contains("rows.db").then_some(()));
    assert!(page.stdout().is_empty(), "{}", page.stdout());

    home.simulate("trades.jsonl", 100, "2024-01-02T15:00:00Z");
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    page.told("http://");
    page.terminate();
    page.end("the page").is(0, &["waiting for it"]);
}

#[test]
fn a_page_that_waits_can_be_ended() {
    let home = Home::new();
    let mut page = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0 --store-wait 1m");
    wait_for("it says that it waits", || page.stderr().contains("waiting for it").then_some(()));
    page.terminate();
    page.end("the page").is(0, &[]);
}

#[test]
fn it_gives_up() {
    let home = Home::new();
    home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0 --store-wait 1ms")
        .end("the page")
        .is(2, &["rows.db"]);
}
