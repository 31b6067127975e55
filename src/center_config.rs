//! Configuration of a center: raw TOML in, checked settings out, and every problem at once with file and line.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anlan_domain::quiet_rights::QuietRights;
use anlan_notify::config::NotifyConfig;
use anlan_web::OVERDUE_MINUTES;
use serde::Deserialize;
use toml::Spanned;

use crate::desk::DeskConfig;

mod quiet_rights;

/// Checked settings.
#[derive(Clone, Debug)]
pub struct CenterConfig {
    /// Folder that keeps everything.
    pub data_dir: PathBuf,
    /// Web interface.
    pub listen: SocketAddr,
    /// Gateways.
    pub uplink_listen: SocketAddr,
    /// 9 or 11.
    pub enterprise_code_length: usize,
    /// The simulator's control, where the tester's role may drive it.
    pub simulator: Option<String>,
    /// Certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Days that raw readings and one-minute roll-ups are kept; one-hour roll-ups stay for ever.
    pub retention_days: [u32; 2],
    /// Gateways at once.
    pub gateways: usize,
    /// Live streams at once, and of one person.
    pub live_streams: (usize, usize),
    /// Longest time that an alarm may lie on the shelf, in minutes.
    pub shelve_max_minutes: u32,
    /// Who may keep an alarm quiet, and for how long.
    pub quiet_rights: QuietRights,
    /// Channels to people, and what the desk says to them.
    pub desk: DeskConfig,
    /// Minutes after which an unanswered alarm is overdue, by level 1 to 4.
    pub overdue_minutes: [u32; 4],
    /// Room for the alarm log alone.
    pub reserved_disk_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    data_dir: PathBuf,
    #[serde(default = "default_listen")]
    listen: Spanned<String>,
    #[serde(default = "default_uplink")]
    uplink_listen: Spanned<String>,
    #[serde(default = "nine")]
    enterprise_code_length: Spanned<i64>,
    simulator: Option<Spanned<String>>,
    notify_file: Option<Spanned<PathBuf>>,
    page_url: Option<Spanned<String>>,
    tls: Option<RawTls>,
    #[serde(default)]
    retention: RawRetention,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    desk: RawDesk,
    #[serde(default)]
    quiet_rights: quiet_rights::RawQuietRights,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    cert_file: Spanned<PathBuf>,
    key_file: Spanned<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRetention {
    raw_days: Spanned<i64>,
    minute_days: Spanned<i64>,
}

impl Default for RawRetention {
    fn default() -> Self {
        Self { raw_days: unplaced(400), minute_days: unplaced(1830) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    gateways: Spanned<i64>,
    live_streams: Spanned<i64>,
    live_streams_per_user: Spanned<i64>,
    reserved_disk_mb: Spanned<i64>,
    shelve_max_minutes: Spanned<i64>,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            gateways: unplaced(2000),
            live_streams: unplaced(2000),
            live_streams_per_user: unplaced(20),
            reserved_disk_mb: unplaced(512),
            shelve_max_minutes: unplaced(720),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawDesk {
    overdue_minutes: [Spanned<i64>; 4],
}

impl Default for RawDesk {
    fn default() -> Self {
        Self { overdue_minutes: OVERDUE_MINUTES.map(unplaced) }
    }
}

/// A default has no place in the file.
fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}
fn default_listen() -> Spanned<String> {
    unplaced("127.0.0.1:8080".to_owned())
}
fn default_uplink() -> Spanned<String> {
    unplaced("127.0.0.1:8081".to_owned())
}
fn nine() -> Spanned<i64> {
    unplaced(9)
}

/// Collects problems, each as `FILE:LINE: what`.
struct Problems<'a> {
    file: &'a Path,
    text: &'a str,
    lines: String,
}

impl Problems<'_> {
    fn add(&mut self, at: usize, what: &str) {
        let line = self.text[..at.min(self.text.len())].matches('\n').count() + 1;
        writeln!(self.lines, "{}:{line}: {what}", self.file.display())
            .expect("writing to a string does not fail");
    }

