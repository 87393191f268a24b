//! What judging costs beside one verification by rustls-webpki: `cargo bench --bench judge`.
//!
//! All in one process and one run, interleaved, medians; the ratios are what counts. P-256 keys, a chain of end entity and
//! intermediate, the root in the store.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tlsmend::judge::alike::{Alike, Known};
use tlsmend::judge::anchors::TrustAnchors;
use tlsmend::judge::memo::Memo;
use tlsmend::judge::stores::{mozilla, table};
use tlsmend::judge::{Settings, clients, judge, judge_with};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus};
use tlsmend::model::resolution::Resolution;
use tlsmend::model::target::Target;
use tlsmend::model::time::Time;
use tlsmend::x509::Certificate;

const ROUNDS: usize = 301;

struct Chain {
    root: Vec<u8>,
    served: Vec<Vec<u8>>,
    /// More end entities of the same intermediate, alike but for what is each one's own.
    others: Vec<Vec<u8>>,
}

fn chain() -> Chain {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    };
    let key = || KeyPair::generate().expect("a key can be made");
    let ca = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    };
    let (root_key, intermediate_key, site_key) = (key(), key(), key());
    let (root, intermediate) = (ca("bench root"), ca("bench intermediate"));
    let mut site = CertificateParams::new(vec!["www.example.com".to_owned(), "*.wildcard.example.com".to_owned()])
        .expect("plain names");
    site.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    site.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    site.use_authority_key_identifier_extension = true;
    let by_root = Issuer::from_params(&root, &root_key);
    let by_intermediate = Issuer::from_params(&intermediate, &intermediate_key);
    let der =
        |certificate: Result<rcgen::Certificate, rcgen::Error>| certificate.expect("it can be signed").der().to_vec();
    let other = |_| {
        let mut params = site.clone();
        params.is_ca = IsCa::ExplicitNoCa;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "www.example.com");
        // Half a day from whatever clients and rules count in whole days.
        let now = SystemTime::now();
        params.not_before = (now - Duration::from_secs(36 * 3_600)).into();
        params.not_after = (now + Duration::from_secs(88 * 86_400 + 12 * 3_600)).into();
        der(params.signed_by(&key(), &by_intermediate))
    };
    Chain {
        others: (0..ROUNDS).map(other).collect(),
        root: der(root.self_signed(&root_key)),
        served: vec![
            der(site.signed_by(&site_key, &by_intermediate)),
            der(intermediate.signed_by(&intermediate_key, &by_root)),
        ],
    }
}

