//! What must never be seen: private keys, access keys, tokens.

use zeroize::Zeroizing;

/// A text that cannot be printed, compared or serialised, and is wiped when it is dropped. It has neither `Debug` nor
/// `Display` nor `Serialize`, and so has nothing that holds it: what would print it does not compile.
///
/// ```compile_fail
/// println!("{:?}", tlsmend::remedy::secret::Secret::new("no"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Only for signing, and for the body of the one request it belongs in.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
