//! The embedded engine behind the relational port against the checks that a second engine would join.

use std::path::Path;

use anlan_store::sql::sqlite::SqliteDatabase;
use anlan_store::sql::{Database as _, conformance};
use sqlx::migrate::Migrator;

const TABLE: &str =
    "CREATE TABLE conformance (id TEXT PRIMARY KEY, whole INTEGER, number REAL, word TEXT)";

async fn schema(scratch: &Path) -> Migrator {
    let migrations = scratch.join("migrations");
    std::fs::create_dir_all(&migrations).unwrap();
    std::fs::write(migrations.join("0001_conformance.sql"), TABLE).unwrap();
    Migrator::new(migrations).await.unwrap()
}

#[tokio::test]
async fn sqlite_is_a_database_as_every_engine_must_be() {
    let scratch = tempfile::tempdir().unwrap();
    let (path, schema) = (scratch.path().join("conformance.sqlite"), schema(scratch.path()).await);
    let database = SqliteDatabase::open(&path, &schema).await.unwrap();
    conformance::check(&database).await;
    database.close().await;
    SqliteDatabase::open(&path, &schema).await.unwrap().close().await;
}
