//! The client of the certificate service, against a service on loopback that says what it is told.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tlsmend::model::time::Time;
use tlsmend::remedy::cas::credentials::{Credentials, CredentialsError, Found, Identity, Lookup, Role};
use tlsmend::remedy::cas::{
    CasClient, CertId, Effect, Endpoint, ErrorKind, GuideClient, GuideStatus, JobChange, JobFilter, JobId, NewJob,
    Pace, ResourceFilter, ResourceId, Settings, Start, WorkerId, WorkerStatus, sign,
};
use tlsmend::remedy::eas::EasClient;
use tlsmend::remedy::secret::Secret;

use crate::support::service::{Recorded, Reply, Service};

const KEY_ID: &str = "testAccessKeyId";
const KEY_SECRET: &str = "testAccessKeySecret";
const TOKEN: &str = "testSecurityToken/+==";
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5+/A=\n-----END PRIVATE KEY-----\n";
const BUNDLE: &str = "-----BEGIN CERTIFICATE-----\nMIIB+fake/leaf==\n-----END CERTIFICATE-----\n";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../fixtures/cas/signature-vectors.json")).unwrap()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn decoded(encoded: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect()
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Signs what stands on the wire of a vector; the headers are those the vector says were signed.
fn authorization(
    vector: &Value,
    change: impl FnOnce(&mut Vec<(String, String)>, &mut Vec<(String, String)>),
) -> String {
    let signed: Vec<&str> = text(vector, "/signed_headers").split(';').collect();
    let mut headers: Vec<(String, String)> = vector["wire"]["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (text(pair, "/0").to_ascii_lowercase(), text(pair, "/1").to_owned()))
        .filter(|(name, _)| signed.contains(&name.as_str()))
        .collect();
    let mut query = decoded(text(vector, "/wire/query"));
    change(&mut query, &mut headers);
    let hash = sign::content_hash(text(vector, "/wire/body").as_bytes());
    let request = sign::Acs3 {
        method: text(vector, "/wire/method"),
        path: text(vector, "/wire/path"),
        query: &borrowed(&query),
        headers: &borrowed(&headers),
        content_hash: &hash,
    };
    request.authorization(text(vector, "/inputs/access_key_id"), text(vector, "/inputs/access_key_secret"))
}

#[test]
fn every_vector_is_signed_as_the_vendor_signs_it() {
    let vectors = vectors();
    let (mut acs3, mut rpc) = (0, 0);
    for vector in vectors["vectors"].as_array().unwrap() {
        let id = text(vector, "/id");
        if text(vector, "/scheme") == "ACS3-HMAC-SHA256" {
            assert_eq!(authorization(vector, |_, _| ()), text(vector, "/authorization"), "{id}");
            acs3 += 1;
        } else {
            let mut parameters = decoded(text(vector, "/wire/query"));
            parameters.extend(decoded(text(vector, "/wire/body")));
            parameters.retain(|(name, _)| name != "Signature");
            let signed = sign::rpc_string_to_sign(text(vector, "/wire/method"), borrowed(&parameters));
            assert_eq!(signed, text(vector, "/string_to_sign"), "{id}");
            let secret = text(vector, "/inputs/access_key_secret");
            assert_eq!(sign::rpc_signature(&signed, secret), text(vector, "/signature"), "{id}");
            rpc += 1;
        }
    }
    assert_eq!((acs3, rpc), (34, 8));
}

/// The mutations that a signature must notice give another one here. (Clock, nonce and unknown keys are a server's.)
#[test]
fn what_was_changed_on_the_way_has_another_signature() {
    let vectors = vectors();
    let find =
        |id: &str| vectors["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id).unwrap().clone();
    let mut noticed = 0;
    for negative in vectors["negative"].as_array().unwrap() {
        let mut vector = find(text(negative, "/base"));
        let expected = text(&vector, "/authorization").to_owned();
        let change = text(negative, "/change");
        let signed = if change.contains("JobId=8889") {
            authorization(&vector, |query, _| query[0].1 = "8889".into())
        } else if change.contains("one byte of the body") {
            vector["wire"]["body"] = json!(text(&vector, "/wire/body").replacen('M', "N", 1));
            authorization(&vector, |_, _| ())
        } else if change.contains("left out of SignedHeaders") {
            authorization(&vector, |_, headers| headers.retain(|(name, _)| name != "x-acs-security-token"))
        } else if change.contains("without the port") {
            authorization(&vector, |_, headers| {
                headers.iter_mut().find(|(name, _)| name == "host").unwrap().1 = "127.0.0.1".into();
            })
        } else {
            continue;
        };
        assert_ne!(signed, expected, "{change}");
        noticed += 1;
    }
    assert_eq!(noticed, 4);
}

fn credentials(token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: KEY_ID.into(),
        access_key_secret: Secret::new(KEY_SECRET),
        security_token: token.map(Secret::new),
        expires: None,
    }
}

fn settings(endpoint: &Endpoint) -> Settings {
    let clock = || "2026-01-15T08:30:00Z".parse::<Time>().unwrap();
    let mut settings = Settings::for_endpoint(endpoint, Arc::new(clock));
    settings.backoff = Duration::from_millis(1);
    settings.timeout = Duration::from_secs(20);
    settings
}

fn client(service: &Service) -> CasClient {
    client_with(service, Identity::Static(credentials(None)))
}

fn client_with(service: &Service, identity: Identity) -> CasClient {
    let endpoint: Endpoint = service.url().parse().unwrap();
    let settings = settings(&endpoint);
    CasClient::new(endpoint, identity, settings).unwrap()
}

/// The signature a server would reckon from what it received.
fn is_signed(request: &Recorded) -> bool {
    let given = request.header("authorization").unwrap_or_default();
    let names = given.split("SignedHeaders=").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
    let names: Vec<&str> = names.split(';').collect();
    let must = |name: &str| name == "host" || name == "content-type" || name.starts_with("x-acs-");
    if request.headers.iter().any(|(name, _)| must(name) && !names.contains(&name.as_str())) {
        return false;
    }
    let headers: Vec<(String, String)> =
        request.headers.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect();
    let hash = sign::content_hash(request.body.as_bytes());
    let query = request.query();
    let signed = sign::Acs3 {
        method: &request.method,
        path: &request.path,
        query: &borrowed(&query),
        headers: &borrowed(&headers),
        content_hash: &hash,
    };
    hash == request.header("x-acs-content-sha256").unwrap_or_default()
        && signed.authorization(KEY_ID, KEY_SECRET) == given
}

#[tokio::test]
async fn every_operation_is_signed_and_says_what_it_should() {
    let service = Service::start(|request, _| {
        Reply::ok(match request.action().as_str() {
            "UploadUserCertificate" => r#"{"RequestId":"R","CertId":9007199254740993,"ResourceId":"cas-upload-ab12cd"}"#,
            "GetUserCertificateDetail" => r#"{"RequestId":"R","Id":12345678,"Sans":"a.example,b.example"}"#,
            "GetCertificateDetail" => r#"{"RequestId":"R","CertificateId":"12345678","UsingProductList":["SLB"]}"#,
            "ListCloudResources" => r#"{"RequestId":"R","Total":1,"Data":[{"Id":6591316,"EnableHttps":1,"CloudRegion":"a","RegionId":"b"}]}"#,
            "CreateDeploymentJob" => r#"{"RequestId":"R","JobId":8888}"#,
            "DescribeDeploymentJob" => r#"{"RequestId":"R","Id":8888,"Status":"processing","CasContacts":[{"Mobile":"139"}]}"#,
            "DescribeDeploymentJobStatus" => r#"{"RequestId":"R","WorkerCount":1,"MatchWorkerCount":1,"CostCount":1}"#,
            "ListWorkerResource" => r#"{"RequestId":"R","Total":1,"Data":[{"Id":22487,"Status":"rollback_error","ResourceCertId":0}]}"#,
            "ListContact" => r#"{"RequestId":"R","TotalCount":1,"ContactList":[{"ContactId":519580,"EmailStatus":1}]}"#,
            "DescribeCloudResourceStatus" => r#"{"RequestId":"R","Data":[{"CloudProduct":"PAI","TotalCount":2}]}"#,
            _ => r#"{"RequestId":"R","Data":"[]"}"#,
        })
    })
    .await;
    let client = client(&service);
    let uploaded = client.upload("rec.example.com-1", BUNDLE, &Secret::new(PRIVATE_KEY)).await.unwrap();
    assert_eq!(uploaded.cert_id, CertId::Number(9_007_199_254_740_993));
    assert_eq!(client.detail(12_345_678).await.unwrap().sans, ["a.example", "b.example"]);
    assert_eq!(client.info(12_345_678).await.unwrap().using_product_list, ["SLB"]);
    let filter = ResourceFilter { keyword: Some("rec.example.com".into()), product: None, cert_ids: vec![1, 2] };
    assert_eq!(client.resources(&filter).await.unwrap().items[0].enable_https, Some(true));
    assert!(client.contacts().await.unwrap().items[0].email_status == Some(true));
    let job = NewJob {
        name: "redeploy".into(),
        cert_ids: vec![12_345_678],
        resource_ids: vec![ResourceId(1), ResourceId(2)],
        contact_ids: vec!["519580".parse().unwrap()],
        schedule: Some(Time::from_unix(1_768_465_800)),
    };
    let id = client.create_job(&job).await.unwrap();
    client.update_job(id, &JobChange { name: Some("other".into()), ..JobChange::default() }).await.unwrap();
    assert_eq!(client.job_counters(id).await.unwrap().cost_count, 1);
    client.start_job(id, Start::Pending).await.unwrap();
    let job = client.job(id).await.unwrap();
    assert!(!job.status.is_final() && job.other.is_empty(), "{job:?}");
    let workers = client.workers(id, Some(&WorkerStatus::Error)).await.unwrap();
    assert_eq!(
        (workers.items[0].status.clone(), workers.items[0].resource_cert_id.clone()),
        (WorkerStatus::RollbackError, None)
    );
    client.rollback_worker(id, WorkerId(22487)).await.unwrap();
    assert!(client.jobs(&JobFilter { cert_id: Some(1), status: None }).await.is_err(), "`[]` as text is no list");
    client.delete_certificate(1).await.unwrap();
    client.delete_job(id).await.unwrap();
    assert_eq!(client.products().await.unwrap()[0].cloud_product.as_deref(), Some("PAI"));

    let requests = service.requests();
    for request in &requests {
        assert!(is_signed(request), "{request:?}");
        assert_eq!(request.header("x-acs-version"), Some("2020-04-07"));
        assert_eq!(request.header("x-acs-date"), Some("2026-01-15T08:30:00Z"));
        assert!(!request.raw_query.contains("PRIVATE"), "{}", request.raw_query);
    }
    let of = |action: &str| requests.iter().find(|request| request.action() == action).unwrap();
    let upload = of("UploadUserCertificate");
    assert_eq!(upload.raw_query, "");
    assert_eq!(upload.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(upload.parameter("Key").as_deref(), Some(PRIVATE_KEY));
    assert_eq!(of("GetUserCertificateDetail").parameter("CertFilter").as_deref(), Some("true"));
    assert_eq!(of("ListCloudResources").parameter("CertIds").as_deref(), Some("[1,2]"));
    let create = of("CreateDeploymentJob");
    assert_eq!(create.parameter("ResourceIds").as_deref(), Some("1,2"));
    assert_eq!(create.parameter("JobType").as_deref(), Some("user"));
    assert_eq!(create.parameter("ScheduleTime").as_deref(), Some("1768465800000"));
    assert_eq!(of("UpdateWorkerResourceStatus").parameter("Status").as_deref(), Some("rollback"));

    let nonces: std::collections::HashSet<_> =
        requests.iter().map(|request| request.header("x-acs-signature-nonce").unwrap().to_owned()).collect();
    assert_eq!(nonces.len(), requests.len());

    // The log has every call, and no secret.
    let calls = client.calls();
    assert_eq!(calls.len(), requests.len());
    assert!(calls.iter().all(|call| call.request_id.as_deref() == Some("R")));
    assert_eq!(calls[0].parameters["Key"], "<secret>");
    assert_eq!(calls[0].parameters["Cert"], format!("<1 certificates, {} bytes>", BUNDLE.len()));
    assert!(!format!("{calls:?}").contains("bm90"));
}

#[tokio::test]
async fn the_key_is_fetched_on_explicit_order_only() {
    // A service that ignores CertFilter.
    let service = Service::start(|_, _| {
        let body = json!({"RequestId": "R", "Id": 1, "Cert": BUNDLE, "Key": PRIVATE_KEY, "SignPrivateKey": PRIVATE_KEY, "New": 1});
        Reply::ok(body.to_string())
    })
    .await;
    let client = client(&service);
    let detail = client.detail(1).await.unwrap();
    assert_eq!(detail.other.keys().collect::<Vec<_>>(), ["New"]);
    let with_key = client.detail_with_key(1).await.unwrap();
    assert_eq!(with_key.bundle_pem, BUNDLE);
    assert_eq!(with_key.key.unwrap().expose(), PRIVATE_KEY);
    assert_eq!(with_key.detail.other.keys().collect::<Vec<_>>(), ["New"]);
    let filters: Vec<_> = service.requests().iter().map(|request| request.parameter("CertFilter").unwrap()).collect();
    assert_eq!(filters, ["true", "false"]);
}

#[tokio::test]
async fn an_upload_whose_body_is_not_read_goes_by_the_older_scheme() {
    let service = Service::start(|request, _| match request.header("authorization") {
        Some(_) => Reply::refusal(400, "MissingCert"),
        None => Reply::ok(r#"{"RequestId":"R","CertId":1}"#),
    })
    .await;
    let client = client_with(&service, Identity::Static(credentials(Some(TOKEN))));
    client.upload("n", BUNDLE, &Secret::new(PRIVATE_KEY)).await.unwrap();
    let requests = service.requests();
    assert_eq!(requests.len(), 2);
    let older = &requests[1];
    assert_eq!(older.raw_query, "Action=UploadUserCertificate&Version=2020-04-07");
    assert_eq!(older.parameter("SecurityToken").as_deref(), Some(TOKEN));
    let mut signed: Vec<(String, String)> = older.query().into_iter().chain(older.form()).collect();
    signed.retain(|(name, _)| name != "Signature");
    let expected = sign::rpc_signature(&sign::rpc_string_to_sign("POST", borrowed(&signed)), KEY_SECRET);
    assert_eq!(older.parameter("Signature"), Some(expected));
    let schemes: Vec<_> = client.calls().into_iter().map(|call| call.signed_by).collect();
    assert_eq!(schemes, ["ACS3-HMAC-SHA256", "HMAC-SHA1"]);
}

/// What goes wrong once, and then does not.
type Hiccup = (&'static str, fn() -> Reply);

fn hiccups() -> Vec<Hiccup> {
    vec![
        ("throttled", || Reply::refusal(400, "Throttling.User")),
        ("throttled by status", || Reply::Json(429, "{}".into())),
        ("told when to come back", || Reply::With(400, "x-acs-retry-after: 1\r\n", r#"{"Code":"Odd"}"#.into())),
        ("failed", || Reply::refusal(500, "InternalError")),
        ("unavailable", || Reply::refusal(503, "ServiceUnavailable")),
        ("bad gateway", || Reply::With(502, "Content-Type: text/html\r\n", "<html>bad gateway</html>".into())),
        ("cut short", || Reply::Cut(r#"{"Id":8888,"#.into())),
        ("damaged", || Reply::ok(r#"{"Id":8888,"Sta"#)),
        ("dropped", || Reply::Nothing),
        ("nonce seen before", || Reply::refusal(400, "SignatureNonceUsed")),
    ]
}

#[tokio::test]
async fn reads_are_repeated_with_a_new_signature() {
    for (what, hiccup) in hiccups() {
        let service = Service::start(move |_, number| match number {
            0 => hiccup(),
            _ => Reply::ok(r#"{"RequestId":"R","Id":8888,"Status":"success"}"#),
        })
        .await;
        let client = client(&service);
        assert!(client.job(JobId(8888)).await.unwrap().status.is_final(), "{what}");
        let requests = service.requests();
        assert_eq!(requests.len(), 2, "{what}");
        assert!(requests.iter().all(is_signed));
        assert_ne!(requests[0].header("x-acs-signature-nonce"), requests[1].header("x-acs-signature-nonce"));
        assert_eq!(client.calls().iter().map(|call| call.attempt).collect::<Vec<_>>(), [1, 2], "{what}");
    }
}

/// A write is repeated only where it was certainly refused as one call too many.
#[tokio::test]
async fn writes_are_never_repeated_blindly() {
    for (what, hiccup) in hiccups() {
        let service = Service::start(move |_, number| match number {
            0 => hiccup(),
            _ => Reply::ok(r#"{"RequestId":"R","JobId":1}"#),
        })
        .await;
        let client = client(&service);
        let job =
            NewJob { name: "n".into(), cert_ids: vec![1], resource_ids: vec![], contact_ids: vec![], schedule: None };
        let created = client.create_job(&job).await;
        let refused_first = ["throttled", "throttled by status", "told when to come back"].contains(&what);
        if refused_first {
            assert_eq!((created.unwrap(), service.requests().len()), (JobId(1), 2), "{what}");
        } else {
            let error = created.unwrap_err();
            assert!(error.may_have_happened(), "{what}: {error}");
            assert_eq!(service.requests().len(), 1, "{what}");
        }
    }
    // Success in a form that cannot be read is no failure either.
    let service = Service::start(|_, _| Reply::ok(r#"{"RequestId":"R","Job":"created"}"#)).await;
    let error = client(&service).upload("n", BUNDLE, &Secret::new(PRIVATE_KEY)).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (ErrorKind::BadAnswer, Effect::Unknown));
}

#[tokio::test]
async fn repetitions_end() {
    let service = Service::start(|_, _| Reply::refusal(503, "ServiceUnavailable")).await;
    let error = client(&service).job(JobId(1)).await.unwrap_err();
    assert_eq!((error.kind, service.requests().len()), (ErrorKind::Service, 4));
    // What will not pass is not repeated at all.
    for (status, code) in
        [(400, "InvalidParameter"), (403, "Forbidden.RAM"), (404, "NotFound"), (400, "SignatureDoesNotMatch")]
    {
        let service = Service::start(move |_, _| Reply::refusal(status, code)).await;
        client(&service).job(JobId(1)).await.unwrap_err();
        assert_eq!(service.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn refusals_are_read_in_every_form() {
    let error = async |reply: fn() -> Reply| {
        let service = Service::start(move |_, _| reply()).await;
        client_with(&service, Identity::Static(credentials(Some(TOKEN))))
            .create_job(&NewJob {
                name: "n".into(),
                cert_ids: vec![1],
                resource_ids: vec![],
                contact_ids: vec![],
                schedule: None,
            })
            .await
            .unwrap_err()
    };
    let lower =
        error(|| Reply::Json(404, r#"{"code":"NotFound","message":"no such job","requestId":"r-2"}"#.into())).await;
    assert_eq!(
        (lower.kind, lower.request_id.as_deref(), lower.http_status),
        (ErrorKind::NotFound, Some("r-2"), Some(404))
    );
    let xml = error(|| {
        let body = "<?xml version='1.0'?><Error><RequestId>r-3</RequestId><Code>NameRepeat</Code><Message>a &amp; b</Message></Error>";
        Reply::With(400, "Content-Type: text/xml\r\n", body.into())
    })
    .await;
    assert_eq!(
        (xml.kind, xml.message.as_str(), xml.request_id.as_deref()),
        (ErrorKind::NameInUse, "a & b", Some("r-3"))
    );
    let html = error(|| Reply::With(403, "Content-Type: text/html\r\n", "<html>blocked</html>".into())).await;
    assert_eq!((html.kind, html.effect), (ErrorKind::BadAnswer, Effect::None));
    let redirect = error(|| Reply::With(302, "Location: http://127.0.0.1:1/\r\n", String::new())).await;
    assert!(redirect.message.contains("redirect"), "{redirect}");
    // HTTP 200 with a refusal in it.
    let odd = error(|| Reply::ok(r#"{"RequestId":"R","Code":"NotFound","Message":"m"}"#)).await;
    assert_eq!(odd.kind, ErrorKind::NotFound);

    let denied = error(|| {
        let detail = json!({"AuthAction": "yundun-cert:CreateDeploymentJob", "AuthPrincipalType": "SubUser", "AuthPrincipalDisplayName": "2001", "NoPermissionType": "ImplicitDeny"});
        Reply::Json(403, json!({"RequestId": "R", "Code": "NoPermission", "Message": "no", "AccessDeniedDetail": detail}).to_string())
    })
    .await;
    let permission = denied.permission.clone().unwrap();
    assert_eq!((permission.action.as_str(), permission.denied_explicitly), ("yundun-cert:CreateDeploymentJob", false));
    assert_eq!(permission.principal.as_deref(), Some("SubUser 2001"));
    assert!(denied.meaning().contains("grant yundun-cert:CreateDeploymentJob"), "{}", denied.meaning());
    let without_detail = error(|| Reply::refusal(403, "Forbidden.RAM")).await;
    assert!(without_detail.meaning().contains("yundun-cert:CreateDeploymentJob"));

    // A clock that is wrong is shown beside the other.
    let clock = error(|| {
        Reply::With(
            400,
            "Date: Thu, 15 Jan 2026 09:30:00 GMT\r\n",
            r#"{"Code":"InvalidTimeStamp.Expired","Message":"expired"}"#.into(),
        )
    })
    .await;
    assert!(clock.message.contains("2026-01-15T08:30:00Z") && clock.message.contains("09:30:00 GMT"), "{clock}");

    // The service quotes what was signed.
    let quoting = error(|| {
        let message = format!("server string to sign: x-acs-security-token:{TOKEN} SecurityToken%3DtestSecurityToken%252F%252B%253D%253D {KEY_SECRET} \u{1b}[2J -----BEGIN PRIVATE KEY-----");
        Reply::Json(400, json!({"Code": "SignatureDoesNotMatch", "Message": message}).to_string())
    })
    .await;
    let shown = format!("{quoting} {quoting:?} {}", serde_json::to_string(&quoting).unwrap());
    for secret in ["testSecurityToken", KEY_SECRET, "\u{1b}", "BEGIN"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let service = Service::start(|_, _| Reply::ok(format!("{{\"Id\":1,\"x\":\"{}\"}}", "y".repeat(5_000_000)))).await;
    let endpoint: Endpoint = service.url().parse().unwrap();
    let mut short = settings(&endpoint);
    short.attempts = 1;
    let client = CasClient::new(endpoint, Identity::Static(credentials(None)), short).unwrap();
    let error = client.job(JobId(1)).await.unwrap_err();
    assert!(error.message.contains("larger"), "{error}");

    let service = Service::start(|_, _| Reply::Silence).await;
    let endpoint: Endpoint = service.url().parse().unwrap();
    let mut impatient = settings(&endpoint);
    (impatient.timeout, impatient.attempts) = (Duration::from_millis(50), 2);
    let client = CasClient::new(endpoint, Identity::Static(credentials(None)), impatient).unwrap();
    let error = client.job(JobId(1)).await.unwrap_err();
    assert!(error.is_unreachable() && error.message.contains("in time"), "{error}");
    assert_eq!(service.requests().len(), 2);
    assert!(client.start_job(JobId(1), Start::Pending).await.unwrap_err().may_have_happened());
    assert_eq!(service.requests().len(), 3);
}

#[tokio::test]
async fn nobody_there_means_nothing_was_done() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint: Endpoint = format!("http://{closed}").parse().unwrap();
    let settings = settings(&endpoint);
    let client = CasClient::new(endpoint, Identity::Static(credentials(None)), settings).unwrap();
    let error = client.start_job(JobId(1), Start::Pending).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (ErrorKind::Unreachable, Effect::None), "{error}");
    assert_eq!(client.calls().len(), 4);
}

fn page(request: &Recorded) -> (usize, usize) {
    let number = |name| request.parameter(name).unwrap().parse::<usize>().unwrap();
    (number("CurrentPage"), number("ShowSize"))
}

fn rows(ids: impl Iterator<Item = usize>, total: usize) -> Reply {
    let data: Vec<Value> = ids.map(|id| json!({"Id": id + 1})).collect();
    Reply::ok(json!({"RequestId": "R", "Total": total, "Data": data}).to_string())
}

#[tokio::test]
async fn lists_are_read_to_their_end() {
    // 120 rows, on pages of the size asked for, and on smaller ones than asked for.
    for most in [50, 20] {
        let service = Service::start(move |request, _| {
            let (page, size) = page(request);
            let size = size.min(most);
            rows(((page - 1) * size)..(page * size).min(120), 120)
        })
        .await;
        let listing = client(&service).resources(&ResourceFilter::default()).await.unwrap();
        assert_eq!((listing.items.len(), listing.complete), (120, true), "{most}");
    }
    // Without a count, the short page is the last.
    let service = Service::start(|_, _| Reply::ok(r#"{"Data":[{"Id":1}]}"#)).await;
    let listing = client(&service).resources(&ResourceFilter::default()).await.unwrap();
    assert_eq!((listing.items.len(), service.requests().len()), (1, 1));
    // Nothing at all.
    let service = Service::start(|_, _| Reply::ok(r#"{"Total":0,"Data":null}"#)).await;
    assert!(client(&service).resources(&ResourceFilter::default()).await.unwrap().items.is_empty());
}

/// Between the first and the second page a row goes away in front: the 51st moves to the first page and is missed.
#[tokio::test]
async fn rows_that_move_between_pages_are_found() {
    let service = Service::start(|request, number| {
        let (page, size) = page(request);
        let gone = usize::from(number > 0);
        rows(((page - 1) * size + gone)..(page * size + gone).min(70), 70 - gone)
    })
    .await;
    let listing = client(&service).resources(&ResourceFilter::default()).await.unwrap();
    let ids: std::collections::HashSet<u64> = listing.items.iter().map(|row| row.id.0).collect();
    assert!(listing.complete && (2..=70).all(|id| ids.contains(&id)), "{ids:?}");
    assert_eq!(ids.len(), listing.items.len(), "each row once");
}

#[tokio::test]
async fn lists_without_end_are_given_up() {
    let service = Service::start(|request, _| {
        let (page, size) = page(request);
        rows((page * size)..((page + 1) * size), 1_000_000)
    })
    .await;
    let listing = client(&service).resources(&ResourceFilter::default()).await.unwrap();
    assert_eq!((listing.items.len(), listing.complete), (5_000, false));
    // A count that promises rows which never come.
    let service = Service::start(|request, _| if page(request).0 == 1 { rows(0..2, 9) } else { rows(0..0, 9) }).await;
    let listing = client(&service).resources(&ResourceFilter::default()).await.unwrap();
    assert_eq!((listing.items.len(), listing.complete, service.requests().len()), (2, false, 6));
}

#[tokio::test]
async fn a_role_is_assumed_and_its_token_renewed() {
    // The first token ends in four minutes, too soon to be used twice.
    let sts = Service::start(|_, number| {
        let ends = if number == 0 { "2026-01-15T08:34:00Z" } else { "2026-01-15T09:30:00Z" };
        let credentials = json!({"AccessKeyId": "STS.temporary", "AccessKeySecret": "temporarySecret", "SecurityToken": TOKEN, "Expiration": ends});
        Reply::ok(json!({"RequestId": "R", "Credentials": credentials}).to_string())
    })
    .await;
    let service = Service::start(|_, _| Reply::ok(r#"{"Id":1,"Status":"success"}"#)).await;
    let endpoint: Endpoint = service.url().parse().unwrap();
    let mut settings = settings(&endpoint);
    settings.sts_endpoint = Some(sts.url().parse().unwrap());
    let role = Role {
        with: credentials(None),
        role_arn: "acs:ram::1:role/deploy".into(),
        session_name: "tlsmend".into(),
        duration: Some(900),
        policy: None,
        external_id: Some("x".into()),
        sts_region: None,
    };
    let client = CasClient::new(endpoint, Identity::Role(Box::new(role)), settings).unwrap();
    for _ in 0..3 {
        client.job(JobId(1)).await.unwrap();
    }
    let assumed = sts.requests();
    assert_eq!(assumed.len(), 2, "the second token lasts");
    assert!(assumed.iter().all(is_signed));
    assert_eq!(assumed[0].header("x-acs-version"), Some("2015-04-01"));
    assert_eq!(assumed[0].parameter("RoleArn").as_deref(), Some("acs:ram::1:role/deploy"));
    assert_eq!(assumed[0].parameter("DurationSeconds").as_deref(), Some("900"));
    for request in service.requests() {
        assert_eq!(request.header("x-acs-security-token"), Some(TOKEN));
        assert_eq!(request.header("x-acs-accesskey-id"), Some("STS.temporary"));
    }
    assert!(!format!("{:?}", client.calls()).contains("temporarySecret"));
}

fn guide(service: &Service, token: Option<&str>) -> GuideClient {
    let endpoint: Endpoint = service.url().parse().unwrap();
    let settings = settings(&endpoint);
    GuideClient::new(endpoint, Identity::Static(credentials(token)), settings, false).unwrap()
}

fn is_signed_the_older_way(request: &Recorded) -> bool {
    let mut signed: Vec<(String, String)> = request.query().into_iter().chain(request.form()).collect();
    let given = request.parameter("Signature");
    signed.retain(|(name, _)| name != "Signature");
    let to_sign = sign::rpc_string_to_sign(&request.method, borrowed(&signed));
    given == Some(sign::rpc_signature(&to_sign, KEY_SECRET))
}

#[tokio::test]
async fn the_guides_dialect_is_spoken() {
    let service = Service::start(|request, _| {
        Reply::ok(match request.action().as_str() {
            "CreateCertificate" => r#"{"RequestId":"R","CertId":"cert-8a9b2c","Status":"Issued"}"#,
            "DeployCertificate" => r#"{"RequestId":"R","CertId":"cert-8a9b2c","Status":"Deploying"}"#,
            "DescribeCertificateStatus" => r#"{"RequestId":"R","CertId":"cert-8a9b2c","Status":"Failed","Reason":"no\u0007"}"#,
            "UpdateCertificate" => r#"{"RequestId":"R","CertId":"cert-8a9b2c","Status":"Polishing"}"#,
            _ => r#"{"RequestId":"R","CertId":"cert-8a9b2c","Result":"fail","Problems":[{"Code":"missing_intermediate","Message":"m"}]}"#,
        })
    })
    .await;
    for token in [None, Some(TOKEN)] {
        let client = guide(&service, token);
        let id = client.create("rec.example.com").await.unwrap().cert_id;
        assert_eq!(client.deploy(&id, "SLB", "lb-ai-rec-01").await.unwrap().status, GuideStatus::Deploying);
        let status = client.status(&id).await.unwrap();
        assert_eq!((status.status, status.reason.as_deref()), (GuideStatus::Failed, Some("no\\u{7}")));
        let diagnosis = client.diagnose(&id, "chrome").await.unwrap();
        assert_eq!((diagnosis.result.as_str(), diagnosis.problems[0].code.as_str()), ("fail", "missing_intermediate"));
        assert_eq!(client.update(&id, BUNDLE).await.unwrap().status, GuideStatus::Other("Polishing".into()));
        assert_eq!(client.calls().len(), 5);
        let before = service.requests().len();
        let refused = [
            client.update(&id, &format!("{BUNDLE}{PRIVATE_KEY}")).await.unwrap_err(),
            client.status(&CertId::Number(1)).await.unwrap_err(),
        ];
        assert!(refused.iter().all(|error| error.kind == ErrorKind::NotSent), "{refused:?}");
        assert_eq!(service.requests().len(), before);
    }
    for request in service.requests() {
        assert!(is_signed_the_older_way(&request), "{request:?}");
        assert!(!request.raw_query.contains("BEGIN") && !request.raw_query.contains("testSecurityToken"));
        assert!(request.raw_query.starts_with(&format!("Action={}", request.action())));
    }
    let methods: Vec<_> =
        service.requests()[..5].iter().map(|request| (request.action(), request.method.clone())).collect();
    assert_eq!(methods[2], ("DescribeCertificateStatus".into(), "GET".into()));
    assert_eq!(methods[4], ("UpdateCertificate".into(), "PUT".into()));
}

#[test]
fn the_guides_dialect_never_reaches_the_public_service() {
    let try_it = |host: &str, force| {
        let endpoint: Endpoint = host.parse().unwrap();
        let settings = settings(&endpoint);
        GuideClient::new(endpoint, Identity::Static(credentials(None)), settings, force).map(|_| ())
    };
    assert!(try_it("cas.aliyuncs.com", false).unwrap_err().message.contains("--force-guide"));
    assert!(try_it("https://cas.ap-southeast-1.aliyuncs.com.", false).is_err());
    assert!(try_it("cas.aliyuncs.com", true).is_ok());
    assert!(try_it("cas.private.example", false).is_ok());
}

#[tokio::test]
async fn gateways_are_read_by_path() {
    let service = Service::start(|request, _| {
        Reply::ok(match request.action().as_str() {
            "ListGateway" => r#"{"RequestId":"R","TotalCount":1,"Gateways":[{"GatewayId":"gw-1","InternetDomain":"gw-1.example.net","SSLRedirectionEnabled":true}]}"#,
            "DescribeGateway" => r#"{"RequestId":"R","GatewayId":"gw-1","Status":"Running","InternetEnabled":true,"InternetDomain":"GW-1.example.net."}"#,
            _ => r#"{"RequestId":"R","CustomDomains":[{"Domain":"api.example.com","Type":"internet","CertificateId":"12345678-cn-hangzhou"}],"Message":""}"#,
        })
    })
    .await;
    let endpoint: Endpoint = service.url().parse().unwrap();
    let settings = settings(&endpoint);
    let client = EasClient::new(endpoint, "cn-hangzhou", Identity::Static(credentials(Some(TOKEN))), settings).unwrap();
    assert_eq!(client.gateways().await.unwrap()[0].ssl_redirection_enabled, Some(true));
    assert_eq!(client.gateway("gw-1").await.unwrap().cname_target().unwrap().as_str(), "gw-1.example.net");
    let domains = client.domains("gw/1").await.unwrap();
    assert!(CertId::Number(12_345_678).is_named_by(domains[0].certificate_id.as_deref().unwrap()));
    let requests = service.requests();
    assert!(requests.iter().all(|request| is_signed(request) && request.method == "GET" && request.body.is_empty()));
    let paths: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
    let base = "/api/v2/gateways";
    assert_eq!(paths, [base, "/api/v2/gateways/cn-hangzhou/gw-1", "/api/v2/gateways/cn-hangzhou/gw%2F1/domains"]);
}

/// Signs our recorded requests again, by the code of the official Python SDK. `None` where it is not installed.
async fn signed_by_the_sdk(requests: &[Recorded]) -> Option<Vec<String>> {
    let standard = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers");
    let peers = std::env::var_os("TLSMEND_PEERS").map_or_else(|| standard.into(), std::path::PathBuf::from);
    let python = peers.join("venv/bin/python");
    if !python.exists() {
        return None;
    }
    let map = |pairs: Vec<(String, String)>| Value::Object(pairs.into_iter().map(|(k, v)| (k, json!(v))).collect());
    let shown: Vec<Value> = requests
        .iter()
        .map(|request| {
            let named = request.header("authorization").and_then(|text| text.split("SignedHeaders=").nth(1)).unwrap_or_default();
            let names: Vec<&str> = named.split(',').next().unwrap_or_default().split(';').collect();
            let headers: Vec<_> =
                request.headers.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect();
            json!({
                "method": request.method, "path": request.path, "query": map(request.query()), "form": map(request.form()),
                "headers": map(headers), "hash": sign::content_hash(request.body.as_bytes()),
            })
        })
        .collect();
    let input = serde_json::to_vec(&shown).unwrap();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = std::process::Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/cas_sign.py"))
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY_ID)
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY_SECRET)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &input).unwrap();
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test]
async fn the_official_sdk_signs_our_requests_as_we_do() {
    let service =
        Service::start(|_, _| Reply::ok(r#"{"RequestId":"R","CertId":1,"GatewayId":"g","Status":"Issued"}"#)).await;
    let special = "a b+c*d~e'f(g)!h/i?j%k&l=m:n@o,p;q\"r<s>t_u-v.w证书é";
    for token in [None, Some(TOKEN)] {
        let client = client_with(&service, Identity::Static(credentials(token)));
        client.upload("rec.example.com-1", BUNDLE, &Secret::new(PRIVATE_KEY)).await.unwrap();
        let filter = ResourceFilter { keyword: Some(special.into()), ..ResourceFilter::default() };
        client.resources(&filter).await.unwrap();
        client.start_job(JobId(8888), Start::Pending).await.unwrap();
        client.certificates(Some("")).await.unwrap();
        let endpoint: Endpoint = service.url().parse().unwrap();
        let eas_settings = settings(&endpoint);
        let eas = EasClient::new(endpoint, "cn-hangzhou", Identity::Static(credentials(token)), eas_settings).unwrap();
        eas.domains("gw-1uhcqmsc7x22000000").await.unwrap();
        eas.gateways().await.unwrap();
        let guide = guide(&service, token);
        guide.create(special).await.unwrap();
        guide.update(&"cert-8a9b2c".parse().unwrap(), BUNDLE).await.unwrap();
        guide.status(&"cert-8a9b2c".parse().unwrap()).await.unwrap();
    }
    let requests = service.requests();
    let Some(signatures) = signed_by_the_sdk(&requests).await else {
        return crate::support::skip("the Python SDK of the certificate service is not installed");
    };
    assert_eq!(signatures.len(), requests.len());
    for (request, expected) in requests.iter().zip(&signatures) {
        let ours = request.header("authorization").map(str::to_owned).or_else(|| request.parameter("Signature"));
        assert_eq!(ours.as_ref(), Some(expected), "{request:?}");
    }
    let older = requests.iter().filter(|request| request.header("authorization").is_none()).count();
    assert!(older >= 6 && requests.len() - older >= 12, "{older} of {}", requests.len());
}

fn lookup(
    profile: Option<&str>,
    environment: &[(&str, &str)],
    config: Option<&str>,
) -> Result<Found, CredentialsError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    if let Some(config) = config {
        std::fs::write(&file, config).unwrap();
    }
    let environment: Vec<(String, String)> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let variable =
        move |name: &str| environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Lookup { profile, default_profile: None, environment: &variable, config_file: Some(file) }.find()
}

const CONFIG: &str = r#"{"current": "work", "profiles": [
    {"name": "work", "mode": "AK", "access_key_id": "LTAIwork", "access_key_secret": "secret-of-work", "region_id": "cn-shanghai"},
    {"name": "token", "mode": "StsToken", "access_key_id": "STS.1", "access_key_secret": "s", "sts_token": "t"},
    {"name": "role", "mode": "RamRoleArn", "access_key_id": "LTAIrole", "access_key_secret": "s",
     "ram_role_arn": "acs:ram::1:role/x", "ram_session_name": "me", "expired_seconds": 900, "sts_region": "cn-hangzhou"},
    {"name": "machine", "mode": "EcsRamRole", "ram_role_name": "r"},
    {"name": "half", "mode": "AK", "access_key_id": "LTAIhalf", "access_key_secret": ""}
], "meta_path": ""}"#;

#[test]
fn credentials_come_from_where_the_vendor_looks_first() {
    const KEYS: [(&str, &str); 2] =
        [("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIenv"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret-of-env")];
    let id = |found: &Found| match &found.identity {
        Identity::Static(credentials) => credentials.access_key_id.clone(),
        Identity::Role(role) => format!("{} by {}", role.role_arn, role.with.access_key_id),
    };
    let from = |profile, environment: &[(&str, &str)], config| lookup(profile, environment, config).unwrap();
    let environment = from(None, &KEYS, Some(CONFIG));
    assert_eq!(id(&environment), "LTAIenv");
    assert!(environment.source.contains("environment") && !environment.source.contains("secret-of-env"));
    // A profile that was asked for wins over the environment.
    assert_eq!(id(&from(Some("work"), &KEYS, Some(CONFIG))), "LTAIwork");
    let current = from(None, &[], Some(CONFIG));
    assert_eq!(
        (id(&current).as_str(), current.source.as_str(), current.region.as_deref()),
        ("LTAIwork", "profile `work` (AK)", Some("cn-shanghai"))
    );
    assert_eq!(id(&from(None, &[("ALIBABA_CLOUD_PROFILE", "role")], Some(CONFIG))), "acs:ram::1:role/x by LTAIrole");
    let token = from(Some("token"), &[], Some(CONFIG));
    assert!(matches!(&token.identity, Identity::Static(it) if it.security_token.as_ref().unwrap().expose() == "t"));
    // Half a key is none.
    assert_eq!(id(&from(None, &KEYS[..1], Some(CONFIG))), "LTAIwork");
}

#[test]
fn what_cannot_be_used_says_what_to_do() {
    let refused = |profile, environment: &[(&str, &str)], config| match lookup(profile, environment, config) {
        Ok(found) => panic!("found {}", found.source),
        Err(error) => error.to_string(),
    };
    let oidc = [
        ("ALIBABA_CLOUD_ROLE_ARN", "a"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "b"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "c"),
    ];
    for (message, said) in [
        (refused(None, &[], None), "aliyun configure"),
        (refused(None, &[("ALIBABA_CLOUD_CREDENTIALS_URI", "http://x")], None), "CredentialsURI"),
        (refused(None, &[("ALIBABA_CLOUD_ECS_METADATA", "r")], None), "ECS instance"),
        // It would be another identity than the profile's.
        (refused(None, &oidc, Some(CONFIG)), "OIDC"),
        (refused(None, &[("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true")], Some(CONFIG)), "disabled"),
        (refused(Some("machine"), &[], Some(CONFIG)), "EcsRamRole"),
        (refused(Some("half"), &[], Some(CONFIG)), "access_key_secret"),
        (refused(Some("nobody"), &[], Some(CONFIG)), "work, token, role"),
        (refused(Some("nobody"), &[], None), "does not exist"),
        (refused(None, &[], Some("{\"current\": \"sec-ret")), "not valid JSON"),
        (refused(None, &[], Some("[]")), "no JSON object"),
        (refused(None, &[], Some("{}")), "no profile `default`"),
    ] {
        assert!(message.contains(said), "{said}: {message}");
        assert!(!message.contains("sec-ret"), "{message}");
    }
}

/// Calls of one group keep their distance, also when they are made at once; another group does not wait for them.
#[tokio::test]
async fn calls_are_spread_over_time_group_by_group() {
    let service = Service::start(|_, _| Reply::ok(r#"{"RequestId":"R","Id":1,"Status":"success"}"#)).await;
    let endpoint: Endpoint = service.url().parse().unwrap();
    let apart = Duration::from_millis(150);
    let mut settings = settings(&endpoint);
    settings.pace = Pace { deployment: apart, ..Pace::NONE };
    let client = CasClient::new(endpoint, Identity::Static(credentials(None)), settings).unwrap();
    let begun = std::time::Instant::now();
    let job = JobId(1);
    let (one, two, three, other) = tokio::join!(client.job(job), client.job(job), client.job(job), client.detail(1));
    assert!(one.is_ok() && two.is_ok() && three.is_ok() && other.is_ok());
    assert!(begun.elapsed() >= 2 * apart, "three calls, two distances: {:?}", begun.elapsed());
    let order: Vec<String> = service.requests().iter().map(Recorded::action).collect();
    assert_eq!(order.last().map(String::as_str), Some("DescribeDeploymentJob"), "{order:?}");
    let position = order.iter().position(|action| action == "GetUserCertificateDetail");
    assert!(position < Some(2), "the other group went ahead: {order:?}");
}
