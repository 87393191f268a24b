//! What `caIssuers` addresses gave before, for the day on which they give nothing.
//!
//! It never spares a fetch: an address is always asked, and reported as it is today. What is kept only lets the
//! diagnosis go on where the address is dead, with the date it is from. A client has no such cache, so no client's verdict
//! is made from it.
//!
//! One file an address, named by the SHA-256 of the address; every file says what address it is of. Nothing in the folder
//! is trusted: a file that is too large, too old, of another address or not what it should be is as good as none.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::MAX_CERTIFICATES;
use crate::model::time::{DAY, Time};
use crate::observe::folder::{Folder, Limits};
use crate::x509::{Certificate, Fingerprint};

const LIMITS: Limits = Limits {
    // What is fetched at most, in base64, and its frame.
    file: 128 * 1024,
    // All public CAs together have about 2 000 addresses; one machine meets few of them.
    files: 256,
    total: 4 * 1024 * 1024,
};

/// Seconds an entry is used. Intermediates live for years; one that was not seen for so long has probably been replaced.
const MAX_AGE: i64 = 180 * DAY;

/// Seconds after which an entry is written again though its certificates are the same, so that its date stays true.
const REFRESH: i64 = DAY;

/// The folder. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: Folder,
}

/// One file.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    url: String,
    fetched_at: Time,
    /// DER in base64.
    certificates: Vec<String>,
}

/// What was kept of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub fetched_at: Time,
    /// DER of each; every one parses.
    pub certificates: Vec<Vec<u8>>,
}

impl Cache {
    /// `folder` need not exist. It is made when there is something to keep, readable by its owner alone: addresses tell
    /// whom one has looked at.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder: Folder::new(folder, LIMITS) }
    }

    /// What `url` gave before `now`, if that is known and not too old.
    pub fn read(&self, url: &str, now: Time) -> Option<Kept> {
        let bytes = self.folder.read(&file(url))?;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        let age = now.since(entry.fetched_at);
        if entry.url != url || !(0..=MAX_AGE).contains(&age) || entry.certificates.len() > MAX_CERTIFICATES {
            return None;
        }
        let decoded = entry.certificates.iter().map(|text| STANDARD.decode(text).ok());
        let certificates: Vec<Vec<u8>> = decoded.collect::<Option<_>>()?;
        let sound = !certificates.is_empty() && certificates.iter().all(|der| Certificate::parse(der).is_ok());
        sound.then_some(Kept { fetched_at: entry.fetched_at, certificates })
    }

    /// Keeps what `url` gave at `now`. A cache that cannot be written is no cache, and nobody's error.
    pub fn write(&self, url: &str, certificates: &[Vec<u8>], now: Time) {
        let known = self.read(url, now);
        if known.is_some_and(|kept| kept.certificates == certificates && now.since(kept.fetched_at) < REFRESH) {
            return;
        }
        let entry = Entry {
            url: url.to_owned(),
            fetched_at: now,
            certificates: certificates.iter().map(|der| STANDARD.encode(der)).collect(),
        };
        if let Ok(bytes) = serde_json::to_vec(&entry) {
            self.folder.write(&file(url), &[&bytes]);
        }
    }
}

