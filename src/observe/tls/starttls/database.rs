//! PostgreSQL and MySQL: a packet that asks for TLS.

use super::dialogue::{Dialogue, Trouble};
use crate::observe::tls::plaintext;

/// PostgreSQL's SSLRequest: length, and a code that is no version (80877103).
const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

/// The longest error that is read.
const MAX_ERROR: usize = 8 * 1024;

/// The answer is one byte: `S` willing, `N` not. Servers older than the question, or too full to talk, send an error.
pub(super) async fn postgres(dialogue: &mut Dialogue) -> Result<(), Trouble> {
    dialogue.send(SSL_REQUEST).await?;
    match dialogue.octets(1).await?.as_slice() {
        b"S" => {
            dialogue.facts.reply = Some("S".to_owned());
            Ok(())
        }
        b"N" => Err(Trouble::NotOffered),
        b"E" => {
            let text = error(dialogue).await?;
            Err(Trouble::Refused(text))
        }
        _ => Err(Trouble::Other),
    }
}

/// ErrorResponse: length, then fields of a letter and a text; `M` is the message.
async fn error(dialogue: &mut Dialogue) -> Result<String, Trouble> {
    let length = dialogue.octets(4).await?;
    let length = length.iter().fold(0, |length, &octet| (length << 8) | usize::from(octet));
    let length = length.checked_sub(4).filter(|&length| length <= MAX_ERROR).ok_or(Trouble::Other)?;
    let fields = dialogue.octets(length).await?;
    let message = fields.split(|&byte| byte == 0).find_map(|field| field.strip_prefix(b"M"));
    Ok(String::from_utf8_lossy(message.unwrap_or_default()).into_owned())
}

const CLIENT_LONG_PASSWORD: u32 = 0x1;
const CLIENT_PROTOCOL_41: u32 = 0x200;
const CLIENT_SSL: u32 = 0x800;
const CLIENT_SECURE_CONNECTION: u32 = 0x8000;
const CLIENT_PLUGIN_AUTH: u32 = 0x8_0000;

/// The longest greeting: version, salt and the name of a plugin.
const MAX_GREETING: usize = 4 * 1024;

/// The server greets with its capabilities; a client that wants TLS sends the beginning of its answer, and the ClientHello
/// right after. Nothing is said to that.
pub(super) async fn mysql(dialogue: &mut Dialogue) -> Result<(), Trouble> {
    let header = dialogue.octets(4).await?;
    let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
    // A packet of the sequence number 0, or text whose beginning is taken for a length.
    if header[3] != 0
        || length > MAX_GREETING
        || plaintext::protocol(dialogue.received()).is_some_and(|it| it != "mysql")
    {
        return Err(Trouble::Other);
    }
    let packet = dialogue.octets(length).await?;
    match packet.split_first() {
        Some((0xff, error)) => {
            // Code, and since 4.1 a marker with the SQL state; then the text.
            let text = error.get(2..).unwrap_or_default();
            let text = if text.first() == Some(&b'#') { text.get(6..).unwrap_or_default() } else { text };
            return Err(Trouble::Refused(String::from_utf8_lossy(text).into_owned()));
        }
        Some((10, greeting)) => {
            let greeting = Greeting::read(greeting).ok_or(Trouble::Broken("its greeting ends too early"))?;
            dialogue.greeted(&greeting.version);
            if greeting.capabilities & CLIENT_SSL == 0 {
                return Err(Trouble::NotOffered);
            }
        }
        // The protocol of MySQL 3.22 and before, which had no TLS.
        Some((9, _)) => return Err(Trouble::NotOffered),
        _ => return Err(Trouble::Other),
    }
    let capabilities =
        CLIENT_LONG_PASSWORD | CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION | CLIENT_PLUGIN_AUTH;
    const MAX_PACKET: u32 = 1 << 24;
    const UTF8: u8 = 33;
    let mut request = vec![32, 0, 0, 1];
    request.extend_from_slice(&capabilities.to_le_bytes());
    request.extend_from_slice(&MAX_PACKET.to_le_bytes());
    request.push(UTF8);
    request.extend_from_slice(&[0; 23]);
    dialogue.send(&request).await
}

struct Greeting {
    version: String,
    capabilities: u32,
}

impl Greeting {
    /// After the protocol's version: server version, thread, salt of 8, a zero, and the lower half of the capabilities.
    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|&byte| byte == 0)?;
        let low = bytes.get(end + 1 + 4 + 8 + 1..)?.first_chunk::<2>()?;
        let version = String::from_utf8_lossy(&bytes[..end]).into_owned();
        Some(Self { version, capabilities: u32::from(u16::from_le_bytes(*low)) })
    }
}