    fn number(&mut self, key: &str, value: &Spanned<i64>, least: i64, most: i64) -> u64 {
        let number = *value.get_ref();
        if !(least..=most).contains(&number) {
            self.add(
                value.span().start,
                &format!("{key}: {number} is not between {least} and {most}"),
            );
        }
        u64::try_from(number.clamp(least, most)).expect("least is zero or more")
    }

    fn address(&mut self, key: &str, value: &Spanned<String>) -> SocketAddr {
        value.get_ref().parse().unwrap_or_else(|_| {
            self.add(
                value.span().start,
                &format!(
                    "{key}: {:?} is no address; write IP:PORT, for example 0.0.0.0:8080",
                    value.get_ref()
                ),
            );
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn file_there(&mut self, key: &str, value: &Spanned<PathBuf>) -> PathBuf {
        let path = value.get_ref();
        if let Err(error) = std::fs::File::open(path) {
            self.add(
                value.span().start,
                &format!("{key}: cannot read {}: {error}", path.display()),
            );
        }
        path.clone()
    }
}

/// Reads and checks a file.
///
/// # Errors
/// Every problem, one a line, each with file and line.
pub fn load(file: &Path) -> Result<CenterConfig, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{}: cannot read it: {error}\n", file.display()))?;
    parse(file, &text)
}

fn parse(file: &Path, text: &str) -> Result<CenterConfig, String> {
    let mut problems = Problems { file, text, lines: String::new() };
    let raw: Raw = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            problems.add(error.span().map_or(0, |span| span.start), error.message());
            return Err(problems.lines);
        }
    };
    let millions = 1_000_000;
    let length = problems.number("enterprise_code_length", &raw.enterprise_code_length, 9, 11);
    if length == 10 {
        problems.add(
            raw.enterprise_code_length.span().start,
            "enterprise_code_length: 10 is neither 9 nor 11",
        );
    }
    if let Some(url) = raw.simulator.as_ref().filter(|url| !url.get_ref().starts_with("http://")) {
        problems
            .add(url.span().start, "simulator: write http://HOST:PORT of the simulator's control");
    }
    if let Some(url) = raw.page_url.as_ref().filter(|url| {
        !["http://", "https://"].iter().any(|scheme| url.get_ref().starts_with(scheme))
    }) {
        problems.add(url.span().start, "page_url: write https://HOST of the page that people open");
    }
    let notify = raw.notify_file.as_ref().map(|named| {
        crate::desk::read_notify(named.get_ref()).unwrap_or_else(|why| {
            for line in why.lines() {
                problems.add(named.span().start, &format!("notify_file: {line}"));
            }
            NotifyConfig::default()
        })
    });
    let days = [
        ("retention.raw_days", &raw.retention.raw_days, 1),
        ("retention.minute_days", &raw.retention.minute_days, 1),
    ]
    .map(|(key, value, least)| {
        u32::try_from(problems.number(key, value, least, 36_500)).expect("at most 36,500")
    });
    let count = |problems: &mut Problems<'_>, key, value: &Spanned<i64>| {
        usize::try_from(problems.number(key, value, 1, millions)).expect("at most a million")
    };
    let config = CenterConfig {
        data_dir: raw.data_dir,
        listen: problems.address("listen", &raw.listen),
        uplink_listen: problems.address("uplink_listen", &raw.uplink_listen),
        enterprise_code_length: usize::try_from(length).expect("at most 11"),
        simulator: raw.simulator.map(Spanned::into_inner),
        tls: raw.tls.as_ref().map(|tls| {
            (
                problems.file_there("tls.cert_file", &tls.cert_file),
                problems.file_there("tls.key_file", &tls.key_file),
            )
        }),
        desk: DeskConfig {
            notify: notify.unwrap_or_default(),
            page_url: raw.page_url.map(Spanned::into_inner),
        },
        retention_days: days,
        gateways: count(&mut problems, "limits.gateways", &raw.limits.gateways),
        live_streams: (
            count(&mut problems, "limits.live_streams", &raw.limits.live_streams),
            count(&mut problems, "limits.live_streams_per_user", &raw.limits.live_streams_per_user),
        ),
        reserved_disk_bytes: problems.number(
            "limits.reserved_disk_mb",
            &raw.limits.reserved_disk_mb,
            0,
            10_000_000,
        ) * 1_000_000,
        shelve_max_minutes: u32::try_from(problems.number(
            "limits.shelve_max_minutes",
            &raw.limits.shelve_max_minutes,
            1,
            31 * 24 * 60,
        ))
        .expect("at most a month"),
        quiet_rights: raw.quiet_rights.checked(&mut problems),
        overdue_minutes: raw.desk.overdue_minutes.each_ref().map(|minutes| {
            let minutes = problems.number("desk.overdue_minutes", minutes, 1, 31 * 24 * 60);
            u32::try_from(minutes).expect("at most a month")
        }),
    };
    if config.listen == config.uplink_listen && config.listen.port() != 0 {
        problems.add(
            raw.uplink_listen.span().start,
            "uplink_listen: is the address of the web interface; give another port",
        );
    }
    if problems.lines.is_empty() { Ok(config) } else { Err(problems.lines) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_good_configuration_and_names_every_key() {
        let text = include_str!("../examples/center.toml");
        parse(Path::new("center.toml"), text).unwrap();
        for key in ["simulator", "notify_file", "page_url", "cert_file", "key_file"] {
            assert!(text.contains(key), "{key} is not in the example");
        }
    }

    #[test]
    fn the_example_states_the_proposals_of_who_may_keep_an_alarm_quiet() {
        // Every line of the table that is commented out is what holds without it.
        let text = include_str!("../examples/center.toml");
        let table: String = text
            .lines()
            .skip_while(|line| !line.starts_with("# [quiet_rights.gas]"))
            .map(|line| format!("{}\n", line.trim_start_matches("# ")))
            .collect();
        assert_eq!(table.matches("level_").count(), 8);
        let config = parse(Path::new("c.toml"), &format!("data_dir = 'd'\n{table}")).unwrap();
        assert_eq!(config.quiet_rights, QuietRights::default());
        let changed =
            "data_dir = 'd'\n[quiet_rights.gas]\nlevel_1 = { officer = 5, out_of_service = [] }\n";
        let gas = parse(Path::new("c.toml"), changed).unwrap().quiet_rights.gas[0];
        assert_eq!((gas.shelve_minutes, gas.out_of_service), ([0, 30, 5, 30], [false; 4]));
    }

    #[test]
    fn every_problem_is_told_at_once_with_its_line() {
        let text = "data_dir = \"d\"\nlisten = \"nowhere\"\nenterprise_code_length = 12\n[retention]\nraw_days = 0\n[limits]\ngateways = 0\n";
        let problems = parse(Path::new("c.toml"), text).unwrap_err();
        for line in [
            "c.toml:2: listen",
            "c.toml:3: enterprise_code_length",
            "c.toml:5: retention.raw_days",
            "c.toml:7: limits.gateways",
        ] {
            assert!(problems.contains(line), "{line} is missing in {problems}");
        }
        let text = "data_dir = \"d\"\n[desk]\novernight = 1\n";
        assert!(parse(Path::new("c.toml"), text).unwrap_err().starts_with("c.toml:3:"));
        let text = "data_dir = \"d\"\n[desk]\noverdue_minutes = [1, 2, 0, 4]\n";
        let problems = parse(Path::new("c.toml"), text).unwrap_err();
        assert!(problems.starts_with("c.toml:3: desk.overdue_minutes: 0"), "{problems}");
        let text = "data_dir = \"d\"\n[quiet_rights.gas.level_1]\nofficer = -1\nout_of_service = [\"tester\"]\n";
        let problems = parse(Path::new("c.toml"), text).unwrap_err();
        for line in [
            "c.toml:3: quiet_rights.gas.level_1.officer",
            "c.toml:4: quiet_rights.gas.level_1.out_of_service",
        ] {
            assert!(problems.contains(line), "{line} is missing in {problems}");
        }
        assert!(parse(Path::new("c.toml"), "data_dir = 1").unwrap_err().starts_with("c.toml:1:"));
        assert!(
            parse(Path::new("c.toml"), "data_dir = 'd'\nlisen = 'x'")
                .unwrap_err()
                .starts_with("c.toml:2:")
        );
    }
}
