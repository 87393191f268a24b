//! The emulator's own CA: it issues what is created in the guides' dialect and what is ordered in the real one's.

use super::certificates::{Stored, StoredKey, chain};
use super::message::Refusal;
use super::seed::Origin;
use super::state::{Call, State};
use crate::lab::pki::{Issued, Pki, PkiError};
use crate::model::time::Time;

/// Where the CA's intermediate can be fetched, below the emulator's address.
pub(super) const INTERMEDIATE: &str = "/ca/intermediate.cer";

#[derive(Debug)]
pub(super) struct Authority {
    pub root: Issued,
    pub intermediate: Issued,
    url: String,
}

impl Authority {
    pub fn new(at: Time, endpoint: &str) -> Result<Self, PkiError> {
        let root = Pki::new("Emulated service", at).root("Root").issue()?;
        let intermediate = root.intermediate("Intermediate").issue()?;
        Ok(Self { root, intermediate, url: format!("{endpoint}{INTERMEDIATE}") })
    }

    /// A certificate for `names` with a new key.
    pub fn issue(&self, names: &[&str]) -> Result<Issued, PkiError> {
        let first = names.first().copied().unwrap_or_default();
        self.intermediate.end_entity(first).names(names).ca_issuers(&self.url).issue()
    }
}

impl State {
    /// Puts what the CA issued into the store, as `pem` and with its key.
    pub(super) fn store_issued(
        &mut self,
        issued: &Issued,
        pem: String,
        origin: Origin,
        call: &Call,
    ) -> Result<&mut Stored, Refusal> {
        let unreadable = || Refusal::new(500, "InternalError", "The issued certificate cannot be read.");
        let chain = chain(&pem).map_err(|_| unreadable())?;
        let key = StoredKey::from_der(issued.key_der()).ok_or_else(unreadable)?;
        let id = self.ids.certificate.next(call);
        let mut stored =
            Stored { id, guide_id: None, name: String::new(), chain, pem, key: Some(key), origin, tags: Vec::new() };
        stored.name = format!("{}-{id}", stored.names().first().copied().unwrap_or("certificate"));
        // New ids are above all that were given.
        Ok(self.certificates.entry(id).or_insert(stored))
    }
}
