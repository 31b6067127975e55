//! Reads and checks a whole folder: every table, every reference, before anything is written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anlan_domain::ids::{EnterpriseCode, PointId, UserName};
use anlan_domain::limits::{Limit, Limits};
use anlan_domain::region::RegionCode;

use super::table::{self, Problems, Row, Table};
use super::{ImportError, ImportOptions, duty, map};
use crate::registry::alarm_defaults::{self, Gaps};
use crate::registry::detectors::Detector;
use crate::registry::people::{ROLES, User, role_of};
use crate::registry::record::Meta;
use crate::registry::records::{
    Camera, Enterprise, Equipment, Gateway, HazardSource, MapFeature, Point, Region, States,
    default_frozen_ms, path_of,
};
use crate::registry::{Change, Record, RegistryError, Scope, limits, record};

/// Everything that the files hold.
#[derive(Default)]
pub(super) struct Plant {
    pub regions: Vec<Region>,
    pub enterprises: Vec<Enterprise>,
    pub hazards: Vec<HazardSource>,
    pub equipment: Vec<Equipment>,
    pub gateways: Vec<Gateway>,
    pub points: Vec<Point>,
    pub limits: Vec<(PointId, Limits)>,
    pub detectors: Vec<Detector>,
    pub cameras: Vec<Camera>,
    pub map: Vec<MapFeature>,
    pub users: Vec<(User, String)>,
    pub duty: duty::Tables,
}

impl Plant {
    pub(super) fn len(&self) -> usize {
        self.regions.len()
            + self.enterprises.len()
            + self.hazards.len()
            + self.equipment.len()
            + self.gateways.len()
            + self.points.len()
            + self.limits.len()
            + self.detectors.len()
            + self.cameras.len()
            + self.map.len()
            + self.users.len()
            + self.duty.len()
    }
}

pub(super) const META: Meta = Meta { no: 0, version: 0 };

/// Objects by table and key: those of the files, and those found in the registry.
#[derive(Default)]
pub(super) struct Known {
    keys: HashSet<(&'static str, String)>,
}

impl Known {
    pub(super) fn add(&mut self, table: &'static str, key: &str) -> bool {
        self.keys.insert((table, key.to_owned()))
    }

    pub(super) fn has(&self, table: &'static str, key: &str) -> bool {
        self.keys.contains(&(table, key.to_owned()))
    }

    /// Keys of one table.
    pub(super) fn keys_of(&self, table: &'static str) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(move |(t, _)| *t == table).map(|(_, key)| key.as_str())
    }

    pub(super) async fn from<R: Record>(
        &mut self,
        change: &mut Change<'_>,
    ) -> Result<(), RegistryError> {
        for object in record::all::<R>(change.on()).await? {
            self.add(R::TABLE, &object.key());
        }
        Ok(())
    }
}

/// Reads a folder; the error holds every problem.
pub(super) async fn read(
    dir: &Path,
    change: &mut Change<'_>,
    options: &ImportOptions<'_>,
) -> Result<Plant, ImportError> {
    let mut problems = Problems::default();
    if !dir.is_dir() {
        let why = format!("{}: is no folder; give the folder that holds the tables", dir.display());
        return Err(ImportError::Problems(vec![why]));
    }
    let mut known = Known::default();
    known.from::<Region>(change).await?;
    known.from::<Enterprise>(change).await?;
    known.from::<HazardSource>(change).await?;
    known.from::<Equipment>(change).await?;
    known.from::<Gateway>(change).await?;

    let mut reader = Reader { dir, problems: &mut problems, known: &mut known };
    let regions = reader.table("regions.csv", &["code", "name_zh", "name_en"], &[], region);
    let enterprises = reader.table("enterprises.csv", ENTERPRISES, &[], |row| {
        enterprise(row, options.enterprise_code_length)
    });
    let hazards = reader.table(
        "hazard_sources.csv",
        &["code", "name_zh", "name_en", "level", "kind"],
        &[],
        hazard,
    );
    let equipment = reader.table("equipment.csv", EQUIPMENT, &[], self::equipment);
    let gateways = reader.table("gateways.csv", &["id", "name", "secret_sha256"], &[], gateway);
    let points = reader.table("points.csv", POINTS, POINTS_OPTIONAL, point);
    let cameras = reader.table("cameras.csv", CAMERAS, &[], camera);
    let mut checked = Plant {
        regions: reader.checked("regions.csv", regions),
        enterprises: reader.checked("enterprises.csv", enterprises),
        hazards: reader.checked("hazard_sources.csv", hazards),
        equipment: reader.checked("equipment.csv", equipment),
        gateways: reader.checked("gateways.csv", gateways),
        points: reader.checked("points.csv", points),
        cameras: reader.checked("cameras.csv", cameras),
        ..Plant::default()
    };
    checked.limits = read_limits(dir, change, &checked.points, &mut problems).await?;
    checked.detectors = read_detectors(dir, change, &checked.points, &mut problems).await?;
    checked.map = map::read(dir, &known, options.enterprise_code_length, &mut problems);
    checked.users = users(dir, &known, options, &mut problems);
    for (user, _) in &checked.users {
        known.add(User::TABLE, user.username.as_str());
    }
    known.from::<User>(change).await?;
    checked.duty = duty::read(dir, change, &mut known, &mut problems).await?;
    if problems.0.is_empty() { Ok(checked) } else { Err(ImportError::Problems(problems.0)) }
}

struct Reader<'a> {
    dir: &'a Path,
    problems: &'a mut Problems,
    known: &'a mut Known,
}

