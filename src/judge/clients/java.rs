//! stub

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::model::handshake::Failure;

pub const CLIENT: Client = Client {
    id: "java",
    name: "Java",
    versions: "",
    measured: true,
    fetches_issuers: false,
    notes: &[],
    sources: &[],
    judge,
    handshake,
};

fn judge(_case: &Case<'_>) -> Answer {
    Answer::undetermined("stub")
}

fn handshake(_failure: &Failure, _case: &Case<'_>) -> Option<Answer> {
    None
}
