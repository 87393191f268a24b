//! LDAP's StartTLS, an extended operation (RFC 4511 §4.14), in the little BER that it needs.

use super::dialogue::{Dialogue, Trouble};

const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0a;
const OCTET_STRING: u8 = 0x04;
/// [APPLICATION 23], its name in [0]; [APPLICATION 24]
const EXTENDED_REQUEST: u8 = 0x77;
const REQUEST_NAME: u8 = 0x80;
const EXTENDED_RESPONSE: u8 = 0x78;

pub(super) async fn ldap(dialogue: &mut Dialogue) -> Result<(), Trouble> {
    dialogue.send(&request()).await?;
    let begin = dialogue.octets(2).await?;
    if begin[0] != SEQUENCE {
        return Err(Trouble::Other);
    }
    let length = match begin[1] {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => {
            let octets = dialogue.octets(usize::from(long & 0x7f)).await?;
            octets.iter().fold(0, |length, &octet| (length << 8) | usize::from(octet))
        }
        _ => return Err(Trouble::Broken("a length of BER that LDAP forbids")),
    };
    let message = dialogue.octets(length).await?;
    let response = response(&message).ok_or(Trouble::Broken("its answer is no response to an extended request"))?;
    let text = format!("{} ({}) {}", result_name(response.code), response.code, response.diagnostic);
    match response.code {
        // A server that does not know the request says so with protocolError (§4.12).
        2 => Err(Trouble::NotOffered),
        code => dialogue.replied(text.trim(), code == 0),
    }
}

fn request() -> Vec<u8> {
    let name = element(REQUEST_NAME, START_TLS);
    let message_id = element(INTEGER, &[1]);
    element(SEQUENCE, &[message_id, element(EXTENDED_REQUEST, &name)].concat())
}

/// All our contents are shorter than 128 octets.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(contents.len()).unwrap_or_default()], contents].concat()
}

struct Response {
    code: u32,
    diagnostic: String,
}

fn response(message: &[u8]) -> Option<Response> {
    let (_, rest) = take(message, INTEGER)?;
    let (body, _) = take(rest, EXTENDED_RESPONSE)?;
    let (code, rest) = take(body, ENUMERATED)?;
    let (_, rest) = take(rest, OCTET_STRING)?; // matchedDN
    let (diagnostic, _) = take(rest, OCTET_STRING)?;
    if code.len() > 4 {
        return None;
    }
    let code = code.iter().fold(0, |code, &octet| (code << 8) | u32::from(octet));
    Some(Response { code, diagnostic: String::from_utf8_lossy(diagnostic).into_owned() })
}

/// The contents of the first element, which must have this tag, and what follows it.
fn take(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[first, length], rest) = bytes.split_first_chunk::<2>()?;
    if first != tag {
        return None;
    }
    let (length, rest) = match length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (octets.iter().fold(0, |length, &octet| (length << 8) | usize::from(octet)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// RFC 4511 appendix A, those that §4.14 speaks of.
fn result_name(code: u32) -> &'static str {
    match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        8 => "strongerAuthRequired",
        10 => "referral",
        13 => "confidentialityRequired",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        _ => "result",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_the_one_of_the_rfc() {
        let request = request();
        assert_eq!(request[..7], [0x30, 0x1d, 2, 1, 1, 0x77, 0x18]);
        assert_eq!(&request[9..], START_TLS);
        assert_eq!(request.len(), 31);
    }

    #[test]
    fn answers() {
        let answer = b"\x02\x01\x01\x78\x0e\x0a\x01\x34\x04\x00\x04\x07no keys";
        let read = response(answer).unwrap();
        assert_eq!((read.code, read.diagnostic.as_str()), (52, "no keys"));
        // With lengths in the long form, as OpenLDAP and Active Directory write them.
        let long = b"\x02\x01\x01\x78\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0";
        assert_eq!(response(long).unwrap().code, 0);
        for broken in [&b""[..], b"\x02\x01", b"\x02\x01\x01\x78\x05\x0a\x01", b"\x02\x01\x01\x65\x00", &answer[..12]] {
            assert!(response(broken).is_none(), "{broken:?}");
        }
    }
}