impl Reader<'_> {
    /// Reads one table. A key counts as known even where the rest of its row is wrong, so that one mistake is one problem.
    fn table<R: Record>(
        &mut self,
        file: &'static str,
        columns: &[&str],
        optional: &[&str],
        mut each: impl FnMut(&mut Row<'_>) -> Option<R>,
    ) -> Vec<(u64, R)> {
        let table: Table = table::read(self.dir, file, columns, optional, self.problems);
        let key_column = columns[0];
        let mut lines: HashMap<String, u64> = HashMap::new();
        let known = &mut *self.known;
        table.each(self.problems, |row| {
            let key = row.text(key_column);
            known.add(R::TABLE, &key);
            if let Some(first) = lines.insert(key.clone(), row.line).filter(|_| !key.is_empty()) {
                row.wrong(key_column, format!("{key} stands in line {first} already"));
                return None;
            }
            each(row)
        })
    }

    /// Checks each object by itself and in what it refers to.
    fn checked<R: Record>(&mut self, file: &'static str, rows: Vec<(u64, R)>) -> Vec<R> {
        let mut good = Vec::with_capacity(rows.len());
        for (line, object) in rows {
            for problem in object.check() {
                self.problems.add(file, line, problem.field, problem.why);
            }
            for (column, table, key) in object.references() {
                if !self.known.has(table, &key) {
                    let why = format!("{key} is neither in {} nor in the registry", file_of(table));
                    self.problems.add(file, line, column, why);
                }
            }
            good.push(object);
        }
        good
    }
}

pub(super) fn file_of(table: &str) -> String {
    format!("{table}.csv")
}

const ENTERPRISES: &[&str] = &[
    "code",
    "credit_code",
    "name_zh",
    "name_en",
    "region",
    "industry_code",
    "address",
    "longitude",
    "latitude",
    "principal",
    "phone",
];
const EQUIPMENT: &[&str] = &[
    "id",
    "enterprise",
    "hazard",
    "kind",
    "name_zh",
    "name_en",
    "medium",
    "cas",
    "volume_m3",
    "longitude",
    "latitude",
];
const POINTS: &[&str] = &[
    "id",
    "equipment",
    "gateway",
    "device",
    "name_zh",
    "name_en",
    "kind",
    "signal",
    "unit",
    "range_lo",
    "range_hi",
    "decimals",
    "scan_ms",
    "longitude",
    "latitude",
    "role",
    "states",
];
const POINTS_OPTIONAL: &[&str] = &[
    "missing_scans",
    "frozen_s",
    "on_delay_ms",
    "off_delay_ms",
    "realarm_ms",
    "latching",
    "chatter_transitions",
    "chatter_window_ms",
];
const CAMERAS: &[&str] = &["id", "equipment", "name_zh", "name_en", "url", "longitude", "latitude"];

