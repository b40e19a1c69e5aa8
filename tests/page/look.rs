//! What needs no more than an hour of trades to look at: keys and links, accessibility, memory, weight.

use crate::scene::scene;
use crate::script::Script;

#[test]
fn keys_alone_do_everything_and_links_lead_back() {
    let scene = scene();
    Script::start("keyboard", &scene.address).end();
}

#[test]
fn nobody_is_shut_out() {
    let scene = scene();
    let mut script = Script::start("access", &scene.address);
    assert_eq!(script.told(), 16, "two themes, two widths, four states");
    script.end();
}

#[test]
fn an_hour_of_fifty_symbols_needs_no_more_memory() {
    let scene = scene();
    let mut script = Script::start("memory", &scene.address);
    let told = script.told();
    println!("{told}");
    assert_eq!(told["rows"], 1_220);
    script.end();
}

#[test]
fn the_page_is_light() {
    let scene = scene();
    let mut script = Script::start("weight", &scene.address);
    println!("{}", script.told());
    script.end();
}
