//! The bar of a log that is played.

use crate::page::hand::picture;
use crate::page::scene::scene;
use crate::page::script::Script;

#[test]
fn the_bar_moves_the_clock() {
    let scene = scene();
    let line = "play --log dir:log --from 2024-01-02T14:50:00Z --speed 2 --port 0";
    let mut play = scene.home.start(line);
    let mut script = Script::start("play", &play.address_after(" at http://"));
    script.answer(&picture("play"));
    script.answer(&picture("play-phone"));
    script.answer(&format!("http://{}", scene.address));
    script.expect("done");
    script.end();
    play.terminate();
    play.end("the play").is(0, &[]);
}
