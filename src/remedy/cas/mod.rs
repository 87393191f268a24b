//! The certificate service (Alibaba Cloud CAS, version 2020-04-07): a typed client, and the dialect of the guides.
//!
//! # The seam
//!
//! - [`CasClient`] has the operations of the real service, [`GuideClient`] those of the guides. Both are made from an
//!   [`Endpoint`], an [`Identity`](credentials::Identity) (see [`credentials::Lookup`]) and [`Settings`], which carry clock and
//!   nonces.
//! - Every operation answers `Result<_, CasError>`. [`CasError::kind`](error::CasError) says what to do;
//!   [`CasError::may_have_happened`] is true for a write whose fate is not known: look it up, never repeat it blindly. Reads
//!   were repeated already, throttled calls too.
//! - [`CasClient::calls`] is the masked log of every attempt, for the report.
//! - Ids are exact ([`CertId`] is a number or `cert-…`); unknown status words and fields are kept.
//! - A private key is a [`Secret`](crate::remedy::secret::Secret); it comes back from [`CasClient::detail_with_key`] alone.
//! - [`upload_name`] is the one deterministic name of a bundle in the service.

mod client;
mod connection;
pub mod credentials;
mod endpoint;
mod error;
mod guide;
mod id;
pub(super) mod lenient;
mod name;
mod request;
pub mod sign;
mod types;

pub use client::{CasClient, CertificateWithKey};
pub use connection::{Pace, Settings};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{CasError, Effect, ErrorKind, Permission};
pub use guide::{Diagnosis, GuideCertificate, GuideClient, Problem};
pub use id::{CertId, CertIdError, ContactId, JobId, NumberError, OrderId, ResourceId, WorkerId};
pub use name::upload_name;
pub use types::{
    CertificateDetail, CertificateInfo, ChainLink, CloudResource, Contact, GuideStatus, Job, JobChange, JobCounters,
    JobFilter, JobStatus, Listing, NewJob, NewOrder, Order, Other, ProductCount, ResourceFilter, Start,
    StoredCertificate, Uploaded, Validation, Worker, WorkerStatus,
};

pub(super) use client::{rows, typed};
pub(super) use connection::Connection;
pub(super) use request::{Group, Request};

/// The version of the service's API.
const VERSION: &str = "2020-04-07";