fn region(row: &mut Row<'_>) -> Option<Region> {
    let code: RegionCode = row.need("code")?;
    Some(Region {
        path: path_of(&code),
        code,
        name_zh: row.text("name_zh"),
        name_en: row.text("name_en"),
        meta: META,
    })
}

fn enterprise(row: &mut Row<'_>, code_length: usize) -> Option<Enterprise> {
    let code: Option<EnterpriseCode> = row.need("code");
    if let Some(code) = code.as_ref().filter(|code| !code.has_length(code_length)) {
        row.wrong(
            "code",
            format!("{code} has not the {code_length} digits that this installation is set to"),
        );
    }
    let (region, longitude, latitude) =
        (row.need("region"), row.maybe("longitude"), row.maybe("latitude"));
    Some(Enterprise {
        code: code?,
        credit_code: row.text("credit_code"),
        name_zh: row.text("name_zh"),
        name_en: row.text("name_en"),
        region: region?,
        industry_code: row.text("industry_code"),
        address: row.text("address"),
        longitude: longitude?,
        latitude: latitude?,
        principal: row.text("principal"),
        phone: row.text("phone"),
        meta: META,
    })
}

fn hazard(row: &mut Row<'_>) -> Option<HazardSource> {
    let (code, level) = (row.need::<anlan_domain::ids::HazardCode>("code"), row.need("level"));
    let code = code?;
    Some(HazardSource {
        enterprise: code.enterprise(),
        code,
        name_zh: row.text("name_zh"),
        name_en: row.text("name_en"),
        level: level?,
        kind: row.text("kind"),
        meta: META,
    })
}

fn equipment(row: &mut Row<'_>) -> Option<Equipment> {
    let (id, enterprise, hazard) = (row.need("id"), row.need("enterprise"), row.maybe("hazard"));
    let (volume_m3, longitude, latitude) =
        (row.maybe("volume_m3"), row.maybe("longitude"), row.maybe("latitude"));
    Some(Equipment {
        id: id?,
        enterprise: enterprise?,
        hazard: hazard?,
        kind: row.text("kind"),
        name_zh: row.text("name_zh"),
        name_en: row.text("name_en"),
        medium: row.text("medium"),
        cas: row.text("cas"),
        volume_m3: volume_m3?,
        longitude: longitude?,
        latitude: latitude?,
        meta: META,
    })
}

fn gateway(row: &mut Row<'_>) -> Option<Gateway> {
    let id: anlan_domain::ids::GatewayId = row.need("id")?;
    Some(Gateway {
        enterprise: id.enterprise(),
        id,
        name: row.text("name"),
        secret_sha256: row.text("secret_sha256").to_lowercase(),
        meta: META,
    })
}

fn point(row: &mut Row<'_>) -> Option<Point> {
    let (id, equipment, gateway) =
        (row.need::<PointId>("id"), row.need("equipment"), row.need("gateway"));
    let (range_lo, range_hi) = (row.need("range_lo"), row.need("range_hi"));
    let (decimals, scan_ms) = (row.need("decimals"), row.need("scan_ms"));
    let (missing_scans, frozen_s) = (row.maybe("missing_scans"), row.maybe::<Seconds>("frozen_s"));
    let (on_delay_ms, off_delay_ms) = (row.maybe("on_delay_ms"), row.maybe("off_delay_ms"));
    let (realarm_ms, latching) = (row.maybe("realarm_ms"), row.maybe::<YesNo>("latching"));
    let (chatter_transitions, chatter_window_ms) =
        (row.maybe("chatter_transitions"), row.maybe("chatter_window_ms"));
    let (longitude, latitude) = (row.maybe("longitude"), row.maybe("latitude"));
    let states = match States::parse(&row.text("states")) {
        Ok(states) => Some(states),
        Err(why) => {
            row.wrong("states", why);
            None
        }
    };
    let (id, kind, signal) = (id?, row.text("kind"), row.text("signal"));
    Some(Point {
        enterprise: id.enterprise(),
        id,
        equipment: equipment?,
        gateway: gateway?,
        device: row.text("device"),
        name_zh: row.text("name_zh"),
        name_en: row.text("name_en"),
        unit: row.text("unit"),
        range_lo: range_lo?,
        range_hi: range_hi?,
        decimals: decimals?,
        scan_ms: scan_ms?,
        missing_scans: missing_scans?.unwrap_or(3),
        frozen_ms: frozen_s?.map_or_else(|| default_frozen_ms(&kind, &signal), |s| s.ms),
        kind,
        signal,
        longitude: longitude?,
        latitude: latitude?,
        role: row.text("role"),
        states: states?,
        on_delay_ms: on_delay_ms?.unwrap_or(0),
        off_delay_ms: off_delay_ms?.unwrap_or(0),
        realarm_ms: realarm_ms?.unwrap_or(0),
        latching: latching?.is_some_and(|yes| yes.0),
        chatter_transitions: chatter_transitions?.unwrap_or(0),
        chatter_window_ms: chatter_window_ms?.unwrap_or(60_000),
        meta: META,
    })
}

