//! The embedded engine of the registry against the conformance checks that a second engine would join.

use anlan_store::registry::{Registry, conformance};

#[tokio::test]
async fn sqlite_keeps_the_registry_as_every_engine_must() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(&scratch.path().join("registry.sqlite")).await.unwrap();
    conformance::check(&registry, scratch.path()).await;
    registry.close().await;
    let again = Registry::open(&scratch.path().join("registry.sqlite")).await.unwrap();
    assert_eq!(again.plan().await.unwrap().enterprises.len(), 3, "it is there after a restart");
}
