//! Roots that are trusted for certificates issued before a day only.

use super::StoreId;
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::time::{DAY, Time};
use crate::x509::sct::Sct;

/// Roots of one owner that a store trusts for what was issued until a moment.
#[derive(Debug)]
pub struct Distrust {
    pub store: StoreId,
    /// The word of the store's policy for the owner.
    pub owner: &'static str,
    /// The last day, `2024-11-11`, as the client's message writes it.
    pub day: &'static str,
    /// Its last second (UTC).
    last: i64,
    by: IssuedBy,
    /// SHA-256 of the roots, 64 hex digits.
    roots: &'static [&'static str],
}

/// Which date says when a certificate was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IssuedBy {
    NotBefore,
    /// The earliest of the signed certificate timestamps (RFC 6962).
    Timestamps,
}

/// What of it applies.
#[derive(Debug, Clone, Copy)]
pub enum Ruling {
    Distrusted(&'static Distrust),
    /// The certificate carries no timestamps that could be read; the handshake may have.
    NotKnown(&'static Distrust),
}

/// One entry a store and owner.
///
/// Mozilla: CKA_NSS_SERVER_DISTRUST_AFTER in certdata.txt of 2026-05-01 (`IsDistrustedCertificateChain` in
/// NSSCertDBTrustDomain.cpp: notBefore later than it). Chrome: `sct_not_after_sec` in root_store.textproto. Java:
/// `jdk.security.caDistrustPolicies` (SymantecTLSPolicy, EntrustTLSPolicy, CamerfirmaTLSPolicy, ChunghwaTLSPolicy: the day
/// of notBefore in UTC is after it). Roots that a store has removed since are refused before this is asked.
const ALL: &[Distrust] = &[
    Distrust {
        store: StoreId::Mozilla,
        owner: "Entrust",
        day: "2024-11-30",
        last: 1_733_011_199,
        by: IssuedBy::NotBefore,
        roots: ENTRUST,
    },
    Distrust {
        store: StoreId::Mozilla,
        owner: "Chunghwa Telecom",
        day: "2025-04-15",
        last: 1_744_761_599,
        by: IssuedBy::NotBefore,
        roots: EPKI,
    },
    Distrust {
        store: StoreId::Mozilla,
        owner: "Izenpe",
        day: "2026-04-15",
        last: 1_776_297_599,
        by: IssuedBy::NotBefore,
        // Izenpe.com
        roots: &["2530cc8e98321502bad96f9b1fba1b099e2d299e0f4548bb914f363bc0d4531f"],
    },
    Distrust {
        store: StoreId::Chrome,
        owner: "Entrust",
        day: "2024-11-11",
        last: 1_731_369_599,
        by: IssuedBy::Timestamps,
        roots: ENTRUST,
    },
    Distrust {
        store: StoreId::Chrome,
        owner: "Chunghwa Telecom",
        day: "2025-07-31",
        last: 1_754_006_399,
        by: IssuedBy::Timestamps,
        roots: EPKI,
    },
    Distrust {
        store: StoreId::Chrome,
        owner: "Chunghwa Telecom",
        day: "2025-07-31",
        last: 1_754_006_399,
        by: IssuedBy::Timestamps,
        // HiPKI Root CA - G1
        roots: &["f015ce3cc239bfef064be9f1d2c417e1a0264a0a94be1f0c8d121864eb6949cc"],
    },
    Distrust {
        store: StoreId::Java,
        owner: "Symantec",
        day: "2019-04-16",
        last: 1_555_459_199,
        by: IssuedBy::NotBefore,
        roots: SYMANTEC,
    },
    Distrust {
        store: StoreId::Java,
        owner: "Entrust",
        day: "2024-11-11",
        last: 1_731_369_599,
        by: IssuedBy::NotBefore,
        roots: ENTRUST,
    },
    Distrust {
        store: StoreId::Java,
        owner: "Camerfirma",
        day: "2025-04-15",
        last: 1_744_761_599,
        by: IssuedBy::NotBefore,
        roots: CAMERFIRMA,
    },
    Distrust {
        store: StoreId::Java,
        owner: "Chunghwa",
        day: "2026-03-17",
        last: 1_773_791_999,
        by: IssuedBy::NotBefore,
        roots: EPKI,
    },
];

/// Entrust Root, EC1, G2, G4, 2048, and the four of AffirmTrust.
const ENTRUST: &[&str] = &[
    "73c176434f1bc6d5adf45b0e76e727287c8de57616c1e6e6141a2b2cbc7d8e4c",
    "02ed0eb28c14da45165c566791700d6451d7fb56f0b2ab1d3b8eb070e56edff5",
    "43df5774b03e7fef5fe40d931a7bedf1bb2e6b42738c4e6d3841103d3aa7f339",
    "db3517d1f6732a2d5ab97c533ec70779ee3270a62fb4ac4238372460e6f01e88",
    "6dc47172e01cbcb0bf62580d895fe2b8ac9ad4f873801e0c10b9c837d21eb177",
    "0376ab1d54c5f9803ce4b2e201a0ee7eef7b57b636e8a93c9b8d4860c96f5fa7",
    "0a81ec5a929777f145904af38d5d509f66b5e2c58fcdb531058b0e17f3f0b41b",
    "70a73f7f376b60074248904534b11482d5bf0e698ecc498df52577ebf2e93b9a",
    "bd71fdf6da97e4cf62d1647add2581b07d79adf8397eb4ecba9c5e8488821423",
];

/// ePKI Root Certification Authority.
const EPKI: &[&str] = &["c0a6f4dc63a24bfdcf54ef2a6a082a0a72de35803e2ff5ff527ae5d87206dfd5"];

/// Chambers of Commerce Root, the one of 2008, Global Chambersign Root 2008.
const CAMERFIRMA: &[&str] = &[
    "0c258a12a5674aef25f28ba7dcfaeceea348e541e6f5cc4ee63b71b361606ac3",
    "063e4afac491dfd332f3089b8542e94617d893d7fe944e10a7937ee29d9693c0",
    "136335439334a7698016a0d324de72284e079d7b5220bb8fbd747816eebebaca",
];

/// GeoTrust, thawte and VeriSign.
const SYMANTEC: &[&str] = &[
    "ff856a2d251dcd88d36656f450126798cfabaade40799c722de4d2b5db36a73a",
    "37d51006c512eaab626421f1ec8c92013fc5f82ae98ee533eb4619b8deb4d06c",
    "5edb7ac43b82a06a8761e8d7be4979ebf2611f7dd79bf91c1c6b566a219ed766",
    "b478b812250df878635c2aa7ec7d155eaa625ee82916e2cd294361886cd1fbd4",
    "a0459b9f63b22559f5fa5d4c6db3f9f72ff19342033578f073bf1d1b46cbb912",
    "8d722f81a9c113c0791df136a2966db26c950a971db46b4199f4ea54b78bfb9f",
    "a4310d50af18a6447190372a86afaf8b951ffb431d837f1e5688b45971ed1557",
    "4b03f45807ad70f21bfc2cae71c9fde4604c064cf5ffb686bae5dbaad7fdd34c",
    "3f9f27d583204b9e09c8a3d2066c4b57d3a2479c3693650880505698105dbce9",
    "3a43e220fe7f3ea9653d1e21742eac2b75c20fd8980305bc502caf8c2d9b41a1",
    "a4b6b3996fc2f306b3fd8681bd63413d8c5009cc4fa329c2ccf0e2fa1b140305",
    "83ce3c1229688a593d485f81973c0f9195431eda37cc5e36430e79c7a888638b",
    "eb04cf5eb1f39afa762f2bb120f296cba520c1b97db1589565b81cb9a17b7244",
    "69ddd7ea90bb57c93e135dc85ea6fcd5480b603239bdc454fc758b2a26cf7f79",
    "9acfab7e43c8d880d06b262a94deeee4b4659989c3d0caf19baf6405e41ab7df",
    "2399561127a57125de8cefea610ddf2fa078b5c8067f4e828290bfb860e84b3c",
];

/// What the store of the case's client says of a path (end entity first, its root last) beyond having the root. Nothing where
/// the user named the roots.
pub fn of_path(case: &Case<'_>, path: &[CertId]) -> Option<Ruling> {
    let store = case.view.store.filter(|_| case.view.own_stores)?;
    let (end_entity, root) = (case.pool.get(*path.first()?), case.pool.get(*path.last()?));
    let of_store = ALL.iter().filter(|distrust| distrust.store == store);
    let fingerprint = root.fingerprint.to_string();
    let distrust = of_store.into_iter().find(|distrust| distrust.roots.contains(&fingerprint.as_str()))?;
    let last = Time::from_unix(distrust.last);
    match distrust.by {
        IssuedBy::NotBefore => (end_entity.not_before > last).then_some(Ruling::Distrusted(distrust)),
        IssuedBy::Timestamps => match end_entity.extensions.scts.iter().map(Sct::at).min() {
            None => Some(Ruling::NotKnown(distrust)),
            Some(earliest) => (earliest > last).then_some(Ruling::Distrusted(distrust)),
        },
    }
}

/// The moments that decide for some root.
pub fn moments() -> impl Iterator<Item = Time> {
    ALL.iter().map(|distrust| Time::from_unix(distrust.last))
}

/// Is the path distrusted for sure?
pub fn refuses(case: &Case<'_>, path: &[CertId]) -> bool {
    matches!(of_path(case, path), Some(Ruling::Distrusted(_)))
}

/// A list taken longer ago than this cannot show that a root is missing: programs add roots several times a year.
const LIST_AGE: i64 = 366 * DAY;

/// Was the list of `store`, taken on `date`, old at `at`?
pub fn is_old(date: &str, at: Time) -> bool {
    let taken: Option<Time> = format!("{date}T00:00:00Z").parse().ok();
    taken.is_none_or(|taken| at.since(taken) > LIST_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_is_that_of_the_day() {
        for distrust in ALL {
            assert_eq!(Time::from_unix(distrust.last).to_string(), format!("{}T23:59:59Z", distrust.day));
            assert!(distrust.roots.iter().all(|root| root.len() == 64));
        }
    }

    #[test]
    fn a_list_grows_old() {
        assert!(is_old("2022-01-23", "2026-11-22T00:00:00Z".parse().unwrap()));
        assert!(!is_old("2026-06-21", "2026-11-22T00:00:00Z".parse().unwrap()));
    }
}
