//! What the fuzzer is given: the reader of an answer, without a socket.

use hickory_proto::op::Message;
use hickory_proto::rr::Name;

use super::answer::{MAX_ALIASES, Walk, text};

/// Reads `answer` as that to a question for `www.example.com`.
///
/// # Panics
///
/// When the walk is longer than it may be, or a name would reach a terminal as it is.
pub fn read(answer: &[u8]) {
    let (Ok(message), Ok(name)) = (Message::from_vec(answer), Name::from_ascii("www.example.com.")) else { return };
    let walk = Walk::along(&name, &message.answers);
    assert!(walk.aliases.len() <= MAX_ALIASES + 1);
    let shown: String = walk.aliases.iter().map(|(owner, target, _)| text(owner) + &text(target)).collect();
    assert!(!shown.chars().any(char::is_control));
}
