//! Trust stores as data with dates: which client program trusts which root, since when no longer, and which intermediates
//! come with it.
//!
//! Mozilla's certificates are those of the crate webpki-root-certs. The other lists are compact tables of fingerprints
//! ([`table`]); a root that only they have is known by its fingerprint until `tlsmend stores update` brought its
//! certificate ([`update`]). Nothing is parsed before a name that was met asks for it.

pub mod ccadb;
pub mod distrust;
pub mod doubt;
pub mod mozilla;
pub mod table;
pub mod update;

use std::fmt;

/// A list of roots that programs ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoreId {
    Mozilla,
    WebpkiRoots,
    Chrome,
    Apple,
    Android,
    Microsoft,
    Java,
}

/// What is known of a store beside its roots.
#[derive(Debug)]
pub struct StoreFacts {
    pub id: &'static str,
    pub name: &'static str,
    /// The day the list was taken, `2026-10-23`.
    pub date: &'static str,
    /// Where it was taken from.
    pub source: &'static str,
}

impl StoreId {
    /// In the order reports list them; where several stores have a root, the first gives the path its provenance.
    pub const ALL: [Self; 7] =
        [Self::Mozilla, Self::WebpkiRoots, Self::Chrome, Self::Apple, Self::Android, Self::Microsoft, Self::Java];

    /// Change the dates of the first two with the versions in Cargo.lock, those of the others with `roots.txt`.
    pub const fn facts(self) -> &'static StoreFacts {
        match self {
            Self::Mozilla => &StoreFacts {
                id: "mozilla",
                name: "Mozilla (NSS, and what Linux distributions, Python and Node.js make of it)",
                date: "2026-10-23",
                source: "crate webpki-root-certs 1.0.11, from Mozilla's report in CCADB",
            },
            Self::WebpkiRoots => &StoreFacts {
                id: "webpki-roots",
                name: "webpki-roots (rustls programs)",
                date: "2026-10-19",
                source: "crate webpki-roots 1.0.10, from Mozilla's report in CCADB",
            },
            Self::Chrome => &StoreFacts {
                id: "chrome",
                name: "Chrome Root Store",
                date: "2026-11-01",
                source: "compiled into Chromium 156.0.8078.79",
            },
            Self::Apple => &StoreFacts {
                id: "apple",
                name: "Apple (iOS, macOS)",
                date: "2025-12-28",
                source: "Apple's list for iOS 26 and macOS 26",
            },
            Self::Android => {
                &StoreFacts { id: "android", name: "Android", date: "2026-06-21", source: "AOSP, Android 17.0.0_r1" }
            }
            Self::Microsoft => &StoreFacts {
                id: "microsoft",
                name: "Microsoft Trusted Root Program",
                date: "2026-07-19",
                source: "Microsoft's report in CCADB, which covers all uses",
            },
            Self::Java => &StoreFacts {
                id: "java",
                name: "OpenJDK cacerts",
                date: "2022-01-23",
                source: "JDK 17.0.2, with the roots that JDK releases added and removed until 2025",
            },
        }
    }

    pub const fn id(self) -> &'static str {
        self.facts().id
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Some of the stores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreSet(u8);

impl StoreSet {
    pub const EMPTY: Self = Self(0);
    /// A user's own roots stand for every client's store.
    pub const ALL: Self = Self(u8::MAX);

    pub const fn with(self, store: StoreId) -> Self {
        Self(self.0 | 1 << store as u8)
    }

    pub const fn contains(self, store: StoreId) -> bool {
        self.0 & (1 << store as u8) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = StoreId> {
        StoreId::ALL.into_iter().filter(move |&store| self.contains(store))
    }
}

/// Intermediates that a program knows beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownIssuers {
    /// Firefox downloads the intermediates that CAs disclose in CCADB (Remote Settings, `security-state/intermediates`).
    Firefox,
    /// Chromium compiles a few in, as trust anchors (`additional_certs` with `tls_trust_anchor` in `root_store.textproto`).
    Chromium,
}

/// What a client trusts and knows before a server says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trust {
    pub store: StoreId,
    pub known: Option<KnownIssuers>,
}

impl Trust {
    pub const fn of(store: StoreId) -> Self {
        Self { store, known: None }
    }

    pub const fn knowing(self, known: KnownIssuers) -> Self {
        Self { known: Some(known), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = StoreSet::EMPTY.with(StoreId::Chrome).with(StoreId::Java);
        assert_eq!(set.iter().collect::<Vec<_>>(), [StoreId::Chrome, StoreId::Java]);
        assert!(!set.contains(StoreId::Mozilla) && StoreSet::ALL.contains(StoreId::Java));
    }

    /// A wrong order would give a bit to another store.
    #[test]
    fn every_store_has_one_bit_and_one_id() {
        for (index, store) in StoreId::ALL.into_iter().enumerate() {
            assert_eq!(store as usize, index);
        }
    }
}
