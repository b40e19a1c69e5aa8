//! The access token of the page.

use reqwest::{Client, StatusCode};

use super::{CANARY, LOUD, assert_hidden, assert_hidden_in};
use crate::shared::process::Home;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_hides_its_token() {
    let home = Home::new();
    home.ok("setup --store sqlite:s.db");
    let settings = [LOUD, ("TICKLINE_DASHBOARD_TOKEN", CANARY)];
    let mut page = home.start_with("dashboard --store sqlite:s.db --listen 127.0.0.1:0", &settings);
    let address = tokio::task::block_in_place(|| page.address_after("http://"));
    let get = |path: &str| Client::new().get(format!("http://{address}{path}"));
    let with_token = get("/api/frontier").bearer_auth(CANARY).send().await.unwrap();
    assert_ne!(with_token.status(), StatusCode::UNAUTHORIZED);
    for request in [
        get("/api/frontier").bearer_auth(format!("{CANARY}x")),
        get("/api/frontier").basic_auth("me", Some(format!("{CANARY}x"))),
        get("/metrics").bearer_auth(CANARY),
        get("/").basic_auth("me", Some(CANARY)),
    ] {
        assert_hidden("an answer", &request.send().await.unwrap().text().await.unwrap());
    }
    page.terminate();
    let ended = page.end("the page");
    ended.is(0, &["TRACE"]);
    assert_hidden_in(&ended, &home, &[]);
}
