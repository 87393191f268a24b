//! Microsoft Edge: Chromium's verifier over Microsoft's roots.

use super::chrome;
use crate::judge::client::Client;
use crate::judge::stores::{StoreId, Trust};

pub const CLIENT: Client = Client {
    id: "edge",
    name: "Edge",
    versions: "Edge 156 on Windows and macOS",
    measured: false,
    fetches_issuers: true,
    hello: Some(chrome::HELLO),
    trust: Trust::of(StoreId::Microsoft),
    notes: &[
        "not measured: Chromium's verifier, which Edge ships since version 109, as measured with Chromium",
        "its roots are Microsoft's Trusted Root Program, not the Chrome Root Store; its code says NET::ERR_… as Chrome's does",
        "the roots that the user or an administrator added to Windows count too",
        "Microsoft's list covers all uses: a root that no other store has may not be for TLS",
    ],
    sources: &[
        "learn.microsoft.com: deployedge/microsoft-edge-security-cert-verification, policy MicrosoftRootStoreEnabled",
        "the sources of chrome",
    ],
    judge: chrome::judge,
    handshake: chrome::handshake,
};
