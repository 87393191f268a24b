//! Roots that are trusted for what was issued before a day only: the roots are the real ones, the end entities ours, since
//! what is asked is a matter of dates.

use std::sync::Arc;

use tlsmend::judge::case::{Case, View};
use tlsmend::judge::name::Name;
use tlsmend::judge::pool::Pool;
use tlsmend::judge::stores::distrust::{self, Ruling};
use tlsmend::judge::stores::{StoreId, mozilla};
use tlsmend::lab::pki::Pki;
use tlsmend::model::time::Time;
use tlsmend::x509::sct::Sct;
use tlsmend::x509::{Certificate, certificates_in};

use crate::suites;
use crate::support::skip;

/// The word for the ruling on a certificate valid from `from`, under the root of Mozilla's list that is called `root`.
fn ruling(root: &str, from: &str, view: View<'_>) -> &'static str {
    let issued = Pki::new("distrust", from.parse::<Time>().unwrap()).root("Root").valid(0, 90).issue().unwrap();
    let root = mozilla::all().find(|found| found.subject.short() == root).unwrap();
    let mut pool = Pool::default();
    let path = [pool.intern(Arc::new(Certificate::parse(issued.der()).unwrap())), pool.intern(root)];
    let reference = "shop.example.com".parse().unwrap();
    let case = Case {
        pool: &pool,
        served: &path[..1],
        unparsable: &[],
        served_bytes: 0,
        reference: Name::new(&reference),
        any_name: false,
        view,
        port: 443,
        at: from.parse().unwrap(),
        ocsp_staple: None,
        timestamps: None,
        tls: None,
        failure: None,
        choice: None,
        hellos: &[],
        fetched: &[],
        asked: None,
    };
    match distrust::of_path(&case, &path) {
        None => "trusted",
        Some(Ruling::Distrusted(_)) => "distrusted",
        Some(Ruling::NotKnown(_)) => "not known",
    }
}

#[test]
fn a_day_divides_old_certificates_from_new_ones() {
    let own = |store| View { own_stores: true, store: Some(store), ..View::default() };
    for (root, from, store, expected) in [
        ("Izenpe.com", "2026-04-15T12:00:00Z", StoreId::Mozilla, "trusted"),
        ("Izenpe.com", "2026-04-16T12:00:00Z", StoreId::Mozilla, "distrusted"),
        ("Izenpe.com", "2026-04-16T12:00:00Z", StoreId::Chrome, "trusted"),
        ("Izenpe.com", "2026-04-16T12:00:00Z", StoreId::WebpkiRoots, "trusted"),
        ("ISRG Root X1", "2026-04-16T12:00:00Z", StoreId::Mozilla, "trusted"),
        // Chrome asks for timestamps, and this certificate has none.
        ("HiPKI Root CA - G1", "2026-04-16T12:00:00Z", StoreId::Chrome, "not known"),
        ("HiPKI Root CA - G1", "2026-04-16T12:00:00Z", StoreId::Mozilla, "trusted"),
    ] {
        assert_eq!(ruling(root, from, own(store)), expected, "{root} {from} {store}");
    }
    let named_by_the_user = View { own_stores: false, ..own(StoreId::Mozilla) };
    assert_eq!(ruling("Izenpe.com", "2026-04-16T12:00:00Z", named_by_the_user), "trusted");
}

/// Timestamps stand in nearly every public certificate, from the hours around its notBefore.
#[test]
fn timestamps_of_real_certificates_are_read() {
    #[derive(serde::Deserialize)]
    struct Leaf {
        peer_certificate: String,
    }
    let Some(cases) = suites::cases::<Leaf>("real-dev") else {
        return skip("the test suites are not beside this checkout");
    };
    let (mut read, mut near) = (0, 0);
    for case in cases {
        let certificate = Certificate::parse(&certificates_in(case.peer_certificate.as_bytes()).unwrap()[0]).unwrap();
        if let Some(earliest) = certificate.extensions.scts.iter().map(Sct::at).min() {
            read += 1;
            near += usize::from(earliest.since(certificate.not_before).abs() < 3 * 86_400);
        }
    }
    assert!(read > 500 && near * 10 > read * 9, "{near} of {read}");
}
