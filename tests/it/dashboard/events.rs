//! Reads server-sent events by hand, so that a wrong form is seen.

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

    /// The same, with a query.
    pub async fn wanting(dashboard: &Dashboard, query: &str) -> Self {
        let response = reqwest::get(format!("http://{}/api/stream?{query}", dashboard.addr())).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The data of the next event, which must be one of a frontier.
    pub async fn next(&mut self) -> Value {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let lines: Vec<_> = event.lines().map(str::to_owned).collect();
                self.text = rest.to_owned();
                let Some(data) = lines.iter().find_map(|line| line.strip_prefix("data: ")) else { continue };
                assert!(lines.contains(&"event: frontier".to_owned()), "{lines:?}");
                return serde_json::from_str(data).unwrap();
            }
            let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Whether the server ends the stream; waits for it.
    pub async fn ended(&mut self) -> bool {
        while let Ok(Some(_)) = self.response.chunk().await {}
        true
    }
}
