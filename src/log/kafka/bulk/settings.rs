//! Which of librdkafka's settings this reader understands. Any other one is left to librdkafka.

use std::path::{Path, PathBuf};
use std::time::Duration;

use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslConnectorBuilder, SslFiletype};
use rdkafka::ClientConfig;

use super::sasl::{Mechanism, Sasl};
use crate::secret::Secret;
use crate::tls;

/// How long a broker may be silent. It answers a request for records after half a second at most.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Settings about connections that are understood.
const UNDERSTOOD: [&str; 12] = [
    "client.id",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "bootstrap.servers",
];
/// Settings that say nothing about reading: those of writers, and those that every client here has.
const NOT_ABOUT_READING: [&str; 22] = [
    "allow.auto.create.topics",
    "batch.num.messages",
    "batch.size",
    "compression.codec",
    "compression.level",
    "compression.type",
    "delivery.timeout.ms",
    "linger.ms",
    "message.copy.max.bytes",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "partitioner",
    "queue.buffering.backpressure.threshold",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "reconnect.backoff.max.ms",
    "request.timeout.ms",
    "retries",
    "retry.backoff.ms",
    "sticky.partitioning.linger.ms",
];

/// How to connect to a broker.
pub(super) struct Settings {
    /// Name of this client in the broker's logs and quotas.
    pub client_id: String,
    /// TLS, if any.
    pub tls: Option<Tls>,
    /// Credentials, if any.
    pub sasl: Option<Sasl>,
    /// How long a broker may be silent while something is expected of it.
    pub answer_timeout: Duration,
}

/// How to open a TLS session.
pub(super) struct Tls {
    pub connector: SslConnector,
    /// Whether the certificate must be for the host.
    pub verifies_host: bool,
}

impl Settings {
    /// The settings of a client; or what is not understood of them, without any value.
    pub(super) fn of(config: &ClientConfig) -> Result<Self, String> {
        let all = config.config_map();
        let mut unknown = all.keys().filter(|name| !UNDERSTOOD.contains(name) && !NOT_ABOUT_READING.contains(name));
        if let Some(name) = unknown.next() {
            return Err((*name).to_owned());
        }
        let value = |name: &str| config.get(name).unwrap_or_default();
        let (has_tls, has_sasl) = match value("security.protocol").to_lowercase().as_str() {
            "" | "plaintext" => (false, false),
            "ssl" => (true, false),
            "sasl_plaintext" => (false, true),
            "sasl_ssl" => (true, true),
            _ => return Err("security.protocol".to_owned()),
        };
        let tls = has_tls.then(|| connector(config)).transpose()?;
        let sasl = has_sasl.then(|| credentials(config)).transpose()?;
        Ok(Self { client_id: value("client.id").to_owned(), tls, sasl, answer_timeout: ANSWER_TIMEOUT })
    }
}

fn credentials(config: &ClientConfig) -> Result<Sasl, String> {
    let mechanism = config.get("sasl.mechanism").or_else(|| config.get("sasl.mechanisms"));
    let mechanism = mechanism.and_then(Mechanism::named).ok_or("sasl.mechanism")?;
    let (user, password) = (config.get("sasl.username"), config.get("sasl.password"));
    let (user, password) = (user.ok_or("sasl.username")?.to_owned(), Secret::new(password.ok_or("sasl.password")?));
    Ok(Sasl { mechanism, user, password })
}

fn connector(config: &ClientConfig) -> Result<Tls, String> {
    let verifies_host = match config.get("ssl.endpoint.identification.algorithm").unwrap_or("https") {
        "https" => true,
        "none" => false,
        _ => return Err("ssl.endpoint.identification.algorithm".to_owned()),
    };
    let mut builder = match config.get("ssl.ca.location") {
        Some(path) => tls::trusting(Path::new(path)).map_err(|_| "ssl.ca.location")?,
        None => tls::trusting_system().map_err(|_| "ssl.ca.location")?,
    };
    if let Some(chain) = config.get("ssl.certificate.location") {
        builder.set_certificate_chain_file(PathBuf::from(chain)).map_err(|_| "ssl.certificate.location")?;
    }
    if let Some(path) = config.get("ssl.key.location") {
        key(&mut builder, path, config.get("ssl.key.password")).ok_or("ssl.key.location")?;
    }
    Ok(Tls { connector: builder.build(), verifies_host })
}

fn key(builder: &mut SslConnectorBuilder, path: &str, password: Option<&str>) -> Option<()> {
    let Some(password) = password else { return builder.set_private_key_file(path, SslFiletype::PEM).ok() };
    let text = std::fs::read(path).ok()?;
    let key = PKey::private_key_from_pem_passphrase(&text, password.as_bytes()).ok()?;
    builder.set_private_key(&key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &str)]) -> Result<Settings, String> {
        let mut config = ClientConfig::new();
        settings.iter().for_each(|(name, value)| _ = config.set(*name, *value));
        Settings::of(&config)
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let plain =
            of(&[("client.id", "tickline"), ("compression.type", "lz4"), ("bootstrap.servers", "h:1")]).unwrap();
        assert!(plain.tls.is_none() && plain.sasl.is_none() && plain.client_id == "tickline");
        let scram = [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanisms", "SCRAM-SHA-512"),
            ("sasl.username", "u"),
            ("sasl.password", "canary"),
        ];
        assert!(of(&scram).unwrap().sasl.is_some_and(|sasl| sasl.mechanism == Mechanism::Scram512));
        for (name, value) in [
            ("sasl.kerberos.service.name", "canary"),
            ("security.protocol", "canary"),
            ("sasl.mechanism", "GSSAPI"),
            ("ssl.keystore.location", "canary"),
            ("fetch.wait.max.ms", "1"),
        ] {
            let mut settings = scram.to_vec();
            settings.retain(|(other, _)| *other != name);
            settings.push((name, value));
            assert_eq!(of(&settings).err().as_deref(), Some(name));
        }
        let tls = [("security.protocol", "ssl"), ("ssl.ca.location", "canary")];
        assert_eq!(of(&tls).err().as_deref(), Some("ssl.ca.location"), "no such file");
        assert_eq!(of(&scram[..3]).err().as_deref(), Some("sasl.password"));
    }
}
