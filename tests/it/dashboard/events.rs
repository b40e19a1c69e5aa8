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

    /// The data of the next event, which must be a `frontier` event.
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

    /// Waits for the server to end the stream; returns whether it did.
    pub async fn ended(&mut self) -> bool {
        while let Ok(Some(_)) = self.response.chunk().await {}
        true
    }
}
