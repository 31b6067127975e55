//! The embedded engine of the registry against the conformance checks that a second engine would join.

use std::path::Path;
use std::sync::Arc;

use anlan_domain::point::PointKind;
use anlan_store::registry::scoped::Filter;
use anlan_store::registry::{Registry, Scope, conformance};
use anlan_store::sql::sqlite::SqliteDatabase;
use anlan_store::sql::{Database as _, Statement};
use sqlx::migrate::Migrator;

#[tokio::test]
async fn sqlite_keeps_the_registry_as_every_engine_must() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(&scratch.path().join("registry.sqlite")).await.unwrap();
    conformance::check(&registry, scratch.path()).await;
    registry.close().await;
    let again = Registry::open(&scratch.path().join("registry.sqlite")).await.unwrap();
    assert_eq!(again.plan().await.unwrap().enterprises.len(), 3, "it is there after a restart");
}

/// A registry of before delays, with one discrete point.
const BEFORE_DELAYS: &[&str] = &[
    "INSERT INTO regions VALUES ('410205', '禹王台区', 'Yuwangtai', '/410000/410200/410205/', 1)",
    "INSERT INTO enterprises VALUES ('410205001', '', '豫澜氮化', '', '410205', '', '', NULL, NULL, '', '', 1)",
    "INSERT INTO equipment VALUES ('410205001.A-1', '410205001', NULL, 'area', '厂前区', '', '', '', NULL, NULL, NULL, 1)",
    "INSERT INTO gateways VALUES ('41020500101', 1, '410205001', 'GW-1', '', 1)",
    "INSERT INTO hosts VALUES (1, 'general:410205001', '410205001')",
    "INSERT INTO points VALUES ('410205001.XV-1', 1, '410205001', '410205001.A-1', '41020500101', 'plc', '阀', '', 'discrete', 'state', '', 0, 2, 0, 1000, 3, 0, NULL, NULL, '', '!2=故障/Fault', 1)",
];

#[tokio::test]
async fn a_registry_of_before_delays_opens_and_changes_no_configuration() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("registry.sqlite");
    let older = scratch.path().join("migrations");
    std::fs::create_dir_all(&older).unwrap();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for name in ["0001_registry.sql", "0002_point_births.sql", "0003_point_homes.sql"] {
        std::fs::copy(migrations.join(name), older.join(name)).unwrap();
    }
    let schema = Migrator::new(older).await.unwrap();
    let database = SqliteDatabase::open(&file, &schema).await.unwrap();
    let mut change = database.change().await.unwrap();
    for insert in BEFORE_DELAYS {
        change.execute(Statement::new(*insert)).await.unwrap();
    }
    change.commit().await.unwrap();
    database.close().await;

    let registry = Registry::open(&file).await.unwrap();
    let hosts = registry.host_configs().await.unwrap();
    let kinds: Vec<_> = hosts.iter().flat_map(|h| &h.points).map(|p| &p.settings.kind).collect();
    assert_eq!(kinds, [&PointKind::discrete(Some(2), 0, 0)]);
    registry.close().await;
}

/// What counting finds where one row of an enterprise was damaged.
async fn counted_with(damage: &str) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let schema = Migrator::new(migrations).await.unwrap();
    let file = scratch.path().join("registry.sqlite");
    let database = SqliteDatabase::open(&file, &schema).await.unwrap();
    let mut change = database.change().await.unwrap();
    for insert in BEFORE_DELAYS.iter().filter(|insert| !insert.contains("INTO points")) {
        change.execute(Statement::new(*insert)).await.unwrap();
    }
    change.execute(Statement::new(damage)).await.unwrap();
    change.commit().await.unwrap();
    let registry = Registry::over(Arc::new(database));
    let scoped = registry.scoped(Scope::Everything);
    let of = scoped.enterprises(&Filter::default()).await.unwrap();
    let error = scoped.holdings(&of).await.unwrap_err().to_string();
    registry.close().await;
    error
}

#[tokio::test]
async fn a_damaged_row_is_named_and_not_left_out_of_the_counts() {
    let level = "INSERT INTO hazard_sources
        VALUES ('41020500101', '410205001', '罐区', 'Tanks', 300, 'tank_farm', 1)";
    let found = counted_with(level).await;
    assert!(found.contains(r#"row "41020500101" of hazard_sources is damaged"#), "{found}");
    let gateway = "INSERT INTO gateways VALUES ('no id', 2, '410205001', 'GW-2', '', 1)";
    let found = counted_with(gateway).await;
    assert!(found.contains(r#"row "no id" of gateways is damaged"#), "{found}");
}

#[tokio::test]
async fn what_an_import_leaves_blank_of_a_limit_is_the_default_of_its_signal_type() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(&scratch.path().join("registry.sqlite")).await.unwrap();
    let dir = scratch.path().join("plant");
    std::fs::create_dir_all(&dir).unwrap();
    conformance::sample_plant(&dir);
    std::fs::write(
        dir.join("limits.csv"),
        "point,limit,value,deadband,on_delay_ms,off_delay_ms\n\
         410205001.LT-1203A,HH,85,,,\n\
         410205001.LT-1203A,H,80,1,,0\n\
         410205001.LT-1203A,L,72,,0,\n\
         410205001.GT-1,H,25,,,\n\
         410205002.PT-201,ROC,0.5,,,\n",
    )
    .unwrap();
    registry.import(&dir, conformance::sample_options()).await.unwrap();
    let hosts = registry.host_configs().await.unwrap();
    let limits = |tag: &str| {
        let mut points = hosts.iter().flat_map(|h| &h.points);
        let point = points.find(|p| p.id.to_string() == format!("410205001.{tag}"));
        let point = point.or_else(|| {
            let mut points = hosts.iter().flat_map(|h| &h.points);
            points.find(|p| p.id.to_string() == format!("410205002.{tag}"))
        });
        point.unwrap().settings.limits.clone()
    };
    let told = |limit: Option<anlan_domain::limits::Limit>| {
        let limit = limit.unwrap();
        (limit.deadband, limit.on_delay_ms, limit.off_delay_ms)
    };
    let level = limits("LT-1203A");
    // A quarter of the way from HH to L is 3.25, less than 5 % of the span.
    assert_eq!(told(level.hh), (3.25, 3_000, 60_000));
    assert_eq!(told(level.h), (1.0, 60_000, 0), "what is given stays");
    assert_eq!(told(level.l), (2.0, 0, 60_000));
    assert_eq!(told(limits("GT-1").h), (2.0, 0, 10_000));
    assert_eq!(told(limits("PT-201").rate_per_min), (0.05, 15_000, 15_000));
    registry.close().await;
}
