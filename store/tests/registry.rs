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

const POINTS_WITH_SIBLING: &str = "id,equipment,gateway,device,name_zh,name_en,kind,signal,unit,range_lo,range_hi,decimals,scan_ms,longitude,latitude,role,states\n\
    410205001.LT-1203B,410205001.V-1203,41020500101,plc-1,液位,Level,analog,level,%,0,100,1,1000,,,level,\n";

#[tokio::test]
async fn detectors_come_in_reach_their_host_and_go_out_again() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(&scratch.path().join("registry.sqlite")).await.unwrap();
    let dir = scratch.path().join("plant");
    std::fs::create_dir_all(&dir).unwrap();
    conformance::sample_plant(&dir);
    registry.import(&dir, conformance::sample_options()).await.unwrap();
    let more = scratch.path().join("more");
    std::fs::create_dir_all(&more).unwrap();
    std::fs::write(more.join("points.csv"), POINTS_WITH_SIBLING).unwrap();
    let detectors = "point,condition,settings,on_delay_ms,off_delay_ms,level,reason\n\
        410205001.LT-1203A,DEVIATION,from=[LT-1203B]; limit=3; deadband=1; side=either,5000,0,2,two gauges\n\
        410205001.LT-1203A,EXPRESSION,[LT-1203A] > 80 and [XV-1] = 1,0,0,,\n\
        410205001.XV-1,COUNTS,state=1; at_least=5; window_s=600,0,0,,\n";
    std::fs::write(more.join("detectors.csv"), detectors).unwrap();
    let report = registry.import(&more, conformance::sample_options()).await.unwrap();
    assert_eq!(report.tables["detectors"], (3, 0, 0));
    let again = registry.import(&more, conformance::sample_options()).await.unwrap();
    assert!(!again.changed_anything(), "{again}");
    let hosts = registry.host_configs().await.unwrap();
    let of = |tag: &str| {
        let mut points = hosts.iter().flat_map(|h| &h.points);
        points.find(|p| p.id.as_str() == tag).unwrap().settings.detectors.clone()
    };
    let of_level = of("410205001.LT-1203A");
    assert_eq!(of_level.len(), 2);
    assert_eq!((of_level[0].delays.on_ms, of_level[0].level), (5_000, Some(2)));
    assert_eq!(of_level[1].detector.to_string(), "[LT-1203A] > 80 and [XV-1] = 1");
    assert!(of("410205001.LT-1203B").is_empty());
    let out = scratch.path().join("out");
    std::fs::create_dir_all(&out).unwrap();
    registry.export(&out).await.unwrap();
    assert_eq!(std::fs::read_to_string(out.join("detectors.csv")).unwrap(), detectors);
    registry.close().await;
}

#[tokio::test]
async fn a_detector_that_cannot_be_is_refused_with_its_place() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(&scratch.path().join("registry.sqlite")).await.unwrap();
    let dir = scratch.path().join("plant");
    std::fs::create_dir_all(&dir).unwrap();
    conformance::sample_plant(&dir);
    std::fs::write(
        dir.join("detectors.csv"),
        "point,condition,settings,on_delay_ms\n\
         410205001.LT-1203A,SPIKE,window=3; k=4; least=1,\n\
         410205001.LT-1203A,DEVIATION,from=[GT-1]; limit=3,\n\
         410205001.LT-1203A,EXPRESSION,[NONE-1] > 1,\n\
         410205001.LT-1203A,COUNTS,state=1; at_least=3; window_s=60,\n\
         410205001.XV-1,DISCREPANCY,command=[XV-1]; travel_s=5,86400001\n\
         410205001.XV-1,H,x=1,\n\
         410205001.LT-9,SPIKE,window=9; k=4; least=1,\n",
    )
    .unwrap();
    let options = conformance::sample_options();
    let problems = registry.import(&dir, options).await.unwrap_err().to_string();
    for (line, told) in [
        (2, "window is 3: 5 to 61"),
        (3, "GT-1 belongs to 410205001.A-1, and LT-1203A to 410205001.V-1203"),
        (4, "there is no point NONE-1"),
        (5, "COUNTS belongs to a discrete point"),
        (6, "XV-1 is the point itself"),
        (6, "is 86400001: at most a day"),
        (7, "H is no detector"),
        (8, "410205001.LT-9 is neither in points.csv"),
    ] {
        let found = problems
            .lines()
            .any(|l| l.starts_with(&format!("detectors.csv:{line}:")) && l.contains(told));
        assert!(found, "{line}: {told}\n{problems}");
    }
    assert_eq!(problems.lines().count(), 8, "{problems}");
    registry.close().await;
}