/// `yes` or `no` in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct YesNo(pub bool);

impl std::str::FromStr for YesNo {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "yes" => Ok(Self(true)),
            "no" => Ok(Self(false)),
            _ => Err("is neither yes nor no"),
        }
    }
}

impl std::fmt::Display for YesNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0 { "yes" } else { "no" })
    }
}

/// Seconds in a table with at most three decimals, kept as whole milliseconds: read and written without loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seconds {
    pub ms: u32,
}

impl std::str::FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str =
            "is no number of seconds with at most three decimals, such as 600 or 0.5";
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        if whole.is_empty() || !(1..=3).contains(&part.len()) || !digits(whole) || !digits(part) {
            return Err(WRONG);
        }
        let whole: u32 = whole.parse().map_err(|_| WRONG)?;
        let part: u32 = format!("{part:0<3}").parse().map_err(|_| WRONG)?;
        let ms = whole.checked_mul(1000).and_then(|ms| ms.checked_add(part)).ok_or(WRONG)?;
        Ok(Self { ms })
    }
}

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, part) = (self.ms / 1000, self.ms % 1000);
        if part == 0 {
            return write!(f, "{whole}");
        }
        f.write_str(format!("{whole}.{part:03}").trim_end_matches('0'))
    }
}

fn camera(row: &mut Row<'_>) -> Option<Camera> {
    let (id, equipment) = (row.need::<anlan_domain::ids::CameraId>("id"), row.maybe("equipment"));
    let (longitude, latitude) = (row.maybe("longitude"), row.maybe("latitude"));
    let id = id?;
    Some(Camera {
        enterprise: id.enterprise(),
        id,
        equipment: equipment?,
        name_zh: row.text("name_zh"),
        name_en: row.text("name_en"),
        url: row.text("url"),
        longitude: longitude?,
        latitude: latitude?,
        meta: META,
    })
}