fn file(url: &str) -> String {
    format!("{}.json", Fingerprint::of(url.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    const URL: &str = "http://ca.example/1.cer";

    fn now() -> Time {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn certificate(name: &str) -> Vec<u8> {
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.der().to_vec()
    }

    fn empty() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("deep/aia"));
        (folder, cache)
    }

    #[test]
    fn what_is_kept_comes_back_with_its_date_until_it_is_old() {
        let (_folder, cache) = empty();
        assert_eq!(cache.read(URL, now()), None);
        let ders = vec![certificate("a.test"), certificate("b.test")];
        cache.write(URL, &ders, now());
        let kept = Kept { fetched_at: now(), certificates: ders.clone() };
        assert_eq!(cache.read(URL, now().plus(MAX_AGE)), Some(kept.clone()));
        assert_eq!(cache.read(URL, now().plus(MAX_AGE + 1)), None);
        assert_eq!(cache.read(URL, now().plus(-1)), None, "a clock that went back");
        assert_eq!(cache.read("http://ca.example/2.cer", now()), None);
        cache.write(URL, &ders, now().plus(60));
        assert_eq!(cache.read(URL, now().plus(60)), Some(kept), "the same again is not written again");
        cache.write(URL, &ders, now().plus(REFRESH));
        assert_eq!(cache.read(URL, now().plus(REFRESH)).unwrap().fetched_at, now().plus(REFRESH));
        cache.write(URL, &ders[..1], now().plus(REFRESH));
        assert_eq!(cache.read(URL, now().plus(REFRESH)).unwrap().certificates, ders[..1]);
    }

    #[test]
    fn nothing_in_the_folder_is_trusted() {
        let (_folder, cache) = empty();
        let der = certificate("a.test");
        cache.write(URL, std::slice::from_ref(&der), now());
        let file = cache.folder.file(&file(URL));
        let good = fs::read_to_string(&file).unwrap();
        let too_many = serde_json::to_string(&Entry {
            url: URL.to_owned(),
            fetched_at: now(),
            certificates: vec![STANDARD.encode(&der); MAX_CERTIFICATES + 1],
        });
        for bad in [
            String::new(),
            good[..good.len() / 2].to_owned(),
            good.replace("ca.example/1", "ca.example/2"),
            good.replace("\"certificates\":[\"", "\"certificates\":[\"*"),
            good.replace("\"certificates\":[\"", "\"certificates\":[\"AAAA"),
            good.replace(&STANDARD.encode(&der), "AAAA"),
            format!("{}{good}", " ".repeat(LIMITS.file as usize)),
            "[".repeat(10_000),
            too_many.unwrap(),
        ] {
            fs::write(&file, bad).unwrap();
            assert_eq!(cache.read(URL, now()), None);
        }
        fs::write(&file, &good).unwrap();
        assert!(cache.read(URL, now()).is_some());
    }

    #[cfg(unix)]
    #[test]
    fn links_and_folders_are_not_opened() {
        use std::os::unix::fs::PermissionsExt as _;

        let (folder, cache) = empty();
        cache.write(URL, &[certificate("a.test")], now());
        assert_eq!(fs::metadata(cache.folder.file("")).unwrap().permissions().mode() & 0o777, 0o700);
        let (file, elsewhere) = (cache.folder.file(&file(URL)), folder.path().join("elsewhere"));
        fs::rename(&file, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        assert_eq!(cache.read(URL, now()), None);
        cache.write(URL, &[certificate("b.test")], now());
        assert!(fs::symlink_metadata(&file).unwrap().is_file(), "the link is replaced, not followed");
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert_eq!(cache.read(URL, now()), None);
        cache.write(URL, &[certificate("b.test")], now());
    }

    #[test]
    fn the_oldest_go_first_when_there_are_too_many() {
        let (_folder, cache) = empty();
        let der = certificate("a.test");
        cache.write(URL, std::slice::from_ref(&der), now());
        let first = fs::metadata(cache.folder.file(&file(URL))).unwrap().modified().unwrap();
        for n in 0..LIMITS.files {
            let file = cache.folder.file(&format!("{n}.json"));
            fs::write(&file, "x").unwrap();
            let later = first + std::time::Duration::from_secs(1 + n as u64);
            File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
        }
        cache.folder.trim();
        assert_eq!(fs::read_dir(cache.folder.file("")).unwrap().count(), LIMITS.files);
        assert_eq!(cache.read(URL, now()), None, "the oldest is gone");
        fs::write(cache.folder.file("large.json"), vec![0; LIMITS.total as usize + 1]).unwrap();
        cache.folder.trim();
        let left: u64 =
            fs::read_dir(cache.folder.file("")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(left <= LIMITS.total);
    }
}
