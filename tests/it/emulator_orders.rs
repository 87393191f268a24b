//! Orders at the emulated certificate service.

use std::sync::Arc;

use serde_json::Value;
use tlsmend::lab::cas::{Emulator, Seed, Wiring};
use tlsmend::x509::{Certificate, pem};

use crate::support::cas_caller::Caller;
use crate::support::cas_world::now;

const SINGLE: &str = "CreateCertificateRequest";
const PACKAGE: &str = "CreateCertificateForPackageRequest";
const FULL: [(&str, &str); 5] = [
    ("Domain", "www.example.com"),
    ("Username", "Ops"),
    ("Phone", "13900000000"),
    ("Email", "ops@example.com"),
    ("ValidateType", "FILE"),
];

async fn service(seed: Seed) -> (Emulator, Caller) {
    let emulator = Emulator::start(seed, Arc::new(now), Wiring::default()).await.unwrap();
    let caller = Caller::new(&emulator, now);
    (emulator, caller)
}

async fn look(caller: &Caller, id: &str) -> Value {
    caller.query("DescribeCertificateState", &[("OrderId", id)]).await.ok()
}

/// The order's id, as the next call wants it.
async fn ordered(caller: &Caller, action: &str, parameters: &[(&str, &str)]) -> String {
    caller.query(action, parameters).await.ok()["OrderId"].as_i64().unwrap().to_string()
}

#[tokio::test]
async fn what_is_missing_first_is_named() {
    let (_emulator, caller) = service(Seed::default()).await;
    for length in 0..FULL.len() {
        let refused = caller.query(SINGLE, &FULL[..length]).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "MissingParameter"));
        assert!(refused.text.contains(FULL[length].0), "{}", refused.text);
    }
    let refused = caller.query(PACKAGE, &[]).await;
    assert!(refused.code() == "MissingParameter" && refused.text.contains("Domain"), "{}", refused.text);
    for domains in ["a.example,*.b.example", "a.example,,b.example", "a.x,b.x,c.x,d.x,e.x,f.x"] {
        assert_eq!(caller.query(PACKAGE, &[("Domain", domains)]).await.code(), "InvalidParameter", "{domains}");
    }
    for action in ["DescribeCertificateState", "CancelOrderRequest", "DeleteCertificateRequest"] {
        assert_eq!(caller.query(action, &[]).await.code(), "MissingParameter", "{action}");
        let absent = caller.query(action, &[("OrderId", "1")]).await;
        assert_eq!((absent.status, absent.code().as_str()), (404, "NotFound"), "{action}");
    }
}

#[tokio::test]
async fn an_order_from_a_package_is_issued_stage_by_stage() {
    let (emulator, caller) = service(Seed { polls_per_stage: 2, ..Seed::default() }).await;
    let first = ordered(&caller, PACKAGE, &[("Domain", "a.example,b.example")]).await;
    let second = ordered(&caller, SINGLE, &FULL).await;
    assert!(second.parse::<i64>().unwrap() > first.parse().unwrap());

    let mut states = Vec::new();
    for _ in 0..6 {
        states.push(look(&caller, &first).await["Type"].as_str().unwrap().to_owned());
    }
    assert_eq!(states, ["domain_verify", "domain_verify", "process", "process", "certificate", "certificate"]);
    let stored = emulator.certificates();
    assert!(stored.len() == 1 && stored[0].has_key && stored[0].chain.len() == 2);
    let issued = look(&caller, &first).await;
    assert_eq!(issued["CertId"], stored[0].id.to_string());
    let (blocks, _) = pem::blocks(issued["Certificate"].as_str().unwrap().as_bytes());
    let chain: Vec<_> = blocks.iter().map(|block| Certificate::parse(&block.der).unwrap()).collect();
    let (root, _) = pem::blocks(emulator.root_pem().as_bytes());
    assert_eq!(chain[1].issuer, Certificate::parse(&root[0].der).unwrap().subject);
    let detail = caller.query("GetUserCertificateDetail", &[("CertId", &stored[0].id.to_string())]).await.ok();
    assert_eq!((&detail["BuyInAliyun"], &detail["Sans"]), (&Value::Bool(true), &Value::from("a.example,b.example")));
    assert_eq!((&detail["Cert"], &detail["Key"]), (&issued["Certificate"], &issued["PrivateKey"]));

    // The other one has stood still meanwhile.
    let proof = look(&caller, &second).await;
    assert_eq!((&proof["Type"], &proof["Domain"]), (&Value::from("domain_verify"), &Value::from("www.example.com")));
    assert!(proof["Uri"].is_string() && proof["Content"].is_string() && proof["RecordValue"].is_null(), "{proof}");
}

#[tokio::test]
async fn an_order_is_cancelled_and_deleted_only_in_its_time() {
    let (_emulator, caller) = service(Seed::default()).await;
    let id = ordered(&caller, SINGLE, &FULL).await;
    let order = [("OrderId", id.as_str())];
    assert_eq!(caller.query("DeleteCertificateRequest", &order).await.code(), "OperationDenied.StatusNotSupport");
    caller.query("CancelOrderRequest", &order).await.ok();
    assert_eq!(look(&caller, &id).await["Type"], "payed");
    assert_eq!(caller.query("CancelOrderRequest", &order).await.code(), "OperationDenied.StatusNotSupport");
    caller.query("DeleteCertificateRequest", &order).await.ok();
    assert_eq!(caller.query("DescribeCertificateState", &order).await.code(), "NotFound");

    // No certificate can carry this name: the CA refuses.
    let refused = ordered(&caller, PACKAGE, &[("Domain", "b\u{fc}cher.example")]).await;
    let mut last = Value::Null;
    for _ in 0..4 {
        last = look(&caller, &refused).await["Type"].take();
    }
    assert_eq!(last, "verify_fail");
    caller.query("DeleteCertificateRequest", &[("OrderId", &refused)]).await.ok();
}
