//! What the fuzzer is given: the reader of a flight, without a socket.

use super::flight;
use super::hello::messages::{self, Kind};
use super::hello::records::{Fault, Records, Said};

/// Reads `flight` at once and in pieces of `step` bytes: however a network cuts it, the same is read.
///
/// # Panics
///
/// When it is not the same.
pub fn read(flight: &[u8], step: usize) {
    assert_eq!(said(flight, flight.len().max(1)), said(flight, step));
    let whole = flight::read(flight, None);
    let mut pieces = flight::Reading::new(None);
    for piece in flight.chunks(step) {
        if pieces.go_on(piece) {
            break;
        }
    }
    assert_eq!(whole, pieces.end());
}

fn said(flight: &[u8], step: usize) -> (Vec<Said>, Option<Fault>) {
    let (mut records, mut all) = (Records::default(), Vec::new());
    for piece in flight.chunks(step) {
        records.push(piece);
        loop {
            match records.next() {
                Ok(Some(Said::Closed)) => {
                    all.push(Said::Closed);
                    return (all, None);
                }
                Ok(Some(said)) => {
                    if let Said::Message(message) = &said {
                        parse(message.body());
                    }
                    all.push(said);
                }
                Ok(None) => break,
                Err(fault) => return (all, Some(fault)),
            }
        }
    }
    (all, None)
}

/// Every parser, on every message: a server may say anything at any time.
fn parse(body: &[u8]) {
    let _ = messages::server_hello(body);
    let _ = messages::certificate_status(body);
    let _ = messages::certificate_verify(body);
    for is_true in [false, true] {
        let _ = messages::certificate_list(body, is_true);
        let _ = messages::server_key_exchange(body, Kind::Curve, is_true);
        let _ = messages::server_key_exchange(body, Kind::FiniteField, is_true);
    }
}
