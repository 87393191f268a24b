//! What rules say often, said once.

mod chains;
mod drift;
mod failures;
mod naming;
mod revocation;

pub use crate::judge::judgement::{end_entity, judged_path};
pub use chains::*;
pub use drift::*;
pub use failures::*;
pub use naming::*;
pub use revocation::*;
