//! Authentication with a user and password: PLAIN, and SCRAM, which does not send the password.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::memcmp;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::sign::Signer;

use crate::secret::Secret;

/// Bytes of this side's part of a SCRAM nonce.
const NONCE_LEN: usize = 18;
/// Iterations of SCRAM: fewer are too weak, and more would take minutes.
const ITERATIONS: std::ops::RangeInclusive<usize> = 4_096..=10_000_000;

/// A way to authenticate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// User and password as they are.
    Plain,
    /// SCRAM-SHA-256.
    Scram256,
    /// SCRAM-SHA-512.
    Scram512,
}

impl Mechanism {
    /// The mechanism of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Plain, Self::Scram256, Self::Scram512].into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// Its name in the protocol.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Scram256 => "SCRAM-SHA-256",
            Self::Scram512 => "SCRAM-SHA-512",
        }
    }
}

/// The credentials.
#[derive(Clone)]
pub(super) struct Sasl {
    pub mechanism: Mechanism,
    pub user: String,
    pub password: Secret,
}

/// Why an authentication failed, apart from what the broker says.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaslError<E> {
    /// A message could not be exchanged.
    #[error("{0}")]
    Exchange(E),
    /// The other side does not follow the mechanism, or does not know the password.
    #[error("{0}")]
    Server(&'static str),
    /// OpenSSL failed.
    #[error("OpenSSL failed: {0}")]
    OpenSsl(#[from] ErrorStack),
}

impl Sasl {
    /// Exchanges the mechanism's messages; `exchange` sends one and returns the answer.
    pub(super) fn authenticate<E>(
        &self,
        mut exchange: impl FnMut(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<(), SaslError<E>> {
        let digest = match self.mechanism {
            Mechanism::Plain => {
                let message = format!("\0{}\0{}", self.user, self.password.expose());
                return exchange(message.as_bytes()).map(drop).map_err(SaslError::Exchange);
            }
            Mechanism::Scram256 => MessageDigest::sha256(),
            Mechanism::Scram512 => MessageDigest::sha512(),
        };
        let mut nonce = [0; NONCE_LEN];
        rand_bytes(&mut nonce)?;
        let scram = Scram::new(&self.user, &BASE64.encode(nonce), digest);
        let first = exchange(scram.first().as_bytes()).map_err(SaslError::Exchange)?;
        let (last, signature) = scram.last(&first, self.password.expose())?;
        let verdict = exchange(last.as_bytes()).map_err(SaslError::Exchange)?;
        scram.verify(&verdict, &signature)
    }
}

/// One exchange of SCRAM (RFC 5802), without channel binding.
struct Scram {
    bare: String,
    nonce: String,
    digest: MessageDigest,
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scram").finish_non_exhaustive()
    }
}

impl Scram {
    fn new(user: &str, nonce: &str, digest: MessageDigest) -> Self {
        let bare = format!("n={},r={nonce}", user.replace('=', "=3D").replace(',', "=2C"));
        Self { bare, nonce: nonce.to_owned(), digest }
    }

    fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// The second message, and the signature that proves that the server knows the password.
    fn last<E>(&self, first: &[u8], password: &str) -> Result<(String, Vec<u8>), SaslError<E>> {
        let bad = || SaslError::Server("the server's first message of SCRAM is not well formed");
        let first = std::str::from_utf8(first).map_err(|_| bad())?;
        let nonce = attribute(first, "r=").filter(|nonce| nonce.starts_with(&self.nonce)).ok_or_else(bad)?;
        let salt = attribute(first, "s=").and_then(|salt| BASE64.decode(salt).ok()).ok_or_else(bad)?;
        let iterations = attribute(first, "i=").and_then(|number| number.parse().ok());
        let iterations = iterations.filter(|number| ITERATIONS.contains(number)).ok_or_else(bad)?;
        let mut salted = vec![0; self.digest.size()];
        pbkdf2_hmac(password.as_bytes(), &salt, iterations, self.digest, &mut salted)?;
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{first},{without_proof}", self.bare);
        let client_key = self.hmac(&salted, b"Client Key")?;
        let stored = hash(self.digest, &client_key)?;
        let signature = self.hmac(&stored, signed.as_bytes())?;
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(key, signature)| key ^ signature).collect();
        let server_key = self.hmac(&salted, b"Server Key")?;
        let expected = self.hmac(&server_key, signed.as_bytes())?;
        Ok((format!("{without_proof},p={}", BASE64.encode(proof)), expected))
    }

    fn verify<E>(&self, verdict: &[u8], expected: &[u8]) -> Result<(), SaslError<E>> {
        let verdict = std::str::from_utf8(verdict).unwrap_or_default();
        let signature = attribute(verdict, "v=").and_then(|signature| BASE64.decode(signature).ok());
        match signature {
            Some(signature) if signature.len() == expected.len() && memcmp::eq(&signature, expected) => Ok(()),
            _ => Err(SaslError::Server("the server does not prove that it knows the password")),
        }
    }

    fn hmac(&self, key: &[u8], bytes: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let key = PKey::hmac(key)?;
        Signer::new(self.digest, &key)?.sign_oneshot_to_vec(bytes)
    }
}

/// The value of an attribute of SCRAM.
fn attribute<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split(',').find_map(|part| part.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677.
    #[test]
    fn scram_is_that_of_the_standard() {
        let scram = Scram::new("user", "rOprNGfwEbeRWgbNEkqO", MessageDigest::sha256());
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (last, signature) = scram.last::<()>(first, "pencil").unwrap();
        assert_eq!(
            last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let verdict = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert!(scram.verify::<()>(verdict, &signature).is_ok());
        assert!(scram.verify::<()>(b"v=AAAA", &signature).is_err() && scram.verify::<()>(b"", &signature).is_err());
        let bad: [&[u8]; 4] = [b"", b"r=other,s=AA==,i=4096", b"r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=1", b"\xff"];
        bad.iter().for_each(|first| assert!(scram.last::<()>(first, "pencil").is_err()));
    }

    #[test]
    fn plain_sends_user_and_password_once() {
        let sasl = Sasl { mechanism: Mechanism::Plain, user: "u".into(), password: Secret::new("canary") };
        let mut sent = Vec::new();
        let outcome = sasl.authenticate(|message| {
            sent.push(message.to_vec());
            Ok::<_, ()>(Vec::new())
        });
        assert!(outcome.is_ok());
        assert_eq!(sent, [b"\0u\0canary"]);
        assert_eq!(Scram::new("a=b,c", "n", MessageDigest::sha256()).first(), "n,,n=a=3Db=2Cc,r=n");
    }
}
