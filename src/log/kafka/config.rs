//! How a cluster is reached: the address, and a file of librdkafka's own settings for the rest.
//!
//! The file holds `name=value` lines, as librdkafka's documentation names them; empty lines and lines that begin with
//! `#` are skipped. Passwords stand in that file and nowhere else, so no message shows a value.

use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::address::KafkaAddress;
use crate::log::LogError;

/// Settings that decide what is read and written, and how exactly: they are not for a file to change.
const OURS: [&str; 15] = [
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "check.crcs",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "isolation.level",
    "max.in.flight.requests.per.connection",
    "metadata.broker.list",
    "request.required.acks",
    "transactional.id",
];

/// The settings of a client of this cluster, to which a role adds its own.
pub fn client_config(address: &KafkaAddress) -> Result<ClientConfig, LogError> {
    let mut config = ClientConfig::new();
    config
        .set("client.id", "tickline")
        .set("reconnect.backoff.max.ms", "2000")
        .set("allow.auto.create.topics", "false")
        .set("message.max.bytes", RECORD_BYTES_MAX.to_string())
        .set_log_level(RDKafkaLogLevel::Warning);
    if let Some(path) = &address.config {
        let text = std::fs::read_to_string(path).map_err(|error| bad(path, format!("it cannot be read: {error}")))?;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                return Err(bad(path, format!("line {number} is not name=value")));
            };
            let name = name.trim();
            if OURS.contains(&name) {
                return Err(bad(
                    path,
                    format!("line {number}: {name} cannot be set: tickline relies on its own value"),
                ));
            }
            config.set(name, value.trim());
        }
    }
    config.set("bootstrap.servers", &address.brokers);
    Ok(config)
}

/// The longest record that is written, in bytes. A topic must take as much (`max.message.bytes`).
pub const RECORD_BYTES_MAX: usize = 2 << 20;

/// Says why a client could not be made, without the value of any setting.
pub(super) fn explain(address: &KafkaAddress, error: &KafkaError) -> LogError {
    let why = match error {
        KafkaError::ClientConfig(_, _, name, _) => match &address.config {
            Some(path) => return bad(path, format!("{name} is no setting of librdkafka, or has a bad value")),
            None => format!("the setting {name} is refused"),
        },
        other => other.to_string(),
    };
    LogError::Failed { path: address.to_string(), what: "cannot make a client", why }
}

fn bad(path: &Path, why: String) -> LogError {
    LogError::BadConfig { path: path.display().to_string(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode as _;

    fn with(text: &str) -> Result<ClientConfig, LogError> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("kafka.properties");
        std::fs::write(&path, text).unwrap();
        client_config(&KafkaAddress { brokers: "b:1".into(), topic: "t".into(), config: Some(path) })
    }

    #[test]
    fn a_file_adds_settings() {
        let config = with("# secrets\n\nsasl.password = a=b \nsecurity.protocol=sasl_ssl\n").unwrap();
        assert_eq!(config.get("sasl.password"), Some("a=b"));
        assert_eq!(config.get("security.protocol"), Some("sasl_ssl"));
        assert_eq!(config.get("bootstrap.servers"), Some("b:1"));
    }

    #[test]
    fn what_cannot_be_set_is_refused_without_its_value() {
        for text in ["group.id=canary", "enable.idempotence=canary", "canary", "# ok\nacks=canary"] {
            let error = with(text).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        let config = with("security.protocol=canary").unwrap();
        let error = config.create::<rdkafka::consumer::BaseConsumer>().err().unwrap();
        let address = KafkaAddress { brokers: "b:1".into(), topic: "t".into(), config: Some("f".into()) };
        let shown = explain(&address, &error).to_string();
        assert!(shown.contains("security.protocol") && !shown.contains("canary"), "{shown}");
    }
}
