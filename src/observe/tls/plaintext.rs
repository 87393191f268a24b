//! Which protocol a server speaks that does not speak TLS, from the first bytes it sent.

/// Do these bytes begin something else than a TLS record (RFC 8446 §5.1)? Nothing received is no answer, hence no.
pub(super) fn is_not_tls(received: &[u8]) -> bool {
    let is_record = match *received {
        [] => true,
        [kind] => is_content_type(kind),
        // The longest record is one of TLS 1.2, 2^14 + 2048 bytes (RFC 5246 §6.2.3).
        [kind, major, _, high, low, ..] => {
            is_content_type(kind) && major == 3 && u16::from_be_bytes([high, low]) <= (1 << 14) + 2048
        }
        [kind, major, ..] => is_content_type(kind) && major == 3,
    };
    !is_record
}

/// change_cipher_spec, alert, handshake, application_data, heartbeat.
fn is_content_type(byte: u8) -> bool {
    (0x14..=0x18).contains(&byte)
}

/// The protocol's name, when the bytes give it away. Each is what such a server sends unasked, or in answer to a
/// ClientHello.
pub(super) fn protocol(received: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(&received[..received.len().min(512)]).to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    let contains = |words: &[&str]| words.iter().any(|word| text.contains(word));
    Some(match received {
        // Error pages without a status line are HTTP/0.9.
        _ if starts(&["http/", "<html", "<!doctype html"]) => "http",
        // HTTP/2 without TLS: a SETTINGS frame (RFC 9113 §6.5) comes first.
        [0, 0, _, 4, 0, 0, 0, 0, 0, ..] => "http",
        _ if starts(&["ssh-"]) => "ssh",
        // Both greet with 220 or refuse with 4xx/5xx (RFC 5321 §4.2, RFC 959 §5.4); 120 and 421 are said by FTP too.
        _ if starts(&["220", "421", "554", "120"]) => {
            if contains(&["ftp", "filezilla"]) {
                "ftp"
            } else {
                "smtp"
            }
        }
        _ if starts(&["* ok", "* preauth", "* bye"]) => "imap",
        _ if starts(&["+ok"]) => "pop3",
        _ if starts(&["-err", "-noauth", "-denied"]) => "redis",
        _ if starts(&["200 ", "201 "]) && contains(&["nntp", "news"]) => "nntp",
        _ if starts(&["rfb "]) => "vnc",
        _ if starts(&["amqp"]) => "amqp",
        _ if starts(&["<?xml", "<stream:"]) => "xmpp",
        _ if starts(&["error\r\n"]) => "memcached",
        _ if starts(&["info {"]) => "nats",
        // A packet header of sequence number 0 or 1, then protocol version 10 or an error.
        [_, _, 0, 0 | 1, 10 | 0xff, ..] => "mysql",
        // ErrorResponse: length, then the severity field.
        [b'E', 0, 0, _, _, b'S', ..] => "postgresql",
        _ if starts(&["efatal:"]) => "postgresql",
        // TPKT (RFC 1006), version 3: remote desktop.
        [3, 0, 0, _, _, 0xd0 | 0xe0 | 0xf0, ..] => "rdp",
        // IAC and a negotiation (RFC 854).
        [0xff, 0xfb..=0xfe, ..] => "telnet",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banners_are_named() {
        let cases: [(&[u8], Option<&str>); 16] = [
            (b"HTTP/1.1 400 Bad Request\r\n", Some("http")),
            (b"<html>\r\n<head><title>400", Some("http")),
            (b"\0\0\x12\x04\0\0\0\0\0\0\x03", Some("http")),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", Some("ssh")),
            (b"220 mail.example.test ESMTP\r\n", Some("smtp")),
            (b"220 (vsFTPd 3.0.5)\r\n", Some("ftp")),
            (b"220-FileZilla Server 1.8\r\n", Some("ftp")),
            (b"* OK [CAPABILITY IMAP4rev1] ready", Some("imap")),
            (b"+OK Dovecot ready.\r\n", Some("pop3")),
            (b"-ERR unknown command\r\n", Some("redis")),
            (b"\x4a\0\0\0\x0a8.0.36\0", Some("mysql")),
            (b"E\0\0\0\x8cSFATAL\0", Some("postgresql")),
            (b"EFATAL:  unsupported frontend protocol", Some("postgresql")),
            (b"\xff\xfd\x18\xff\xfd\x20", Some("telnet")),
            (b"\x8b\x01\x77\xee\x12", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(protocol(bytes), expected, "{}", String::from_utf8_lossy(bytes));
            assert_eq!(is_not_tls(bytes), !bytes.is_empty(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn records_are_records() {
        for record in [&b"\x16\x03\x03\x00\x7a\x02"[..], b"\x15\x03\x01\0\x02\x02\x28", b"\x16", b"\x16\x03"] {
            assert!(!is_not_tls(record), "{record:?}");
        }
        // Text of control characters, an impossible version, an impossible length.
        for other in [&b"\x16\x16\x16"[..], b"\x16\x99\x03\0\x01", b"\x16\x03\x03\xff\xff", b"2"] {
            assert!(is_not_tls(other), "{other:?}");
        }
    }
}
