//! Small PKIs made at random from one seed: valid hierarchies, most with a fault or two.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use tlsmend::model::time::{DAY, Time};

/// xorshift64*: the same numbers in every run, so that a failure can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// The name the end entity is asked for.
pub const HOST: &str = "www.shop.example.com";

/// A served chain and the root to trust.
pub struct RandomPki {
    pub root: Vec<u8>,
    /// End entity first, then intermediates, in order unless chance says otherwise.
    pub served: Vec<Vec<u8>>,
    /// A CA certificate that has nothing to do with the rest.
    pub stranger: Vec<u8>,
}

fn ca(name: &str, random: &mut Random, at: Time) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "random");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = match random.below(12) {
        0 => IsCa::ExplicitNoCa,
        1 => IsCa::NoCa,
        2 => IsCa::Ca(BasicConstraints::Constrained(0)),
        3 => IsCa::Ca(BasicConstraints::Constrained(1)),
        _ => IsCa::Ca(BasicConstraints::Unconstrained),
    };
    params.key_usages = match random.below(12) {
        0 => vec![KeyUsagePurpose::CrlSign],
        1 => vec![],
        _ => vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
    };
    params.extended_key_usages = match random.below(8) {
        0 => vec![ExtendedKeyUsagePurpose::ClientAuth],
        1 => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        _ => vec![],
    };
    if random.once_in(6) {
        let subtree = |random: &mut Random| {
            GeneralSubtree::DnsName(
                ["example.com", "shop.example.com", "example.org", "other.example.com"][random.below(4)].to_owned(),
            )
        };
        let (permitted, excluded) = (random.once_in(2), random.once_in(2));
        let permitted_subtrees = if permitted { vec![subtree(random)] } else { vec![] };
        let excluded_subtrees = if excluded || !permitted { vec![subtree(random)] } else { vec![] };
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees });
    }
    params.use_authority_key_identifier_extension = true;
    dates(&mut params, random, at);
    params
}

fn dates(params: &mut CertificateParams, random: &mut Random, at: Time) {
    let (from, to) = match random.below(14) {
        0 => (-90, -2),
        1 => (3, 90),
        _ => (-30, 60),
    };
    params.not_before = at.plus(from * DAY).to_datetime();
    params.not_after = at.plus(to * DAY).to_datetime();
}

impl RandomPki {
    pub fn new(random: &mut Random, at: Time) -> Self {
        let key = || KeyPair::generate().unwrap();
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, "random root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        root.not_before = at.plus(-900 * DAY).to_datetime();
        root.not_after = at.plus(900 * DAY).to_datetime();
        let root_key = key();
        let root_der = root.self_signed(&root_key).unwrap().der().to_vec();

        let mut above = (root.clone(), root_key);
        let mut intermediates = Vec::new();
        for level in 0..random.below(4) {
            let params = ca(&format!("random intermediate {level}"), random, at);
            let own = key();
            let issuer = Issuer::from_params(&above.0, &above.1);
            intermediates.insert(0, params.signed_by(&own, &issuer).unwrap().der().to_vec());
            above = (params, own);
        }

        let name = match random.below(6) {
            0 => "*.shop.example.com",
            1 => "*.example.com",
            2 => "shop.example.com",
            _ => HOST,
        };
        let mut site = CertificateParams::new(vec![name.to_owned()]).unwrap();
        site.distinguished_name.push(DnType::CommonName, "random site");
        site.is_ca = if random.once_in(14) { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        site.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        site.extended_key_usages = match random.below(10) {
            0 => vec![ExtendedKeyUsagePurpose::ClientAuth],
            1 => vec![],
            _ => vec![ExtendedKeyUsagePurpose::ServerAuth],
        };
        if random.once_in(14) {
            let mut unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 9], vec![5, 0]);
            unknown.set_criticality(true);
            site.custom_extensions.push(unknown);
        }
        site.use_authority_key_identifier_extension = true;
        dates(&mut site, random, at);
        let issuer = Issuer::from_params(&above.0, &above.1);
        let mut served = vec![site.signed_by(&key(), &issuer).unwrap().der().to_vec()];
        served.extend(intermediates);
        if served.len() > 1 && random.once_in(8) {
            served.remove(1 + random.below(served.len() - 1));
        }
        let stranger_key = key();
        let mut stranger = root;
        stranger.distinguished_name.push(DnType::CommonName, "random stranger");
        Self { root: root_der, served, stranger: stranger.self_signed(&stranger_key).unwrap().der().to_vec() }
    }
}

/// The same damage in every run, so that a failure can be repeated.
pub struct Damage(pub Random);

impl Damage {
    /// Flips, overwrites, removes or repeats a few octets.
    pub fn to(&mut self, der: &[u8]) -> Vec<u8> {
        let mut damaged = der.to_vec();
        for _ in 0..=self.0.below(4) {
            let at = self.0.below(damaged.len());
            match self.0.below(5) {
                0 => damaged[at] ^= 1 << self.0.below(8),
                1 => damaged[at] = [0x00, 0x7f, 0x80, 0xff][self.0.below(4)],
                2 => damaged[at] = u8::try_from(self.0.below(256)).unwrap(),
                3 if damaged.len() > 64 => drop(damaged.drain(at..(at + 1 + self.0.below(8)).min(damaged.len()))),
                _ => damaged.insert(at, damaged[at]),
            }
        }
        damaged
    }
}
