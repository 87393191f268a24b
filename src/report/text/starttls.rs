//! What was said in plain text before TLS.

use super::screen::{Paint, Screen, paint};
use crate::model::report::Endpoint;

/// With `-v`; that something was wrong is a finding.
pub fn draw(endpoint: &Endpoint, screen: &mut Screen) {
    let Some(said) = &endpoint.starttls else { return };
    let offers = (!said.offers.is_empty()).then(|| said.offers.join(", "));
    let lines = [
        ("greeting", said.greeting.as_ref()),
        ("offers", offers.as_ref()),
        ("asked for TLS, it says", said.reply.as_ref()),
        ("and then, still in plain text", said.plaintext_after.as_ref()),
    ];
    for (what, text) in lines.into_iter().filter_map(|(what, text)| Some((what, text?))) {
        screen.entry("    ", "      ", &[paint(Paint::Dim, format!("{what}: {text}"))]);
    }
}
