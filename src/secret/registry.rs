//! The secrets of this process. Whatever reads one registers it; whatever is printed, logged or stored about a failure
//! is masked here.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use super::spelling::Spelling;

/// What is shown instead of a secret.
const MASK: &str = "***";
/// Shorter secrets are not masked: they appear by chance, and the masks would show where.
const LEN_MIN: usize = 4;

static SECRETS: RwLock<Vec<Spelling>> = RwLock::new(Vec::new());

/// Registers a secret, before anything can be said about it.
pub fn register(secret: &str) {
    let secret = secret.trim();
    let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    if secret.len() >= LEN_MIN && !secrets.iter().any(|known| known.is_of(secret)) {
        secrets.push(Spelling::new(secret));
    }
}

/// Registers what must not be in an address or URL, but may be: the password of `user:password@`, and the value of
/// `token=`. The error that rejects the address may show the rest.
pub fn register_from_address(address: &str) {
    let Some((_, rest)) = address.split_once("://") else { return };
    let user_info = rest.rsplit_once('@').map(|(user_info, _)| user_info);
    if let Some(user_info) = user_info {
        register(user_info.split_once(':').map_or(user_info, |(_, password)| password));
    }
    for (at, name) in rest.match_indices("token=") {
        register(rest[at + name.len()..].split('&').next().unwrap_or_default());
    }
}

/// Whether an address names a user, as `user:password@host` does.
pub fn names_a_user(address: &str) -> bool {
    let place =
        ["?config=", "&config="].iter().fold(address, |place, option| place.split(option).next().unwrap_or(place));
    place.contains("://") && place.contains('@')
}

/// A text without the registered secrets.
pub fn masked(text: &str) -> Cow<'_, str> {
    masked_with(text, &SECRETS.read().unwrap_or_else(PoisonError::into_inner))
}

/// A text without these secrets.
pub(super) fn masked_with<'a>(text: &'a str, secrets: &[Spelling]) -> Cow<'a, str> {
    let (mut out, mut copied) = (String::new(), 0);
    let mut places = text.char_indices().map(|(at, _)| at).peekable();
    while let Some(at) = places.next() {
        // The longest, if one secret is the start of another.
        let found = secrets.iter().filter_map(|secret| secret.len_at(text, at)).max();
        if let Some(len) = found {
            out += &text[copied..at];
            out += MASK;
            copied = at + len;
            while places.next_if(|next| *next < copied).is_some() {}
        }
    }
    if copied == 0 { Cow::Borrowed(text) } else { Cow::Owned(out + &text[copied..]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::percent_encode;

    /// Characters that every spelling treats differently.
    const SECRET: &str = "s3\"c\\r\\\\%25e+t é😀/\u{7}\u{8}\u{c}\0'~&";

    fn shown(text: &str) -> Cow<'_, str> {
        masked_with(text, &[Spelling::new(SECRET)]).into_owned().into()
    }

    #[test]
    fn every_spelling_is_masked() {
        use base64::Engine as _;
        let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let json = serde_json::to_string(SECRET).unwrap();
        let ascii: String = SECRET.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        let percent = percent_encode(SECRET);
        for spelling in [
            SECRET.to_owned(),
            percent.clone(),
            percent.to_lowercase(),
            percent.replace("%20", "+"),
            percent_encode(&percent),
            format!("{percent:?}"),
            serde_json::to_string(&json).unwrap(),
            json.replace('/', "\\/"),
            json,
            ascii,
            format!("{SECRET:?}"),
            format!("{:?}", format!("{SECRET:?}")),
            SECRET.as_bytes().escape_ascii().to_string(),
            format!("{:?}", SECRET.as_bytes()),
        ] {
            let text = format!("before <{spelling}> after {spelling}");
            let masked = shown(&text);
            assert!(masked.starts_with("before <") && masked.matches(MASK).count() == 2, "{spelling}: {masked}");
            assert!(!masked.contains("s3") && !masked.contains("115"), "{spelling}: {masked}");
        }
        for user in ["", "a", "ab", "abc"] {
            let header = base64(&format!("{user}:{SECRET}:{user}"));
            assert!(shown(&header).contains(MASK), "{header}");
            let (start, end) = (header.len() / 2 - 4, header.len() / 2 + 4);
            assert!(!shown(&header).contains(&header[start..end]), "{}", shown(&header));
        }
    }

    #[test]
    fn what_looks_like_an_escape_is_masked() {
        for secret in ["\\%5Cx1", "a\\%5c%5C\\b"] {
            for spelling in [secret.to_owned(), percent_encode(secret), secret.replace('\\', "\\\\")] {
                let text = format!("before <{spelling}>");
                assert_eq!(masked_with(&text, &[Spelling::new(secret)]), "before <***>", "{spelling}");
            }
        }
    }

    #[test]
    fn other_texts_are_unchanged() {
        for text in ["", "nothing to hide", "s3 c \\ %", "%", "\\", "é😀"] {
            assert!(matches!(masked_with(text, &[Spelling::new(SECRET)]), Cow::Borrowed(same) if same == text));
        }
        register("abc");
        assert_eq!(masked("abc"), "abc", "too short to be masked");
    }

    #[test]
    fn the_longest_secret_is_masked() {
        let secrets = [Spelling::new("abcd"), Spelling::new("abcdefgh")];
        assert_eq!(masked_with("abcdefgh abcdef", &secrets), "*** ***ef");
    }

    #[test]
    fn addresses_hold_no_secret() {
        register_from_address("kafka://user:pass/w@rd-1@h:1/t?config=f");
        register_from_address("wss://h/?x=1&token=t0ken-2&y=2");
        register_from_address("https://t0ken-3@h/");
        register_from_address("dir:a:b@c");
        assert!(names_a_user("kafka://user:pass/w@rd-1@h:1/t?config=f") && names_a_user("cassandra://u@h:1/k"));
        assert!(!names_a_user("kafka://h:1/t?config=/etc/a@b") && !names_a_user("sqlite:a@b") && !names_a_user(""));
        assert_eq!(masked("pass/w@rd-1 t0ken-2 t0ken-3 user dir:a:b@c"), "*** *** *** user dir:a:b@c");
    }
}
