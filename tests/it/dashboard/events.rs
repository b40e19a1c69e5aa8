//! A minimal reader of server-sent events, so that malformed ones are noticed.

use serde_json::Value;
use tickline::dashboard::Dashboard;

/// An open event stream.
pub struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    /// Connects; the first event is not read yet.
    pub async fn open(dashboard: &Dashboard) -> Self {
        Self::wanting(dashboard, "").await
    }

    /// Connects with a query.
    pub async fn wanting(dashboard: &Dashboard, query: &str) -> Self {
        let response = reqwest::get(format!("http://{}/api/stream?{query}", dashboard.addr())).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The data of the next `frontier` event.
    pub async fn next(&mut self) -> Value {
        self.next_of("frontier").await
    }

    /// The data of the next `state` event: a heartbeat.
    pub async fn next_state(&mut self) -> Value {
        self.next_of("state").await
    }

    async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let lines: Vec<_> = event.lines().map(str::to_owned).collect();
                self.text = rest.to_owned();
                let Some(data) = lines.iter().find_map(|line| line.strip_prefix("data: ")) else { continue };
                let name = lines.iter().find_map(|line| line.strip_prefix("event: ")).unwrap();
                assert!(["frontier", "state"].contains(&name), "{lines:?}");
                if name == kind {
                    return serde_json::from_str(data).unwrap();
                }
            }
            let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Waits for the server to end the stream; returns whether it did.
    pub async fn ended(&mut self) -> bool {
        while let Ok(Some(_)) = self.response.chunk().await {}
        true
    }
}