/// Limits, joined per point and checked against its range.
async fn read_limits(
    dir: &Path,
    change: &mut Change<'_>,
    points: &[Point],
    problems: &mut Problems,
) -> Result<Vec<(PointId, Limits)>, RegistryError> {
    const FILE: &str = "limits.csv";
    let columns = ["point", "limit", "value", "deadband", "on_delay_ms", "off_delay_ms"];
    let table = table::read(
        dir,
        FILE,
        &columns,
        &["level", "realarm_ms", "latching", "exclusive"],
        problems,
    );
    let rows = table.each(problems, |row| {
        let (point, value) = (row.need::<PointId>("point"), row.need("value"));
        let (deadband, level) = (row.maybe("deadband"), row.maybe("level"));
        let (on, off) = (row.maybe("on_delay_ms"), row.maybe("off_delay_ms"));
        let (deadband, on, off) = (deadband?, on?, off?);
        let gaps =
            Gaps { deadband: deadband.is_none(), on_delay: on.is_none(), off_delay: off.is_none() };
        let (realarm, latching) = (row.maybe("realarm_ms"), row.maybe::<YesNo>("latching"));
        let exclusive = row.maybe::<YesNo>("exclusive");
        let limit = Limit {
            value: value?,
            deadband: deadband.unwrap_or(0.0),
            on_delay_ms: on.unwrap_or(0),
            off_delay_ms: off.unwrap_or(0),
            level: level?,
            realarm_ms: realarm?.unwrap_or(0),
            latching: latching?.is_some_and(|yes| yes.0),
        };
        let exclusive = exclusive?.is_some_and(|yes| yes.0);
        Some((point?, row.text("limit"), limit, exclusive, gaps))
    });
    // Where each limit of a point stands, so that a problem of order is told at its line, and what was left blank.
    type Lines = HashMap<&'static str, u64>;
    type Blanks = Vec<(String, Gaps)>;
    let mut by_point: BTreeMap<PointId, (Limits, Lines, u64, Blanks)> = BTreeMap::new();
    for (line, (point, name, limit, exclusive, gaps)) in rows {
        let (limits, lines, _, blanks) = by_point
            .entry(point)
            .or_insert_with(|| (Limits::default(), Lines::new(), line, Blanks::new()));
        match (name.as_str(), exclusive) {
            ("HH", true) => limits.exclusive_high = true,
            ("LL", true) => limits.exclusive_low = true,
            (_, true) => {
                let why = format!("{name} excludes none: HH excludes H, and LL excludes L");
                problems.add(FILE, line, "exclusive", why);
            }
            (_, false) => {}
        }
        match limits::set_by_name(limits, &name, limit) {
            Ok(()) => {
                if gaps.any() {
                    blanks.push((name.clone(), gaps));
                }
                if let Some(first) = lines.insert(limits::field_of(&name), line) {
                    problems.add(
                        FILE,
                        line,
                        "limit",
                        format!("{name} of this point stands in line {first} already"),
                    );
                }
            }
            Err(why) => problems.add(FILE, line, "limit", why),
        }
    }
    let of_files: HashMap<&PointId, &Point> = points.iter().map(|p| (&p.id, p)).collect();
    let defaults = change.alarm_defaults().await?;
    for (id, (limits, lines, first, blanks)) in &mut by_point {
        let stored;
        let point = match of_files.get(id) {
            Some(point) => *point,
            None => match change.get::<Point>(id.as_str()).await? {
                Some(point) => {
                    stored = point;
                    &stored
                }
                None => {
                    let why = format!(
                        "{id} is neither in points.csv (or its row there is wrong) nor in the registry"
                    );
                    problems.add(FILE, *first, "point", why);
                    continue;
                }
            },
        };
        for (name, gaps) in blanks {
            alarm_defaults::fill(&defaults, point, limits, name, *gaps);
        }
        for problem in limits::problems(limits, point) {
            let line = lines.get(problem.field).copied().unwrap_or(*first);
            problems.add(FILE, line, "value", format!("{id}: {}", problem.why));
        }
    }
    Ok(by_point.into_iter().map(|(id, (limits, ..))| (id, limits)).collect())
}

