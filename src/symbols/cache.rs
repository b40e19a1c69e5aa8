//! Cache of the responses of one UTC day: `CACHE/2026-11-23/ADDRESS/REQUEST.json`, byte for byte as received.
//!
//! A file gets its name only once it is complete, so an interrupted sync leaves no partial file.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::SyncError;
use crate::finnhub::rest::Request;
use crate::process::{durable_file, os_error};
use crate::secret::percent_encode;
use crate::time::{DAY_LEN, day};

/// File extension of a response.
const ENDING: &str = "json";

/// The responses of one day from one address.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    day: String,
    folder: PathBuf,
}

impl Cache {
    /// Opens the cache of the UTC day of `now_ms`, and creates its directory.
    pub fn open(root: &Path, now_ms: u64, url: &str) -> Result<Self, SyncError> {
        let day = day(now_ms);
        let folder = root.join(&day).join(percent_encode(url));
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
        Ok(Self { root: root.to_path_buf(), day, folder })
    }

    /// The cached response, if any.
    pub fn get(&self, request: &Request) -> Option<Vec<u8>> {
        fs::read(self.path(request)).ok()
    }

    /// Stores a response.
    pub fn put(&self, request: &Request, response: &[u8]) -> Result<(), SyncError> {
        let path = self.path(request);
        let part = path.with_extension(format!("part-{}", std::process::id()));
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(response)?;
            durable_file::publish(&file, &part, &path)
        });
        written.map_err(|error| failed(&path, &error))
    }

    /// Removes the responses of other days. Only files with the names used here are removed, and failures are ignored.
    pub fn forget_other_days(&self) {
        for day in folders(&self.root).filter(|day| is_day(day) && !day.ends_with(&self.day)) {
            for folder in folders(&day) {
                let files = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
                files.filter(|file| file.extension().is_some_and(|e| e == ENDING)).for_each(|file| {
                    let _ = fs::remove_file(file);
                });
                let _ = fs::remove_dir(folder);
            }
            let _ = fs::remove_dir(day);
        }
    }

    fn path(&self, request: &Request) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", percent_encode(&request.to_string()).replace('.', "%2E")))
    }
}

fn folders(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

fn is_day(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.len() == DAY_LEN
        && name.chars().enumerate().all(|(at, c)| if at == 4 || at == 7 { c == '-' } else { c.is_ascii_digit() })
}

fn failed(path: &Path, error: &std::io::Error) -> SyncError {
    SyncError::Cache { path: path.display().to_string(), why: os_error::why(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(exchange: &str) -> Request {
        Request { path: "crypto/symbol", exchange: Some(exchange.to_owned()) }
    }

    #[test]
    fn each_day_and_address_is_separate() {
        let home = tempfile::tempdir().unwrap();
        let open = |now_ms, url| Cache::open(home.path(), now_ms, url).unwrap();
        let cache = open(86_400_000, "http://a/");
        cache.put(&request("IC MARKETS/.."), b"[1]").unwrap();
        assert_eq!(cache.get(&request("IC MARKETS/..")).unwrap(), b"[1]");
        assert_eq!(open(2 * 86_400_000 - 1, "http://a/").get(&request("IC MARKETS/..")).unwrap(), b"[1]");
        assert_eq!(cache.get(&request("OANDA")), None);
        assert_eq!(open(86_400_000, "http://b/").get(&request("IC MARKETS/..")), None);
        assert_eq!(open(2 * 86_400_000, "http://a/").get(&request("IC MARKETS/..")), None);
    }

    #[test]
    fn only_responses_of_other_days_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let old = Cache::open(home.path(), 0, "http://a/").unwrap();
        old.put(&request("X"), b"[]").unwrap();
        let new = Cache::open(home.path(), 86_400_000, "http://a/").unwrap();
        new.put(&request("X"), b"[]").unwrap();
        let (photos, letter) = (home.path().join("1999-12-31"), home.path().join("1969-07-20"));
        fs::create_dir_all(photos.join("trip")).unwrap();
        fs::write(photos.join("trip/a.jpg"), b"").unwrap();
        fs::create_dir_all(&letter).unwrap();
        fs::write(letter.join("a.json"), b"").unwrap();
        new.forget_other_days();
        assert_eq!((old.get(&request("X")), new.get(&request("X"))), (None, Some(b"[]".to_vec())));
        assert!(!home.path().join("1970-01-01").exists());
        assert!(photos.join("trip/a.jpg").exists() && letter.join("a.json").exists());
    }
}
