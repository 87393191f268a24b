//! The service's socket: a request in, an answer or a broken connection out.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use super::Shared;
use super::authority::INTERMEDIATE;
use super::eas;
use super::guide;
use super::inject::Fault;
use super::message::{Answer, Parameters, Refusal, Request, xml};
use super::record;
use super::signature;
use super::state::{Call, State, forbidden};
use crate::x509::hex;

/// A certificate with its key takes some ten thousand bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Calls that are recorded; a lab that has seen more is to be started anew.
const MAX_CALLS: usize = 100_000;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Dropped;

/// Answers the requests of one connection.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { respond(&shared, request).await }
    });
    // A client that breaks off is no matter of the server's, and some connections are broken on purpose.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(shared: &Shared, request: hyper::Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
    let request = read(request).await?;
    if request.path == INTERMEDIATE {
        let der = Bytes::copy_from_slice(shared.state().authority.intermediate.der());
        let mut response = Response::new(Full::new(der));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/pkix-cert"));
        return Ok(response);
    }
    let action = action_of(&request);
    let (number, fault) = arrive(&mut shared.state(), &action, &request).ok_or(Dropped)?;
    if fault == Some(Fault::DropBeforeEffect) {
        return Err(Dropped);
    }
    if let Some(Fault::Slow { ms, after_effect: false }) = fault {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let outcome = perform(shared, number, &action, &request, fault.clone());
    if let Some(Fault::Slow { ms, after_effect: true }) = fault {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    if fault == Some(Fault::DropAfterEffect) {
        return Err(Dropped);
    }
    let response = answer(&request, &action, outcome, fault.as_ref());
    if let Some(call) = shared.state().calls.get_mut(number) {
        call.status = Some(response.status().as_u16());
    }
    Ok(response)
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, Dropped> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| Dropped)?.to_bytes();
    let mut headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    headers.dedup_by(|later, earlier| later.0 == earlier.0);
    let query = head.uri.query().unwrap_or_default();
    Ok(Request::new(head.method.as_str(), head.uri.path(), query, headers, body.to_vec()))
}

/// In a header or a parameter; the path names those of the path-style API.
fn action_of(request: &Request) -> String {
    let named = if request.is_acs3() { request.header("x-acs-action") } else { request.parameter("Action") };
    named.or(request.header("x-acs-action")).unwrap_or_default().to_owned()
}

/// Counts and records the call; its number and the fault that is due. `None` when no more can be recorded.
fn arrive(state: &mut State, action: &str, request: &Request) -> Option<(usize, Option<Fault>)> {
    let number = state.calls.len();
    if number >= MAX_CALLS {
        return None;
    }
    state.calls.push(record::Call::new(action, request));
    let of_action = state.arrivals.entry(action.to_owned()).or_default();
    *of_action += 1;
    let (of_action, of_all) = (*of_action, u32::try_from(number + 1).unwrap_or(u32::MAX));
    let due = state.injections.iter().find(|injection| injection.is_due(action, of_action, of_all));
    Some((number, due.map(|injection| injection.fault.clone())))
}

/// Checks who calls and does what is asked, unless the fault says otherwise.
fn perform(shared: &Shared, number: usize, action: &str, request: &Request, fault: Option<Fault>) -> Answer {
    let now = (shared.clock)();
    let mut state = shared.state();
    let state = &mut *state;
    let mut run = || {
        let account = signature::verify(request, &state.accounts, now, &mut state.nonces)?;
        state.calls[number].authenticated = true;
        if let Some(refusal) = fault.as_ref().and_then(|fault| instead(fault, action)) {
            return Err(refusal);
        }
        State::authorise(account, action)?;
        let is_eas = request.path.starts_with(eas::ROOT);
        let takes_any_method = is_eas || (state.has_guide && guide::ACTIONS.contains(&action));
        if !takes_any_method && !["GET", "POST"].contains(&request.method.as_str()) {
            return Err(Refusal::new(400, "UnsupportedHTTPMethod", "This http method is not supported."));
        }
        let form = if state.acs3_bodies || !request.is_acs3() { request.form.as_slice() } else { &[] };
        let parameters = Parameters::new(request.query.iter().chain(form).cloned());
        let call = Call { parameters, now, fault: fault.clone() };
        if is_eas { state.eas(request, &call) } else { state.act(action, &call) }
    };
    let mut outcome = run();
    state.calls[number].done = outcome.is_ok();
    if outcome.is_ok() && fault == Some(Fault::InternalErrorAfterEffect) {
        outcome = Err(internal_error());
    }
    if let Err(refusal) = &outcome {
        state.calls[number].code = Some(refusal.code.to_owned());
    }
    outcome
}

