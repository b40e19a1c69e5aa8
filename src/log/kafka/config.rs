//! Client settings: the address, and a file of librdkafka's settings for everything else.
//!
//! The file has `name=value` lines, with the names in librdkafka's documentation; empty lines and lines that begin with
//! `#` are skipped. Passwords are only in that file, so no message shows a value.

use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::address::KafkaAddress;
use crate::log::LogError;
use crate::secret::registry;

/// Settings that a file cannot change, because correct reading and writing depends on them.
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

/// Settings common to all clients of this cluster; readers and writers add their own.
pub fn client_config(address: &KafkaAddress) -> Result<ClientConfig, LogError> {
    let mut config = ClientConfig::new();
    config
        .set("client.id", "tickline")
        .set("reconnect.backoff.max.ms", "2000")
        .set("allow.auto.create.topics", "false")
        .set("message.max.bytes", RECORD_BYTES_MAX.to_string())
        .set_log_level(RDKafkaLogLevel::Warning);
    if let Some(path) = &address.config {
        let text =
            std::fs::read_to_string(path).map_err(|error| bad(path, format!("cannot read the file: {error}")))?;
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
                    format!("line {number}: {name} cannot be set here, because tickline depends on its own value"),
                ));
            }
            if holds_a_secret(name) {
                registry::register(value);
            }
            config.set(name, value.trim());
        }
    }
    config.set("bootstrap.servers", &address.brokers);
    Ok(config)
}

/// Whether a setting's value must never be shown.
fn holds_a_secret(name: &str) -> bool {
    ["password", "passphrase", "secret", ".pem", "oauthbearer.config"].iter().any(|part| name.contains(part))
}

/// Maximum size of a written record in bytes; the topic must allow it (`max.message.bytes`).
pub const RECORD_BYTES_MAX: usize = 2 << 20;

/// The error for a client that could not be created, without any setting's value.
pub(super) fn explain(address: &KafkaAddress, error: &KafkaError) -> LogError {
    let why = match error {
        KafkaError::ClientConfig(_, _, name, _) => match &address.config {
            Some(path) => return bad(path, format!("{name} is not a librdkafka setting, or has an invalid value")),
            None => format!("invalid setting {name}"),
        },
        other => other.to_string(),
    };
    LogError::Failed { path: address.to_string(), what: "cannot create a Kafka client", why }
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
        client_config(&KafkaAddress {
            brokers: "b:1".into(),
            topic: "t".into(),
            config: Some(path),
            with_librdkafka: false,
        })
    }

    #[test]
    fn a_file_adds_settings() {
        let config = with("# secrets\n\nsasl.password = a=b \nsecurity.protocol=sasl_ssl\n").unwrap();
        assert_eq!(config.get("sasl.password"), Some("a=b"));
        assert_eq!(config.get("security.protocol"), Some("sasl_ssl"));
        assert_eq!(config.get("bootstrap.servers"), Some("b:1"));
    }

    #[test]
    fn invalid_settings_are_named_without_their_values() {
        for text in ["group.id=canary", "enable.idempotence=canary", "canary", "# ok\nacks=canary"] {
            let error = with(text).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        let config = with("security.protocol=canary").unwrap();
        let error = config.create::<rdkafka::consumer::BaseConsumer>().err().unwrap();
        let (brokers, topic) = ("b:1".into(), "t".into());
        let address = KafkaAddress { brokers, topic, config: Some("f".into()), with_librdkafka: false };
        let shown = explain(&address, &error).to_string();
        assert!(shown.contains("security.protocol") && !shown.contains("canary"), "{shown}");
    }
}
