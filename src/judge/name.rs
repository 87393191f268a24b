//! The name a chain is judged for, as engines may see it. They never hold it: they ask questions of it, and put it into
//! their messages. Both are noted, so that a memo knows what an answer depends on: a name that gives the same answers to
//! the same questions is judged the same, whatever engine asked and in whatever order.

use std::cell::RefCell;
use std::fmt;

use super::case::Case;
use super::pool::{CertId, Pool};
use crate::model::target::ReferenceId;
use crate::x509::Certificate;

/// A question about a certificate and the name. Pure: its answer follows from the two and the argument alone.
pub type Question = fn(&Certificate, &ReferenceId, u32) -> u32;

/// A question that was asked, with all it depends on but the name.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    Holds(CertId, fn(&Certificate, &ReferenceId) -> bool),
    Tells(CertId, Question, u32),
    IsAddress,
}

impl Asked {
    /// The answer for `reference`.
    pub fn answer(&self, pool: &Pool, reference: &ReferenceId) -> u32 {
        match *self {
            Self::Holds(about, holds) => u32::from(holds(pool.get(about), reference)),
            Self::Tells(about, tells, argument) => tells(pool.get(about), reference, argument),
            Self::IsAddress => u32::from(matches!(reference, ReferenceId::Ip(_))),
        }
    }

    /// The certificate it is about, if any.
    pub fn about(&self) -> Option<CertId> {
        match *self {
            Self::Holds(about, _) | Self::Tells(about, ..) => Some(about),
            Self::IsAddress => None,
        }
    }

    /// The answer for another certificate in the place of the one it was asked about.
    pub fn answer_about(&self, certificate: &Certificate, reference: &ReferenceId) -> u32 {
        match *self {
            Self::Holds(_, holds) => u32::from(holds(certificate, reference)),
            Self::Tells(_, tells, argument) => tells(certificate, reference, argument),
            Self::IsAddress => u32::from(matches!(reference, ReferenceId::Ip(_))),
        }
    }

    /// Sure to have the same answer. Two functions that the linker made one are the same; one function with two addresses
    /// is only asked twice.
    pub fn is(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Holds(about, one), Self::Holds(of, other)) => about == of && std::ptr::fn_addr_eq(one, other),
            (Self::Tells(about, one, a), Self::Tells(of, other, b)) => {
                about == of && a == b && std::ptr::fn_addr_eq(one, other)
            }
            (Self::IsAddress, Self::IsAddress) => true,
            _ => false,
        }
    }
}

/// What one run of an engine learnt of the name.
#[derive(Debug, Default)]
pub struct Notes {
    pub asked: Vec<(Asked, u32)>,
    /// The name stands in its messages.
    pub is_written: bool,
    /// It saw the whole name: no other name is sure to be judged the same.
    pub is_seen: bool,
}

/// The reference identifier of a [`Case`].
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    reference: &'a ReferenceId,
    notes: Option<&'a RefCell<Notes>>,
    /// What messages hold instead of the name.
    stand_in: Option<&'a str>,
}

impl<'a> Name<'a> {
    pub fn new(reference: &'a ReferenceId) -> Self {
        Self { reference, notes: None, stand_in: None }
    }

    /// With what is asked of it written into `notes`.
    pub fn noted(self, notes: &'a RefCell<Notes>) -> Self {
        Self { notes: Some(notes), ..self }
    }

    /// With another text in messages.
    pub fn written_as(self, stand_in: &'a str) -> Self {
        Self { stand_in: Some(stand_in), ..self }
    }

    /// The name itself. Ask for as little of it as you can: who has seen it all is asked again for every name.
    pub fn whole(self) -> &'a ReferenceId {
        self.note(|notes| notes.is_seen = true);
        self.reference
    }

    fn note(self, write: impl FnOnce(&mut Notes)) {
        if let Some(notes) = self.notes {
            write(&mut notes.borrow_mut());
        }
    }
}

/// For messages only.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note(|notes| notes.is_written = true);
        match self.stand_in {
            Some(text) => f.write_str(text),
            None => fmt::Display::fmt(self.reference, f),
        }
    }
}

impl Case<'_> {
    /// Does `question` hold for `certificate` and the name?
    pub fn name_holds(&self, certificate: &Certificate, question: fn(&Certificate, &ReferenceId) -> bool) -> bool {
        let answer = question(certificate, self.reference.reference);
        self.note_question(certificate, |about| Asked::Holds(about, question), answer.into());
        answer
    }

    /// The answer to `question`, which may depend on `argument`, too.
    pub fn name_tells(&self, certificate: &Certificate, argument: u32, question: Question) -> u32 {
        let answer = question(certificate, self.reference.reference, argument);
        self.note_question(certificate, |about| Asked::Tells(about, question, argument), answer);
        answer
    }

    /// An IP address was asked for.
    pub fn name_is_address(&self) -> bool {
        let answer = matches!(self.reference.reference, ReferenceId::Ip(_));
        self.reference.note(|notes| notes.asked.push((Asked::IsAddress, answer.into())));
        answer
    }

    fn note_question(&self, certificate: &Certificate, question: impl FnOnce(CertId) -> Asked, answer: u32) {
        self.reference.note(|notes| match self.pool.find(certificate.fingerprint) {
            Some(about) => notes.asked.push((question(about), answer)),
            // Engines have their certificates from the pool.
            None => notes.is_seen = true,
        });
    }
}