fn internal_error() -> Refusal {
    Refusal::new(500, "InternalError", "The request processing has failed due to some unknown error.")
}

/// What is answered instead of doing anything.
fn instead(fault: &Fault, action: &str) -> Option<Refusal> {
    Some(match fault {
        Fault::Throttled { .. } => Refusal::new(400, "Throttling.User", "Request was denied due to user flow control."),
        Fault::InternalError | Fault::XmlError => internal_error(),
        Fault::ServiceUnavailable | Fault::LowerCaseErrorKeys | Fault::HtmlBadGateway => {
            Refusal::new(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
        }
        Fault::WrongSignature => Refusal::new(
            400,
            "SignatureDoesNotMatch",
            "Specified signature is not matched with our calculation. server string to sign is:POST&%2F&Action",
        ),
        Fault::ExpiredDate => {
            Refusal::new(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
        }
        Fault::ExpiredToken => Refusal::new(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired."),
        Fault::Forbidden => forbidden(action),
        Fault::InternalErrorAfterEffect
        | Fault::TruncatedJson
        | Fault::Slow { .. }
        | Fault::DropBeforeEffect
        | Fault::DropAfterEffect
        | Fault::ExtraFields
        | Fault::UnknownStatus
        | Fault::LargeIds
        | Fault::WorkerFailure { .. }
        | Fault::StuckProcessing
        | Fault::RollbackError
        | Fault::NoMatches
        | Fault::NoCredits
        | Fault::EmptyList
        | Fault::ShiftingPages { .. } => return None,
    })
}

fn answer(request: &Request, action: &str, outcome: Answer, fault: Option<&Fault>) -> Response<Full<Bytes>> {
    if outcome.is_err() && fault == Some(&Fault::HtmlBadGateway) {
        let page =
            "<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n";
        return response(502, "text/html", page);
    }
    let id = request_id();
    let host = request.header("host").unwrap_or("cas.aliyuncs.com");
    let (status, root, mut body) = match &outcome {
        Ok(fields) => {
            let mut body = Map::new();
            body.insert("RequestId".to_owned(), id.clone().into());
            body.extend(fields.clone());
            (200, format!("{action}Response"), body)
        }
        Err(refusal) => (refusal.status, "Error".to_owned(), refusal.body(&id, host)),
    };
    match fault {
        Some(Fault::LowerCaseErrorKeys) if outcome.is_err() => body = lower_case(body),
        Some(Fault::ExtraFields) => add_fields(&mut body),
        Some(Fault::UnknownStatus) => body.values_mut().for_each(|value| change_status(value, false)),
        _ => {}
    }
    if fault == Some(&Fault::UnknownStatus)
        && let Some(status) = body.get_mut("Status")
    {
        change_status(status, true);
    }
    let is_xml = request.wants_xml() || (fault == Some(&Fault::XmlError) && outcome.is_err());
    let mut response = if is_xml {
        response(status, "text/xml;charset=utf-8", xml(&root, &body))
    } else {
        let mut text = Value::Object(body).to_string().into_bytes();
        if fault == Some(&Fault::TruncatedJson) {
            text.truncate(text.len() / 2);
        }
        response(status, "application/json;charset=utf-8", text)
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-acs-request-id", id);
    }
    if let Some(Fault::Throttled { retry_after_ms: Some(ms) }) = fault {
        response.headers_mut().insert("x-acs-retry-after", HeaderValue::from(*ms));
    }
    response
}

fn response(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// As some gateways spell it.
fn lower_case(body: Map<String, Value>) -> Map<String, Value> {
    let lower = |name: String| {
        let mut chars = name.chars();
        chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
    };
    body.into_iter().map(|(name, value)| (lower(name), value)).collect()
}

/// Into every object.
fn add_fields(body: &mut Map<String, Value>) {
    for value in body.values_mut() {
        match value {
            Value::Object(map) => add_fields(map),
            Value::Array(values) => values.iter_mut().filter_map(Value::as_object_mut).for_each(add_fields),
            _ => {}
        }
    }
    body.insert("FieldOfTomorrow".to_owned(), json!({"Nested": [1, "two", null]}));
}

fn change_status(value: &mut Value, is_status: bool) {
    match value {
        Value::String(text) if is_status => *text = "auditing".to_owned(),
        Value::Object(map) => map.iter_mut().for_each(|(name, value)| change_status(value, name == "Status")),
        Value::Array(values) => values.iter_mut().for_each(|value| change_status(value, false)),
        _ => {}
    }
}

/// A UUID in capitals. Should the system give no random bytes, it is the zero one: nothing depends on it.
fn request_id() -> String {
    let mut bytes = [0; 16];
    let _ = rand::fill(&mut bytes);
    let digits = hex(&bytes).to_ascii_uppercase();
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