/// Detectors, checked among the points of their equipment.
async fn read_detectors(
    dir: &Path,
    change: &mut Change<'_>,
    points: &[Point],
    problems: &mut Problems,
) -> Result<Vec<Detector>, RegistryError> {
    const FILE: &str = "detectors.csv";
    let optional = ["on_delay_ms", "off_delay_ms", "level", "reason"];
    let table = table::read(dir, FILE, &["point", "condition", "settings"], &optional, problems);
    let rows = table.each(problems, |row| {
        let point = row.need::<PointId>("point");
        let (on, off) = (row.maybe("on_delay_ms"), row.maybe("off_delay_ms"));
        let level = row.maybe("level");
        let (condition_code, settings) = (row.text("condition"), row.text("settings"));
        let point = point?;
        Some(Detector {
            id: Detector::id_of(&point, &condition_code),
            enterprise: point.enterprise(),
            point,
            condition_code,
            settings,
            on_delay_ms: on?.unwrap_or(0),
            off_delay_ms: off?.unwrap_or(0),
            level: level?.unwrap_or(0),
            reason: row.text("reason"),
            meta: META,
        })
    });
    let of_files: HashMap<&PointId, &Point> = points.iter().map(|p| (&p.id, p)).collect();
    let mut lines: HashMap<String, u64> = HashMap::new();
    let mut detectors = Vec::with_capacity(rows.len());
    for (line, detector) in rows {
        if let Some(first) = lines.insert(detector.id.clone(), line) {
            let why = format!("{} stands in line {first} already", detector.id);
            problems.add(FILE, line, "condition", why);
            continue;
        }
        let mut found = HashMap::new();
        for id in detector.looks_at().into_iter().chain([detector.point.clone()]) {
            let known = match of_files.get(&id) {
                Some(point) => Some((*point).clone()),
                None => change.get::<Point>(id.as_str()).await?,
            };
            found.extend(known.map(|point| (id, point)));
        }
        let Some(point) = found.get(&detector.point).cloned() else {
            let why = format!(
                "{} is neither in points.csv (or its row there is wrong) nor in the registry",
                detector.point
            );
            problems.add(FILE, line, "point", why);
            continue;
        };
        let wrong = detector.check().into_iter().chain(detector.problems_among(&point, &found));
        for problem in wrong {
            problems.add(FILE, line, problem.field, problem.why);
        }
        detectors.push(detector);
    }
    Ok(detectors)
}

fn users(
    dir: &Path,
    known: &Known,
    options: &ImportOptions<'_>,
    problems: &mut Problems,
) -> Vec<(User, String)> {
    const FILE: &str = "users.csv";
    if options.users.is_none() {
        if dir.join(FILE).exists() {
            problems.file(
                FILE,
                "users are taken only where asked for; take the file away, or ask for users",
            );
        }
        return Vec::new();
    }
    let columns = ["username", "name", "role", "scope", "password"];
    let table = table::read(dir, FILE, &columns, &[], problems);
    let rows = table.each(problems, |row| {
        let username: Option<UserName> = row.need("username");
        let role = role_of(&row.text("role"));
        if role.is_none() {
            let roles = ROLES.map(|(_, code)| code).join(", ");
            row.wrong("role", format!("{:?} is not one of {roles}", row.text("role")));
        }
        let scope = match scope_of(&row.text("scope")) {
            Ok(scope) => Some(scope),
            Err(why) => {
                row.wrong("scope", why);
                None
            }
        };
        let password = row.text("password");
        if password.chars().count() < 8 {
            row.wrong("password", "is shorter than 8 characters");
        }
        // The hash is made when the user is new; the check below needs the form of one.
        let password_hash = "$argon2id$".to_owned();
        let user = User {
            username: username?,
            name: row.text("name"),
            role: role?,
            scope: scope?,
            password_hash,
            meta: META,
        };
        Some((user, password))
    });
    for (line, (user, _)) in &rows {
        for problem in user.check() {
            problems.add(FILE, *line, problem.field, problem.why);
        }
        for (column, table, key) in user.references() {
            if !known.has(table, &key) {
                let why = format!("{key} is neither in {} nor in the registry", file_of(table));
                problems.add(FILE, *line, column, why);
            }
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

/// `region:CODE`, `enterprise:CODE`, `everything`, or the bare code, which says by its form what it is.
fn scope_of(text: &str) -> Result<Scope, String> {
    if let Ok(code) = RegionCode::new(text) {
        return Ok(Scope::Region(code));
    }
    if let Ok(code) = EnterpriseCode::new(text) {
        return Ok(Scope::Enterprise(code));
    }
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::Seconds;

    #[test]
    fn seconds_are_read_as_they_are_written() {
        for (text, ms) in
            [("0", 0), ("600", 600_000), ("0.5", 500), ("0.001", 1), ("12.34", 12_340)]
        {
            assert_eq!(text.parse(), Ok(Seconds { ms }));
            assert_eq!(Seconds { ms }.to_string(), text);
        }
        for text in ["", ".", ".5", "5.", "-1", "1e3", "0.0001", "4294968", "1,5", "+1"] {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
        let most = Seconds { ms: u32::MAX };
        assert_eq!(most.to_string().parse(), Ok(most));
    }
}