fn evidence(chain: &Chain) -> Evidence {
    Evidence {
        reference: "www.example.com".parse().expect("a name"),
        resolution: Resolution::not_asked(["192.0.2.1".parse().expect("an address")]),
        endpoints: vec![EndpointEvidence {
            served_chain: chain.served.clone(),
            ..EndpointEvidence::new("192.0.2.1:443".parse().expect("an address"), EndpointStatus::Completed)
        }],
        files: None,
        revocation: None,
        aia: Vec::new(),
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let loading = timed(|| assert!(mozilla::all().count() > 100));
    let looking_up = timed(|| assert_eq!(mozilla::named(0).count() + table::roots_named(0).count(), 0));
    let chain = chain();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let root = Arc::new(Certificate::parse(&chain.root).expect("our own"));
    let settings = Settings {
        clients: clients::ALL.to_vec(),
        anchors: TrustAnchors::exactly(vec![root]),
        at: Time::from_unix(now.as_secs().cast_signed()),
        warn_days: None,
        expect_cname: None,
    };
    let evidence = evidence(&chain);
    let root = CertificateDer::from(chain.root.as_slice());
    let anchor = webpki::anchor_from_trusted_cert(&root).expect("our own");
    let (end_entity, intermediate) =
        (CertificateDer::from(chain.served[0].as_slice()), CertificateDer::from(chain.served[1].as_slice()));
    let name = ServerName::try_from("www.example.com").expect("a name");
    let (mut theirs, mut ours, mut one) = (Vec::new(), Vec::new(), Vec::new());
    let only_rustls = Settings { clients: vec![clients::find("rustls-aws").expect("modelled")], ..settings.clone() };
    for _ in 0..ROUNDS {
        theirs.push(timed(|| {
            let certificate = webpki::EndEntityCert::try_from(&end_entity).expect("our own");
            let usage = webpki::KeyUsage::server_auth();
            let (anchors, intermediates) = (std::slice::from_ref(&anchor), std::slice::from_ref(&intermediate));
            let at = UnixTime::since_unix_epoch(now);
            let path = certificate.verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                anchors,
                intermediates,
                at,
                usage,
                None,
                None,
            );
            assert!(path.is_ok() && certificate.verify_is_valid_for_subject_name(&name).is_ok());
        }));
        ours.push(timed(|| assert_eq!(judge(&evidence, &settings).deployments[0].answers.len(), clients::ALL.len())));
        one.push(timed(|| assert_eq!(judge(&evidence, &only_rustls).deployments[0].answers.len(), 1)));
    }
    let (theirs, ours, one) = (median(theirs), median(ours), median(one));
    let hosts = other_hosts(&evidence, &settings);
    let alike = end_entities_alike(&chain, &evidence, &settings);
    println!("parsing all of Mozilla's roots               {loading:>10.1?}");
    println!("looking up a name in all stores              {looking_up:>10.1?}");
    println!("rustls-webpki, one verification              {theirs:>10.1?}");
    println!(
        "tlsmend, diagnosis and one client            {one:>10.1?}  {:.2} x",
        one.as_secs_f64() / theirs.as_secs_f64()
    );
    println!(
        "tlsmend, diagnosis and all {} clients         {ours:>10.1?}  {:.2} x",
        clients::ALL.len(),
        ours.as_secs_f64() / theirs.as_secs_f64()
    );
    for (what, time) in hosts {
        println!("the same chain again, {what:21}  {time:>10.1?}");
    }
    println!(
        "a new end entity of a known CA               {alike:>10.1?}  {:.2} x",
        alike.as_secs_f64() / theirs.as_secs_f64()
    );
}

/// Finding again what was concluded of one end entity for others that are alike: one signature and the rest.
fn end_entities_alike(chain: &Chain, evidence: &Evidence, settings: &Settings) -> Duration {
    let target: Target = "www.example.com".parse().expect("a target");
    let with = |end_entity: &Vec<u8>| {
        let mut evidence = evidence.clone();
        evidence.endpoints[0].served_chain[0].clone_from(end_entity);
        evidence
    };
    let (first, others) = chain.others.split_first().expect("some");
    let first = with(first);
    let alike = Alike::default();
    let Known::Stranger(stranger) = alike.find(&target, &first, settings) else { panic!("it is ordinary") };
    alike.keep(*stranger, &target, &first, settings, &judge(&first, settings), ());
    let times = others.iter().map(|other| {
        let evidence = with(other);
        timed(|| assert!(matches!(alike.find(&target, &evidence, settings), Known::Alike(..))))
    });
    median(times.collect())
}

/// Judging one chain for all clients under names that a memo has not met, which the certificate is for or is not for.
fn other_hosts(evidence: &Evidence, settings: &Settings) -> [(&'static str, Duration); 3] {
    let memo = Memo::default();
    let under = |name: String| Evidence { reference: name.parse().expect("a name"), ..evidence.clone() };
    // A first name of each kind: the chain, and how its answers depend on the name, are known from here on.
    for first in ["www.example.com", "a.wildcard.example.com", "www.example.org"] {
        judge_with(&memo, &under(first.to_owned()), settings);
    }
    let median_of = |name: &dyn Fn(usize) -> String| {
        let times = (0..ROUNDS).map(|round| {
            let evidence = under(name(round));
            timed(|| {
                assert_eq!(judge_with(&memo, &evidence, settings).deployments[0].answers.len(), clients::ALL.len())
            })
        });
        median(times.collect())
    };
    [
        ("another good name", median_of(&|round| format!("host-{round}.wildcard.example.com"))),
        ("a name it is not for", median_of(&|round| format!("host-{round}.example.org"))),
        ("the same name", median_of(&|_| "www.example.com".to_owned())),
    ]
}
