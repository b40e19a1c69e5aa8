//! Brokers that are too old, silent, or not who they should be.

use std::net::TcpListener;
use std::path::Path;
use std::thread;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::SslAcceptor;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use rdkafka::ClientConfig;

use super::*;
use crate::secret::registry;

const PASSWORD: &str = "canary-of-the-wire";

/// The body of an answer by the number of its request; `None` for silence.
type Answers = fn(i16) -> Option<Vec<u8>>;

/// A broker that answers one connection.
fn broker(acceptor: Option<SslAcceptor>, answers: Answers) -> Place {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        match acceptor {
            None => serve(socket, answers),
            Some(acceptor) => acceptor.accept(socket).map_or((), |session| serve(session, answers)),
        }
    });
    ("127.0.0.1".to_owned(), port)
}

fn serve(mut stream: impl Read + Write, answers: Answers) {
    let mut head = [0; 4];
    while stream.read_exact(&mut head).is_ok() {
        let mut request = vec![0; u32::from_be_bytes(head) as usize];
        stream.read_exact(&mut request).unwrap();
        let api = i16::from_be_bytes([request[0], request[1]]);
        let Some(body) = answers(api) else {
            thread::sleep(Duration::from_secs(5));
            return;
        };
        let answer = [&(body.len() as u32 + 4).to_be_bytes()[..], &request[4..8], &body].concat();
        stream.write_all(&answer).unwrap();
    }
}

fn versions(fetch: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, 0, 2, 0, 1, 0, 4, 0, fetch, 0, 3, 0, 0, 0, 13]
}

fn settings(of: &[(&str, &str)]) -> Settings {
    let mut config = ClientConfig::new();
    of.iter().for_each(|(name, value)| _ = config.set(*name, *value));
    let settings = Settings::of(&config).unwrap();
    Settings { answer_timeout: Duration::from_millis(300), ..settings }
}

fn error(settings: &Settings, place: &Place) -> LinkError {
    Link::connect(settings, place, |_| {}).err().expect("no connection")
}

#[test]
fn an_old_broker_is_known() {
    assert!(matches!(error(&settings(&[]), &broker(None, |_| Some(versions(12)))), LinkError::TooOld));
    assert!(Link::connect(&settings(&[]), &broker(None, |_| Some(versions(13))), |_| {}).is_ok());
}

#[test]
fn a_silent_broker_is_left() {
    let start = Instant::now();
    assert!(matches!(error(&settings(&[]), &broker(None, |_| None)), LinkError::Silent(0)));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn a_broker_that_ends_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = ("127.0.0.1".to_owned(), listener.local_addr().unwrap().port());
    let ending = thread::spawn(move || drop(listener.accept().unwrap().0.read(&mut [0; 1_024])));
    let patient = Settings { answer_timeout: Duration::from_secs(60), ..settings(&[]) };
    assert!(matches!(error(&patient, &place), LinkError::Closed));
    ending.join().unwrap();
}

#[test]
fn a_wrong_password_is_the_brokers_to_say() {
    registry::register(PASSWORD);
    let plain = [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", "u"),
        ("sasl.password", PASSWORD),
    ];
    let answers: Answers = |api| match api {
        18 => Some(versions(17)),
        17 => Some(vec![0, 0, 0, 0, 0, 0]),
        _ => Some([&[0, 58, 0, 34][..], b"invalid: canary-of-the-wire, tryit", &[0; 12]].concat()),
    };
    let refused = error(&settings(&plain), &broker(None, answers));
    assert!(matches!(refused, LinkError::Denied(_)), "{refused}");
    assert_eq!(registry::masked(&refused.to_string()), "PLAIN: invalid: ***, tryit");
    let scram = [plain[0], ("sasl.mechanism", "SCRAM-SHA-256"), plain[2], plain[3]];
    let no_scram: Answers = |api| match api {
        18 => Some(versions(17)),
        _ => Some([&[0, 33, 0, 0, 0, 1, 0, 6][..], b"GSSAPI"].concat()),
    };
    let refused = error(&settings(&scram), &broker(None, no_scram));
    assert_eq!(refused.to_string(), "the broker has no SCRAM-SHA-256; it has GSSAPI");
    // A server that does not know the password cannot prove anything.
    let impostor: Answers = |api| match api {
        18 => Some(versions(17)),
        17 => Some(vec![0, 0, 0, 0, 0, 0]),
        _ => Some([&[0, 0, 0, 0, 0, 0, 0, 6][..], b"v=AAAA", &[0; 8]].concat()),
    };
    assert!(matches!(error(&settings(&scram), &broker(None, impostor)), LinkError::Denied(_)));
}

/// A certificate for these hosts that signs itself, in a file, and a server that shows it.
fn identity(host: &str, folder: &Path) -> SslAcceptor {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "broker").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(9).unwrap()).unwrap();
    let mut names = SubjectAlternativeName::new();
    if host.parse::<std::net::IpAddr>().is_ok() {
        names.ip(host)
    } else {
        names.dns(host)
    };
    let names = names.build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = builder.build();
    std::fs::write(folder.join("ca.pem"), certificate.to_pem().unwrap()).unwrap();
    let mut acceptor = tls::server().unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.build()
}

#[test]
fn a_certificate_must_be_for_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let connect = |host: &str, algorithm: &str| {
        let place = broker(Some(identity(host, folder.path())), |_| Some(versions(17)));
        let of = [
            ("security.protocol", "ssl"),
            ("ssl.ca.location", ca.to_str().unwrap()),
            ("ssl.endpoint.identification.algorithm", algorithm),
        ];
        Link::connect(&settings(&of), &place, |_| {}).err().map(|error| error.to_string())
    };
    assert_eq!(connect("127.0.0.1", "https"), None);
    let wrong = connect("broker.example.org", "https").unwrap();
    assert!(wrong.contains("invalid peer certificate: IP address mismatch"), "{wrong}");
    assert_eq!(connect("broker.example.org", "none"), None, "as the file of settings asks");
}

#[test]
fn answers_that_lie_are_refused() {
    let lie: Answers = |_| Some(vec![0; 3]);
    assert!(matches!(error(&settings(&[]), &broker(None, lie)), LinkError::Malformed(_)));
    let mut answer = Vec::new();
    assert!(matches!(receive(&mut &[0; 9][..], u32::MAX, &mut answer), Err(LinkError::TooLong(u32::MAX))));
    assert!(matches!(receive(&mut &[0; 9][..], 90_000_000, &mut answer), Err(LinkError::Io(_))));
    assert!(answer.capacity() <= ROOM, "what is only claimed takes no memory");
    let long = vec![7; 2 * ROOM + 5];
    receive(&mut long.as_slice(), long.len() as u32, &mut answer).unwrap();
    assert!(answer == long);
    receive(&mut &[8; 100][..], 100, &mut answer).unwrap();
    assert!(answer == [8; 100], "a long buffer is not kept for short answers");
}
