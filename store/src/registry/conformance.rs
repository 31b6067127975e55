//! What every SQL engine of the registry must do. A second engine calls [`check`] on an empty registry of its own.
//!
//! It asserts, because it is a test; it lives in the library so that another engine's crate can run it.

use std::fs;
use std::path::Path;

use anlan_domain::ids::{EnterpriseCode, EquipmentId, PointId, Role, UserName};
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::log::{HostKey, HostNo};
use anlan_domain::point::PointKind;
use anlan_domain::region::RegionCode;
use anlan_domain::time::UtcMillis;

use super::audit::AuditFilter;
use super::limits::set_by_name;
use super::people::{Counted, LOCK_RULE, Opened, Try, User};
use super::record::{self, Meta, Record as _};
use super::records::{Camera, Enterprise, Equipment, Point, States};
use super::scoped::Filter;
use super::transfer::{ImportError, ImportOptions};
use super::{Change, Doer, Expected, Outcome, Registry, RegistryError, Scope, Scoped};

const AT: UtcMillis = UtcMillis(1_795_000_000_000);

/// Writes a small plant of two parks and three enterprises as an import folder.
///
/// # Panics
/// When the folder cannot be written.
pub fn sample_plant(dir: &Path) {
    let hash = "ab".repeat(32);
    let files = [
        ("regions.csv", "code,name_zh,name_en\n410000,河南省,Henan\n410200,开封市,Kaifeng\n410205,禹王台区,Yuwangtai\n410205P01,精细化工园区,Fine Chemical Park\n410100,郑州市,Zhengzhou\n410105,金水区,Jinshui\n410105P01,东园区,East Park\n".to_owned()),
        ("enterprises.csv", "code,credit_code,name_zh,name_en,region,industry_code,address,longitude,latitude,principal,phone\n410205001,91410205MA4000004D,豫澜氮化,Yulan Nitrogen,410205P01,2614,园区一路 1 号,114.37,34.75,王强,0371-1\n410205002,,中原氯碱,Zhongyuan Chlor-Alkali,410205P01,2612,园区一路 2 号,114.38,34.76,李强,0371-2\n410105001,,东方仓储,Orient Storage,410105P01,5942,东一路,113.7,34.8,赵强,0371-3\n".to_owned()),
        ("hazard_sources.csv", "code,name_zh,name_en,level,kind\n410205001001,液氨罐区,Ammonia farm,1,tank_farm\n410205002001,液氯罐区,Chlorine farm,2,tank_farm\n410105001001,甲类库,Warehouse A,3,warehouse\n".to_owned()),
        ("equipment.csv", "id,enterprise,hazard,kind,name_zh,name_en,medium,cas,volume_m3,longitude,latitude\n410205001.V-1203,410205001,410205001001,sphere,液氨球罐,Ammonia sphere,液氨,7664-41-7,650,114.371,34.751\n410205001.A-1,410205001,,area,厂前区,Front yard,,,,114.37,34.75\n410205002.V-201,410205002,410205002001,htank,液氯卧罐,Chlorine bullet,液氯,7782-50-5,50,114.381,34.761\n410105001.W-1,410105001,410105001001,warehouse,一号库,Warehouse 1,,,,113.7,34.8\n".to_owned()),
        ("gateways.csv", format!("id,name,secret_sha256\n41020500101,GW-1,{hash}\n41020500201,GW-2,{hash}\n41010500101,GW-3,{hash}\n")),
        ("points.csv", "id,equipment,gateway,device,name_zh,name_en,kind,signal,unit,range_lo,range_hi,decimals,scan_ms,longitude,latitude,role,states\n410205001.LT-1203A,410205001.V-1203,41020500101,plc-1,液位,Level,analog,level,%,0,100,1,1000,114.371,34.751,level,\n410205001.GT-1,410205001.A-1,41020500101,plc-1,可燃气,Gas,analog,gas_combustible,%LEL,0,100,1,1000,114.37,34.75,detector,\n410205001.XV-1,410205001.V-1203,41020500101,plc-2,切断阀,Valve,discrete,state,,0,2,0,1000,,,valve,0=关/Closed;1=开/Open;!2=故障/Fault\n410205002.PT-201,410205002.V-201,41020500201,plc-1,压力,Pressure,analog,pressure,MPa,0,2,2,1000,114.381,34.761,pressure,\n410105001.TT-1,410105001.W-1,41010500101,plc-1,温度,Temperature,analog,temperature,℃,-20,80,1,1000,113.7,34.8,temperature,\n".to_owned()),
        ("limits.csv", "point,limit,value,deadband,on_delay_ms,off_delay_ms\n410205001.LT-1203A,HH,85,1,1000,0\n410205001.LT-1203A,H,80,1,1000,0\n410205001.GT-1,H,25,1,0,0\n410205002.PT-201,HH,1.6,0.02,0,0\n".to_owned()),
        ("cameras.csv", "id,equipment,name_zh,name_en,url,longitude,latitude\n410205001.CAM-1,410205001.V-1203,球罐东,Sphere east,rtsp://user:pw@10.0.0.9/1,114.372,34.751\n".to_owned()),
        ("map.geojson", r#"{"type":"FeatureCollection","features":[
            {"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[114.3,34.7],[114.4,34.7],[114.4,34.8],[114.3,34.7]]]},"properties":{"kind":"boundary","ref":"410205P01","name_zh":"园区","name_en":"Park"}},
            {"type":"Feature","geometry":{"type":"LineString","coordinates":[[114.3,34.7],[114.4,34.7]]},"properties":{"kind":"road","ref":null,"region":"410205P01","name_zh":"一路","name_en":"Road 1","width_m":12}},
            {"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[114.37,34.75],[114.371,34.75],[114.371,34.751],[114.37,34.75]]]},"properties":{"kind":"plot","ref":"410205001","name_zh":"","name_en":""}},
            {"type":"Feature","geometry":{"type":"Point","coordinates":[114.381,34.761]},"properties":{"kind":"tank","ref":"410205002.V-201","name_zh":"","name_en":""}},
            {"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[113.7,34.8],[113.8,34.8],[113.8,34.9],[113.7,34.8]]]},"properties":{"kind":"plot","ref":"410105001","name_zh":"","name_en":""}}]}"#.to_owned()),
    ];
    for (name, text) in files {
        fs::write(dir.join(name), text).expect("the folder can be written");
    }
}

/// Options for importing [`sample_plant`].
#[must_use]
pub fn sample_options() -> ImportOptions<'static> {
    ImportOptions { enterprise_code_length: 9, users: None, progress: None, at: AT }
}

fn doer() -> Doer {
    Doer { name: "admin".to_owned(), address: "127.0.0.1".to_owned() }
}

/// Runs every check on an empty registry; `scratch` is an empty folder.
///
/// # Panics
/// When the engine does not conform.
pub async fn check(registry: &Registry, scratch: &Path) {
    let plant = scratch.join("plant");
    fs::create_dir_all(&plant).expect("a scratch folder");
    sample_plant(&plant);
    let report = registry.import(&plant, sample_options()).await.expect("the sample is right");
    assert_eq!(report.tables["points"], (5, 0, 0));
    importing_twice_changes_nothing(registry, &plant).await;
    what_is_exported_imports_to_the_same(registry, &plant, scratch).await;
    a_wrong_folder_changes_nothing(registry, scratch).await;
    every_scope_sees_its_own_and_nothing_else(registry).await;
    a_watch_of_less_than_a_second_survives_export_and_import(registry, scratch).await;
    delays_of_a_state_alarm_reach_the_host_and_survive_export_and_import(registry, scratch).await;
    delays_that_cannot_be_are_refused_at_their_line(registry, scratch).await;
    no_password_of_a_camera_enters_the_audit_log(registry).await;
    the_outline_and_single_hosts_agree_with_the_whole(registry).await;
    a_change_names_the_hosts_it_touches(registry).await;
    a_point_stays_where_its_alarms_are_numbered(registry).await;
    an_old_version_is_refused(registry).await;
    a_point_knows_when_it_was_first_configured(registry).await;
    numbers_are_never_given_twice(registry).await;
    limits_are_versions(registry).await;
    what_follows_an_alarm_reaches_the_host_and_survives_export_and_import(registry, scratch).await;
    sessions_and_lock_out(registry).await;
    every_change_is_in_the_audit_log(registry).await;
}

async fn importing_twice_changes_nothing(registry: &Registry, plant: &Path) {
    let before = registry.host_configs().await.expect("hosts");
    let report = registry.import(plant, sample_options()).await.expect("the sample is right");
    assert!(!report.changed_anything(), "{report}");
    assert_eq!(registry.host_configs().await.expect("hosts"), before);
}

async fn what_is_exported_imports_to_the_same(registry: &Registry, plant: &Path, scratch: &Path) {
    let out = scratch.join("out");
    registry.export(&out).await.expect("exports");
    let report = registry.import(&out, sample_options()).await.expect("what we wrote");
    assert!(!report.changed_anything(), "{report}");
    assert_ne!(fs::read(plant.join("regions.csv")).expect("there").len(), 0);
}

async fn a_wrong_folder_changes_nothing(registry: &Registry, scratch: &Path) {
    let dir = scratch.join("wrong");
    fs::create_dir_all(&dir).expect("a scratch folder");
    fs::write(
        dir.join("points.csv"),
        "id,equipment,gateway,device,name_zh,name_en,kind,signal,unit,range_lo,range_hi,decimals,scan_ms,longitude,latitude,role,states\n\
         410205001.NEW-1,410205001.V-1203,41020500101,plc-1,新,New,analog,level,%,0,100,1,1000,,,,\n\
         410205001.NEW-2,410205001.V-9999,41020500101,plc-1,新,New,analog,level,%,100,0,1,1000,,,,\n\
         410205001.NEW-2,410205001.V-1203,41020500101,plc-1,新,New,analog,level,%,0,x,1,1000,,,,\n",
    )
    .expect("writes");
    fs::write(
        dir.join("limits.csv"),
        "point,limit,value,deadband,on_delay_ms,off_delay_ms\n410205001.NEW-1,H,90,0,0,0\n410205001.NEW-1,HH,85,0,0,0\n410205001.NEW-7,H,1,0,0,0\n",
    )
    .expect("writes");
    fs::write(dir.join("regions.csv"), "code,name_zh\n999,x\n").expect("writes");
    let Err(ImportError::Problems(problems)) = registry.import(&dir, sample_options()).await else {
        panic!("a wrong folder was taken");
    };
    for start in [
        "regions.csv:1: name_en: this column is missing",
        "regions.csv:2: code: \"999\" is no region code",
        "points.csv:3: range_lo: 100 must be below range_hi (0)",
        "points.csv:3: equipment: 410205001.V-9999 is neither",
        "points.csv:4: id: 410205001.NEW-2 stands in line 3 already",
        "limits.csv:2: value: 410205001.NEW-1: limits out of order: H (90) must be below HH (85)",
        "limits.csv:4: point: 410205001.NEW-7 is neither",
    ] {
        assert!(problems.iter().any(|p| p.starts_with(start)), "{start:?} not among {problems:#?}");
    }
    let id = PointId::new("410205001.NEW-1").expect("an id");
    assert!(registry.scoped(Scope::Everything).point(&id).await.expect("reads").is_none());
}

async fn every_scope_sees_its_own_and_nothing_else(registry: &Registry) {
    let all = Filter::default();
    for (scope, enterprises, points, features) in [
        ("everything", 3, 5, 5),
        ("region:410000", 3, 5, 5),
        ("region:410205P01", 2, 4, 4),
        ("region:410100", 1, 1, 1),
        ("region:419001", 0, 0, 0),
        ("enterprise:410205001", 1, 3, 3),
        ("enterprise:410205002", 1, 1, 3),
        ("enterprise:410205009", 0, 0, 0),
    ] {
        let scoped = registry.scoped(scope.parse().expect("a scope"));
        assert_eq!(scoped.enterprises(&all).await.expect("reads").len(), enterprises, "{scope}");
        assert_eq!(scoped.points(&all).await.expect("reads").len(), points, "{scope}");
        assert_eq!(scoped.map(None).await.expect("reads").len(), features, "{scope}");
    }
    let other = registry.scoped("enterprise:410205002".parse().expect("a scope"));
    let tanks = ["410205001.V-1203", "410205002.V-201", "410205002.V-999"]
        .map(|id| EquipmentId::new(id).expect("an id"));
    let named = tanks.iter().collect::<Vec<_>>();
    let seen = other.equipment_by_id(&named).await.expect("reads");
    assert_eq!(seen.iter().map(|e| &e.id).collect::<Vec<_>>(), [&tanks[1]], "its own alone");
    let everything = registry.scoped(Scope::Everything);
    assert_eq!(everything.equipment_by_id(&named).await.expect("reads").len(), 2);
    let id = PointId::new("410205001.LT-1203A").expect("an id");
    assert!(other.point(&id).await.expect("reads").is_none());
    assert!(other.limit_versions(&id).await.expect("reads").is_none());
    let page = Filter { text: Some("1203".to_owned()), ..Filter::default() };
    assert!(other.points(&page).await.expect("reads").is_empty());
    let park = registry.scoped("region:410205P01".parse().expect("a scope"));
    let narrowed = Filter { region: RegionCode::new("410100").ok(), ..Filter::default() };
    assert!(park.enterprises(&narrowed).await.expect("reads").is_empty());
    let own = park.enterprises(&all).await.expect("reads");
    let holdings = park.holdings(&own).await.expect("reads");
    let first = &holdings[&own[0].code];
    assert_eq!(
        (first.hazard_level, first.equipment, first.points, first.cameras),
        (Some(1), 2, 3, 1)
    );
}

async fn a_watch_of_less_than_a_second_survives_export_and_import(
    registry: &Registry,
    scratch: &Path,
) {
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let point: Point = change.get("410205002.PT-201").await.expect("reads").expect("is there");
    change
        .put(&Point { frozen_ms: 500, ..point.clone() }, Expected::Version(1))
        .await
        .expect("writes");
    change.commit().await.expect("commits");
    let out = scratch.join("half-a-second");
    registry.export(&out).await.expect("exports");
    let report = registry.import(&out, sample_options()).await.expect("what we wrote");
    assert!(!report.changed_anything(), "{report}");
}

/// What the sample's valve is, as its host is told.
async fn valve_kind(registry: &Registry) -> PointKind {
    let hosts = registry.host_configs().await.expect("reads");
    let mut points = hosts.iter().flat_map(|host| &host.points);
    points.find(|p| p.id.as_str() == "410205001.XV-1").expect("has a host").settings.kind.clone()
}

async fn delays_of_a_state_alarm_reach_the_host_and_survive_export_and_import(
    registry: &Registry,
    scratch: &Path,
) {
    let alarm_state = Some(2);
    let undelayed = PointKind::discrete(alarm_state, 0, 0);
    assert_eq!(valve_kind(registry).await, undelayed, "tables without the columns mean none");
    let set = async |on_delay_ms, off_delay_ms| {
        let mut change = registry.change(doer(), AT).await.expect("begins");
        let valve: Point = change.get("410205001.XV-1").await.expect("reads").expect("is there");
        let valve = Point { on_delay_ms, off_delay_ms, ..valve };
        change.put(&valve, Expected::Any).await.expect("writes");
        let keys: Vec<_> =
            change.commit().await.expect("commits").hosts.into_iter().map(|h| h.key).collect();
        let farm = anlan_domain::ids::HazardCode::new("410205001001").expect("a code");
        assert_eq!(keys, [HostKey::Hazard(farm)], "its host is told");
    };
    set(1_500, 0).await;
    assert_eq!(valve_kind(registry).await, PointKind::discrete(alarm_state, 1_500, 0));
    set(2_000, 86_400_000).await;
    let delayed = PointKind::discrete(alarm_state, 2_000, 86_400_000);
    assert_eq!(valve_kind(registry).await, delayed);
    let out = scratch.join("delays");
    registry.export(&out).await.expect("exports");
    let report = registry.import(&out, sample_options()).await.expect("what we wrote");
    assert!(!report.changed_anything(), "{report}");
    set(0, 0).await;
    assert_eq!(valve_kind(registry).await, undelayed);
    let report = registry.import(&out, sample_options()).await.expect("what we wrote");
    assert_eq!(report.tables["points"], (0, 1, 4));
    assert_eq!(valve_kind(registry).await, delayed);
}

async fn delays_that_cannot_be_are_refused_at_their_line(registry: &Registry, scratch: &Path) {
    let dir = scratch.join("wrong-delays");
    fs::create_dir_all(&dir).expect("a scratch folder");
    let rows = [
        ("analog", "", "5000", ""),
        ("discrete", "0=关/Closed;!1=开/Open", "", "86400001"),
        ("discrete", "0=关/Closed;!1=开/Open", "1.5", ""),
    ];
    let mut table = "id,equipment,gateway,device,name_zh,name_en,kind,signal,unit,range_lo,range_hi,decimals,scan_ms,longitude,latitude,role,states,on_delay_ms,off_delay_ms\n".to_owned();
    for (n, (kind, states, on, off)) in rows.into_iter().enumerate() {
        table += &format!(
            "410205001.D-{n},410205001.V-1203,41020500101,plc-1,新,New,{kind},state,,0,2,0,1000,,,,{states},{on},{off}\n"
        );
    }
    fs::write(dir.join("points.csv"), table).expect("writes");
    let Err(ImportError::Problems(problems)) = registry.import(&dir, sample_options()).await else {
        panic!("wrong delays were taken");
    };
    for start in [
        "points.csv:2: on_delay_ms: 5000 is for discrete points only",
        "points.csv:3: off_delay_ms: 86400001 is too long: 0 to 86400000 ms",
        "points.csv:4: on_delay_ms: \"1.5\"",
    ] {
        assert!(problems.iter().any(|p| p.starts_with(start)), "{start:?} not among {problems:#?}");
    }
    assert_eq!(problems.len(), 3, "{problems:#?}");
}

/// What follows an alarm: whatever can be set comes back from the registry, reaches the host, and survives export and import.
async fn what_follows_an_alarm_reaches_the_host_and_survives_export_and_import(
    registry: &Registry,
    scratch: &Path,
) {
    let tank = PointId::new("410205001.LT-1203A").expect("an id");
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let valve: Point = change.get("410205001.XV-1").await.expect("reads").expect("is there");
    let follow = Point {
        realarm_ms: 900_000,
        latching: true,
        chatter_transitions: 4,
        chatter_window_ms: 30_000,
        ..valve.clone()
    };
    change.put(&follow, Expected::Any).await.expect("writes");
    let scoped = registry.scoped(Scope::Everything);
    let before = scoped.limit_versions(&tank).await.expect("reads").expect("is there").1;
    let before = before.into_iter().next().expect("has limits").limits;
    let mut limits = before.clone();
    limits.exclusive_high = true;
    let hh = limits.hh.as_mut().expect("has HH");
    (hh.realarm_ms, hh.latching) = (600_000, true);
    change.put_limits(&tank, &limits, Expected::Any, "follow up").await.expect("writes");
    change.commit().await.expect("commits");
    let newest = scoped.limit_versions(&tank).await.expect("reads").expect("is there").1;
    limits.version = newest[0].limits.version;
    assert_eq!(newest[0].limits, limits);
    let kind = valve_kind(registry).await;
    assert!(matches!(kind, PointKind::Discrete { realarm_ms: 900_000, latching: true, .. }));
    let out = scratch.join("follow-up");
    registry.export(&out).await.expect("exports");
    let report = registry.import(&out, sample_options()).await.expect("what we wrote");
    assert!(!report.changed_anything(), "{report}");
    let mut change = registry.change(doer(), AT).await.expect("begins");
    change.put(&valve, Expected::Any).await.expect("writes");
    change.put_limits(&tank, &before, Expected::Any, "").await.expect("writes");
    change.commit().await.expect("commits");
    let report = registry.import(&out, sample_options()).await.expect("what we wrote");
    assert_eq!((report.tables["points"].1, report.tables["limits"].1), (1, 1), "{report}");
    assert_eq!(valve_kind(registry).await, kind);

    let mut change = registry.change(doer(), AT).await.expect("begins");
    let mut wrong = before.clone();
    wrong.hh.as_mut().expect("has HH").realarm_ms = 1;
    let refused = change.put_limits(&tank, &wrong, Expected::Any, "").await;
    let Err(RegistryError::Refused(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!(problems[0].field, "hh");
    let unpaired = Limits { exclusive_low: true, ..before.clone() };
    let refused = change.put_limits(&tank, &unpaired, Expected::Any, "").await;
    let Err(RegistryError::Refused(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!(problems[0].field, "exclusive_low");
    for (point, field) in [
        (Point { realarm_ms: 59_999, ..valve.clone() }, "realarm_ms"),
        (Point { chatter_transitions: 2, ..valve.clone() }, "chatter_transitions"),
        (Point { chatter_window_ms: 999, ..valve.clone() }, "chatter_window_ms"),
        (
            Point {
                kind: "analog".into(),
                on_delay_ms: 0,
                off_delay_ms: 0,
                states: States::default(),
                latching: true,
                ..valve.clone()
            },
            "latching",
        ),
    ] {
        let refused = change.put(&point, Expected::Any).await;
        let Err(RegistryError::Refused(problems)) = refused else { panic!("{refused:?}") };
        assert_eq!(problems[0].field, field);
    }
    drop(change);
    let mut change = registry.change(doer(), AT).await.expect("begins");
    change.put(&valve, Expected::Any).await.expect("writes");
    change.put_limits(&tank, &before, Expected::Any, "").await.expect("writes");
    change.commit().await.expect("commits");
}

async fn no_password_of_a_camera_enters_the_audit_log(registry: &Registry) {
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let camera: Camera = change.get("410205001.CAM-1").await.expect("reads").expect("is there");
    let url = "rtsp://user:n3w-secret@10.0.0.9/1".to_owned();
    change.put(&Camera { url, ..camera }, Expected::Version(1)).await.expect("writes");
    change.commit().await.expect("commits");
    let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
    let entries = registry.audit(&filter).await.expect("reads");
    let entry = entries.iter().find(|e| e.object == "camera 410205001.CAM-1").expect("is noted");
    assert_eq!(entry.detail, "url: changed", "which camera changed is told, its address is not");
}

async fn the_outline_and_single_hosts_agree_with_the_whole(registry: &Registry) {
    let plan = registry.plan().await.expect("reads");
    let outline = registry.outline().await.expect("reads");
    assert_eq!((outline.regions, outline.enterprises), (plan.regions, plan.enterprises));
    assert_eq!(outline.gateways, plan.gateways);
    let named: Vec<_> = outline.hosts.into_iter().map(|h| (h.host, h.key, h.enterprise)).collect();
    let expected: Vec<_> = plan
        .hosts
        .iter()
        .map(|h| (h.host, h.key.clone(), h.enterprise.clone().expect("a host has one")))
        .collect();
    assert_eq!(named, expected);
    let (first, last) = (&plan.hosts[0], &plan.hosts[plan.hosts.len() - 1]);
    let asked = [last.host, HostNo(9_999), first.host, last.host];
    let configs = registry.host_configs_by_no(&asked).await.expect("reads");
    assert_eq!(configs, [first.clone(), last.clone()]);
    assert!(registry.host_configs_by_no(&[]).await.expect("reads").is_empty());
}

async fn a_change_names_the_hosts_it_touches(registry: &Registry) {
    let id = EquipmentId::new("410205001.A-1").expect("an id");
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let yard: Equipment = change.get(id.as_str()).await.expect("reads").expect("is there");
    let renamed = Equipment { name_en: "Yard".to_owned(), ..yard.clone() };
    change.put(&renamed, Expected::Version(1)).await.expect("writes");
    let changed = change.commit().await.expect("commits");
    assert!(changed.hosts.is_empty(), "a name is no matter of the tree");

    let mut change = registry.change(doer(), AT).await.expect("begins");
    let point = conformance_point(&mut change, &id).await;
    let slower = Point { scan_ms: point.scan_ms * 2, ..point.clone() };
    change.put(&slower, Expected::Any).await.expect("writes");
    let changed = change.commit().await.expect("commits");
    let keys: Vec<_> = changed.hosts.iter().map(|h| h.key.clone()).collect();
    let enterprise = EnterpriseCode::new("410205001").expect("a code");
    assert_eq!(keys, [HostKey::General(enterprise)]);
}

/// Some point of a piece of equipment.
async fn conformance_point(change: &mut Change<'_>, of: &EquipmentId) -> Point {
    let points = record::all::<Point>(change.on()).await.expect("reads");
    points.into_iter().find(|point| point.equipment == *of).expect("it has one")
}

async fn a_point_stays_where_its_alarms_are_numbered(registry: &Registry) {
    let yard = EquipmentId::new("410205001.A-1").expect("an id");
    let hazard = anlan_domain::ids::HazardCode::new("410205001001").ok();
    let refused = |outcome: Result<_, RegistryError>| {
        let Err(RegistryError::Refused(problems)) = outcome else { panic!("it is refused") };
        assert!(problems[0].why.contains("for good"), "{}", problems[0].why);
    };
    // With its equipment.
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let present: Equipment = change.get(yard.as_str()).await.expect("reads").expect("is there");
    let moved = Equipment { hazard: hazard.clone(), ..present };
    change.put(&moved, Expected::Any).await.expect("writes");
    refused(change.commit().await);
    // To other equipment, and by way of being deleted and made again.
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let point = conformance_point(&mut change, &yard).await;
    let sphere = EquipmentId::new("410205001.V-1203").expect("an id");
    let elsewhere = Point { equipment: sphere, ..point.clone() };
    change.put(&elsewhere, Expected::Any).await.expect("writes");
    refused(change.commit().await);
    let mut change = registry.change(doer(), AT).await.expect("begins");
    change.delete::<Point>(&point.key(), Expected::Any).await.expect("deletes");
    change.commit().await.expect("commits");
    let mut change = registry.change(doer(), AT).await.expect("begins");
    change.put(&elsewhere, Expected::New).await.expect("writes");
    refused(change.commit().await);
    // Back to where it was is no move.
    let mut change = registry.change(doer(), AT).await.expect("begins");
    change.put(&point, Expected::New).await.expect("writes");
    change.commit().await.expect("commits");
}

async fn an_old_version_is_refused(registry: &Registry) {
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let enterprise: Enterprise = change.get("410205001").await.expect("reads").expect("is there");
    let wrong = Enterprise { phone: "1".to_owned(), ..enterprise.clone() };
    let refused = change.put(&wrong, Expected::Version(9)).await;
    assert!(
        matches!(refused, Err(RegistryError::ChangedMeanwhile { version: 1, .. })),
        "{refused:?}"
    );
    let refused = change.put(&wrong, Expected::New).await;
    assert!(matches!(refused, Err(RegistryError::Taken { .. })), "{refused:?}");
    let gone = Enterprise { region: RegionCode::new("410300").expect("a code"), ..enterprise };
    let refused = change.put(&gone, Expected::Version(1)).await;
    assert!(
        matches!(&refused, Err(RegistryError::Refused(p)) if p[0].field == "region"),
        "{refused:?}"
    );
    let refused = change.delete::<Equipment>("410205001.V-1203", Expected::Any).await;
    assert!(matches!(refused, Err(RegistryError::InUse { .. })), "{refused:?}");
}

async fn numbers_are_never_given_twice(registry: &Registry) {
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let last: Point = change.get("410105001.TT-1").await.expect("reads").expect("is there");
    change.delete::<Point>("410105001.TT-1", Expected::Any).await.expect("deletes");
    change.put(&last, Expected::New).await.expect("writes");
    let again: Point = change.get("410105001.TT-1").await.expect("reads").expect("is there");
    assert!(again.meta.no > last.meta.no, "{} after {}", again.meta.no, last.meta.no);
    change.commit().await.expect("commits");
}

async fn a_point_knows_when_it_was_first_configured(registry: &Registry) {
    let later = AT.plus(5_000);
    let enterprise = EnterpriseCode::new("410105001").expect("a code");
    let everything = registry.scoped(Scope::Everything);
    let made = |scoped: Scoped| {
        let enterprise = enterprise.clone();
        async move {
            let mut at: Vec<_> =
                scoped.points_made_at(&enterprise).await.expect("reads").into_iter().collect();
            at.sort_unstable();
            at
        }
    };
    let point = || async {
        let id = PointId::new("410105001.TT-1").expect("an id");
        everything.point(&id).await.expect("reads").expect("is there")
    };
    let imported = point().await;
    assert_eq!(made(everything.clone()).await, [(imported.meta.no, AT)]);
    let mut change = registry.change(doer(), later).await.expect("begins");
    let renamed = Point { name_en: "Warmth".to_owned(), ..imported.clone() };
    change.put(&renamed, Expected::Any).await.expect("writes");
    let second = Point { id: PointId::new("410105001.TT-2").expect("an id"), ..imported.clone() };
    change.put(&second, Expected::New).await.expect("writes");
    change.commit().await.expect("commits");
    let at = made(everything.clone()).await;
    assert_eq!(at[0], (imported.meta.no, AT), "a change is no beginning");
    assert_eq!((at.len(), at[1].1), (2, later));
    let other = registry.scoped("enterprise:410205002".parse().expect("a scope"));
    assert!(made(other).await.is_empty());
    let mut change = registry.change(doer(), AT).await.expect("begins");
    change.delete::<Point>("410105001.TT-2", Expected::Any).await.expect("deletes");
    change.put(&imported, Expected::Any).await.expect("writes");
    change.commit().await.expect("commits");
}

async fn limits_are_versions(registry: &Registry) {
    let id = PointId::new("410205001.LT-1203A").expect("an id");
    let scoped = registry.scoped(Scope::Everything);
    let (_, versions) = scoped.limit_versions(&id).await.expect("reads").expect("is there");
    let mut new = versions[0].limits.clone();
    let limit =
        Limit { value: 84.5, deadband: 0.5, on_delay_ms: 500, level: Some(1), ..Limit::default() };
    set_by_name(&mut new, "HH", limit).expect("a limit");
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let outcome =
        change.put_limits(&id, &new, Expected::Version(1), "trial").await.expect("writes");
    assert_eq!(outcome, Outcome::Changed);
    let changed = change.commit().await.expect("commits");
    assert_eq!(changed.hosts.len(), 1);
    let (_, versions) = scoped.limit_versions(&id).await.expect("reads").expect("is there");
    let summary: Vec<_> = versions
        .iter()
        .map(|v| (v.limits.version, v.limits.hh.map(|l| l.value), v.by.as_str(), v.reason.as_str()))
        .collect();
    assert_eq!(summary, [(2, Some(84.5), "admin", "trial"), (1, Some(85.0), "import", "")]);
    let points = scoped.points(&Filter::default()).await.expect("reads");
    let newest = scoped.limits(&points).await.expect("reads");
    for point in &points {
        let versions = scoped.limit_versions(&point.id).await.expect("reads").expect("is there").1;
        assert_eq!(newest.get(&point.meta.no), versions.first(), "{}", point.id);
    }
    let limited: Vec<&str> = points
        .iter()
        .filter(|point| newest.contains_key(&point.meta.no))
        .map(|point| point.id.as_str())
        .collect();
    assert_eq!(limited, ["410205001.LT-1203A", "410205002.PT-201"], "of two enterprises");
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let refused = change.put_limits(&id, &new, Expected::Version(1), "").await;
    assert!(matches!(refused, Err(RegistryError::ChangedMeanwhile { .. })), "{refused:?}");
}

async fn sessions_and_lock_out(registry: &Registry) {
    let username = UserName::new("park").expect("a name");
    let user = User {
        username: username.clone(),
        name: "王素琴".to_owned(),
        role: Role::Officer,
        scope: Scope::Region(RegionCode::new("410205P01").expect("a code")),
        password_hash: "$argon2id$v=19$test".to_owned(),
        meta: Meta::default(),
    };
    let mut change = registry.change(doer(), AT).await.expect("begins");
    change.put_user(&user, Expected::New).await.expect("writes");
    change.commit().await.expect("commits");
    let tried = |at| registry.try_sign_in("park", LOCK_RULE, at);
    for left in (1..5).rev() {
        assert_eq!(tried(AT).await.expect("counts"), Try::Counted(Counted::Remaining(left)));
    }
    let until = AT.plus(LOCK_RULE.lock_ms);
    let last = Counted::Last(until);
    assert_eq!(tried(AT).await.expect("counts"), Try::Counted(last));
    registry.sign_in_failed("park", "ip", last, AT).await.expect("writes");
    assert_eq!(tried(AT).await.expect("counts"), Try::Locked(until));
    let user = registry.user(&username).await.expect("reads").expect("is there");
    let open = async |checked: &User, counted, token: &str, at: UtcMillis| {
        registry.sign_in(checked, counted, token, "ip", at, at.plus(1000)).await.expect("signs in")
    };
    let earlier = Counted::Remaining(1);
    assert_eq!(open(&user, earlier, "t0", AT).await, Opened::Locked(until), "locked meanwhile");
    let other = User { password_hash: "$argon2id$v=19$old".to_owned(), ..user.clone() };
    assert_eq!(open(&other, last, "t0", AT).await, Opened::Changed, "another password meanwhile");
    assert!(registry.session("t0", AT).await.expect("reads").is_none());
    assert_eq!(tried(until).await.expect("counts"), Try::Counted(Counted::Remaining(4)));

    assert_eq!(open(&user, last, "t1", AT).await, Opened::Yes, "the last try was right");
    assert_eq!(tried(AT).await.expect("counts"), Try::Counted(Counted::Remaining(4)));
    assert!(registry.session("t1", AT.plus(999)).await.expect("reads").is_some());
    assert!(registry.session("t1", AT.plus(1000)).await.expect("reads").is_none());
    registry.extend_session("t1", AT.plus(5000)).await.expect("extends");
    assert!(registry.session("t1", AT.plus(4000)).await.expect("reads").is_some());
    let mut rights = registry.rights_changes();
    rights.mark_unchanged();
    let scope = Scope::Region(RegionCode::new("410205").expect("a code"));
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let moved = User { scope, ..user.clone() };
    change.put_user(&moved, Expected::Version(1)).await.expect("writes");
    change.commit().await.expect("commits");
    assert!(rights.has_changed().expect("the registry lives"));
    assert!(
        registry.session("t1", AT).await.expect("reads").is_none(),
        "a new scope ends sessions"
    );
    let names = registry.names_of(&["park", "nobody"]).await.expect("reads");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), [("park".to_owned(), "王素琴".to_owned())]);
    administrators(registry, &user).await;
}

/// An administrator's scope is everything, and the last one stays.
async fn administrators(registry: &Registry, like: &User) {
    let mut change = registry.change(doer(), AT).await.expect("begins");
    for (role, scope, taken) in [
        (Role::Administrator, "everything", true),
        (Role::Administrator, "region:410205", false),
        (Role::Administrator, "enterprise:410205001", false),
        (Role::Tester, "region:410205P01", true),
        (Role::Tester, "enterprise:410205001", false),
        (Role::Officer, "everything", false),
        (Role::EnterpriseManager, "enterprise:410205001", true),
        (Role::EnterpriseManager, "region:410205", false),
    ] {
        let username = UserName::new("somebody").expect("a name");
        let scope = scope.parse().expect("a scope");
        let user = User { username: username.clone(), role, scope, ..like.clone() };
        match change.put_user(&user, Expected::New).await {
            Ok(_) => {
                assert!(taken, "{role:?} {}", user.scope);
                // Out of the way without the check of what is left.
                change.delete::<User>(username.as_str(), Expected::Any).await.expect("deletes");
            }
            Err(RegistryError::Refused(problems)) => {
                assert!(!taken && problems[0].field == "scope", "{role:?}: {problems:?}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    let username = UserName::new("root").expect("a name");
    let root = User {
        username: username.clone(),
        role: Role::Administrator,
        scope: Scope::Everything,
        ..like.clone()
    };
    change.put_user(&root, Expected::New).await.expect("writes");
    change.delete_user(&like.username, Expected::Any).await.expect("is no administrator");
    change.commit().await.expect("commits");
    // Alone or not: the last administrator can neither go nor become something else.
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let refused = change.delete_user(&username, Expected::Any).await;
    assert!(
        matches!(&refused, Err(RegistryError::Refused(p)) if p[0].field == "role"),
        "{refused:?}"
    );
    drop(change);
    let mut change = registry.change(doer(), AT).await.expect("begins");
    let officer = User { username, ..like.clone() };
    let refused = change.put_user(&officer, Expected::Any).await;
    assert!(
        matches!(&refused, Err(RegistryError::Refused(p)) if p[0].field == "role"),
        "{refused:?}"
    );
}

async fn every_change_is_in_the_audit_log(registry: &Registry) {
    let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
    let entries = registry.audit(&filter).await.expect("reads");
    let has = |action: &str, object: &str| {
        entries.iter().any(|e| e.action == action && e.object == object)
    };
    for (action, object) in [
        ("import", "registry"),
        ("change", "equipment 410205001.A-1"),
        ("delete", "point 410105001.TT-1"),
        ("create", "point 410105001.TT-1"),
        ("limits", "point 410205001.LT-1203A"),
        ("create", "user park"),
        ("sign_in_failed", "session"),
        ("sign_in", "session"),
    ] {
        assert!(has(action, object), "{action} {object} not in {entries:#?}");
    }
    assert!(!entries.iter().any(|e| e.detail.contains("argon2")), "a hash in the audit log");
    assert!(!has("change", "enterprise 410205001"), "what was not committed was written");
}
