//! Java programs that fetch missing issuers: `com.sun.security.enableAIAcaIssuers=true`.

use super::java;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::stores::{StoreId, Trust};

pub const CLIENT: Client = Client {
    id: "java-aia",
    name: "Java with AIA",
    versions: "OpenJDK 17.0.21",
    measured: true,
    fetches_issuers: true,
    hello: Some(java::HELLO),
    trust: Trust::of(StoreId::Java),
    notes: &[
        "Needs -Dcom.sun.security.enableAIAcaIssuers=true and, since the updates of 2026, \
         -Dcom.sun.security.allowedAIALocations too.",
        "Fetches only while it searches: a chain that is sent in order and ends below an anchor's name is validated as it \
         is, so an expired intermediate is not replaced.",
        "Everything else as java.",
    ],
    sources: &[
        "OpenJDK sun.security.provider.certpath (SunCertPathBuilder.build, ForwardBuilder.getMatchingCACerts, URICertStore)",
        "OpenJDK sun.security.validator.PKIXValidator",
        "measured on 2026-11-22",
    ],
    judge,
    handshake: java::handshake,
};

fn judge(case: &Case<'_>) -> Answer {
    java::judge_with(case, true)
}
