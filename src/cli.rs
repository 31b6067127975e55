//! The command line of `anlan`: one subcommand a role, as the contracts in the design fix them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// 安澜: real-time supervision of hazardous-chemical enterprises.
#[derive(Debug, Parser)]
#[command(name = "anlan", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to run.
    #[command(subcommand)]
    pub command: Command,
}

/// Roles of the one binary.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Center, simulated park and its gateways, ready to look at
    Demo(DemoArgs),
    /// The center
    Center(CenterArgs),
    /// A collector gateway, or with `read` its points without a center
    Gateway(GatewayArgs),
    /// Smoke and flame on existing cameras (starts its sibling `anlan-vision`)
    Vision(VisionArgs),
    /// The simulated park alone
    Sim(SimArgs),
    /// Measures; prints a table, or JSON with --json
    Bench(BenchArgs),
    /// Brings a plant in and out, makes the first user
    Admin(AdminArgs),
    /// Checks a configuration file and names every problem
    CheckConfig(CheckConfigArgs),
}

/// `anlan demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address of the web interface
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Folder that keeps everything; made when it is missing
    #[arg(long, default_value = "demo-data")]
    pub data: PathBuf,
    /// How many of the ten enterprises
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub enterprises: u8,
    /// Ends cleanly after this long (`60s`, `5m`)
    #[arg(long, value_parser = duration)]
    pub duration: Option<Duration>,
    /// Scenario that begins when everything is ready, see the tester's page
    #[arg(long, default_value = "calm", value_parser = scenario)]
    pub scenario: String,
    /// Seed of the simulated park
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Recorded data and speed
    #[command(flatten)]
    pub play: PlayArgs,
}

/// What the park plays, and how fast: `anlan demo` and `anlan sim`.
#[derive(Debug, Args)]
pub struct PlayArgs {
    /// Recorded data in place of the models of one enterprise: a table of numbers, one row a second, see docs/simulator.md
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Code of the enterprise that the recording drives
    #[arg(long, value_name = "CODE", requires = "replay", default_value = anlan_sim::REPLAYED)]
    pub replay_enterprise: String,
    /// Simulated seconds a second; the center's own delays go on in real ones
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
}

/// `anlan center`
#[derive(Debug, Args)]
pub struct CenterArgs {
    /// Configuration, see examples/center.toml
    #[arg(long)]
    pub config: PathBuf,
    /// Ends cleanly after this long
    #[arg(long, value_parser = duration)]
    pub duration: Option<Duration>,
}

/// `anlan gateway`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct GatewayArgs {
    /// Configuration, see examples/gateway.toml
    #[arg(long, required = true)]
    pub config: Option<PathBuf>,
    /// Ends cleanly after this long
    #[arg(long, value_parser = duration)]
    pub duration: Option<Duration>,
    /// Something other than running it
    #[command(subcommand)]
    pub action: Option<GatewayAction>,
}

/// What a gateway can do besides running.
#[derive(Debug, Subcommand)]
pub enum GatewayAction {
    /// Reads the configured points with no center, for commissioning
    Read {
        /// Configuration, see examples/gateway.toml
        #[arg(long)]
        config: PathBuf,
        /// How long to read
        #[arg(long = "for", value_parser = duration, default_value = "5s")]
        period: Duration,
        /// One JSON object a point and scan in place of a table
        #[arg(long)]
        json: bool,
    },
}

/// `anlan vision`
#[derive(Debug, Args)]
pub struct VisionArgs {
    /// Handed to `anlan-vision` as it is
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// `anlan sim`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SimArgs {
    /// Folder for keys, plant files and gateway configurations
    #[arg(long, default_value = "sim-data")]
    pub data: PathBuf,
    /// Address of the simulator's own HTTP control
    #[arg(long, default_value = "127.0.0.1:8090")]
    pub control: SocketAddr,
    /// How many of the ten enterprises
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub enterprises: u8,
    /// Scenario to start with
    #[arg(long, default_value = "calm", value_parser = scenario)]
    pub scenario: String,
    /// Seed of the process models
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Recorded data and speed
    #[command(flatten)]
    pub play: PlayArgs,
    /// Where gateways find a center, for the configurations that are written
    #[arg(long, default_value = "ws://127.0.0.1:8081/uplink/v1")]
    pub uplink: String,
    /// Ends cleanly after this long
    #[arg(long, value_parser = duration)]
    pub duration: Option<Duration>,
    /// Something other than the park
    #[command(subcommand)]
    pub action: Option<SimAction>,
}

/// What the simulator can do besides the park.
#[derive(Debug, Subcommand)]
pub enum SimAction {
    /// Sends readings of any number of gateways over the uplink, to load a center
    Load(LoadArgs),
    /// Starts or stops a scenario of a running park, or lists them
    Scenario(ScenarioArgs),
}

/// `anlan sim scenario`
#[derive(Debug, Args)]
pub struct ScenarioArgs {
    /// Which one; without it they are listed with their parameters
    #[arg(value_parser = scenario)]
    pub name: Option<String>,
    /// Sets a parameter, `high_after_s=20`; may be given again
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter, requires = "name")]
    pub parameters: Vec<(String, serde_json::Value)>,
    /// Stops it
    #[arg(long, requires = "name", conflicts_with = "parameters")]
    pub stop: bool,
    /// The simulator's HTTP control, as `anlan sim` and `anlan demo` print it
    #[arg(long, default_value = "http://127.0.0.1:8090")]
    pub control: String,
    /// The control's own answer
    #[arg(long)]
    pub json: bool,
}

/// `anlan sim load`
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Where the center takes gateways in
    #[arg(long, default_value = "ws://127.0.0.1:8081/uplink/v1")]
    pub uplink: String,
    /// How many sensors; 480 of them are one enterprise with one gateway
    #[arg(long, default_value_t = 4_800, value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    pub sensors: u32,
    /// How many enterprises with one gateway each, in place of --sensors
    #[arg(long, conflicts_with = "sensors", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub enterprises: Option<u32>,
    /// Points of each of them
    #[arg(long, requires = "enterprises", default_value_t = 480, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub points_each: u32,
    /// Longest that a gateway may take to be taken in; what is not then is told
    #[arg(long, value_parser = duration, default_value = "60s")]
    pub connect: Duration,
    /// Readings a second of each sensor; without it as fast as the center acknowledges
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// How long
    #[arg(long = "for", value_parser = duration, default_value = "60s")]
    pub period: Duration,
    /// Share of the sensors that cross their limit each minute
    #[arg(long, default_value_t = 0.001)]
    pub crossings: f64,
    /// Same seed, same values
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Writes the plant of these sensors for `anlan admin import` and sends nothing
    #[arg(long)]
    pub write_plant: Option<PathBuf>,
    /// JSON only, with every crossing
    #[arg(long)]
    pub json: bool,
}

/// `anlan bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Which one
    #[command(subcommand)]
    pub bench: Bench,
}

/// The benchmarks. Ratios within one run are what to look at: machines differ and are noisy.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Memory a sensor and CPU a reading of the hosted tree, beside one ractor actor per sensor
    Actors {
        /// JSON only
        #[arg(long)]
        json: bool,
    },
    /// Readings through uplink, journal, tree, alarms, live hub, history and roll-ups
    Ingest {
        /// How many sensors
        #[arg(long, default_value_t = 440_000)]
        sensors: u32,
        /// Readings a second of each sensor
        #[arg(long, default_value_t = 1.0, value_parser = rate)]
        rate: f64,
        /// How long
        #[arg(long = "for", value_parser = duration, default_value = "60s")]
        period: Duration,
        /// Then raise the rate until it no longer holds
        #[arg(long)]
        max: bool,
        /// JSON only
        #[arg(long)]
        json: bool,
    },
    /// Bytes a reading of the history store, beside pco at its highest level
    History {
        /// Recorded data: first column time, the rest numbers; without it the simulator's
        #[arg(long)]
        csv: Option<PathBuf>,
        /// Column delimiter of the file
        #[arg(long, default_value = ",")]
        delimiter: String,
        /// JSON only
        #[arg(long)]
        json: bool,
    },
    /// A storm of 100,000 alarms within ten seconds at the alarm desk
    Storm {
        /// JSON only
        #[arg(long)]
        json: bool,
    },
    /// Updates delivered to many subscribers, one of them stalled
    Live {
        /// JSON only
        #[arg(long)]
        json: bool,
    },
    /// Cold start to ready, idle memory
    Start {
        /// JSON only
        #[arg(long)]
        json: bool,
    },
    /// All of them
    All,
}

/// `anlan admin`
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// What to do
    #[command(subcommand)]
    pub action: Admin,
}

/// Acts on a center's data folder while the center is stopped, or tests a channel.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Brings a plant in: CSV and GeoJSON, all or nothing, every problem at once
    Import {
        /// Folder with the files, see docs/import.md
        dir: PathBuf,
        /// Data folder of the center
        #[arg(long)]
        data: PathBuf,
        /// Also take users.csv, whose passwords stand in clear
        #[arg(long)]
        with_users: bool,
        /// Characters of an enterprise code: 9, or 11 in the provincial variant
        #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u8).range(9..=11))]
        enterprise_code_length: u8,
    },
    /// Writes the plant as the same files
    Export {
        /// Folder to write to
        dir: PathBuf,
        /// Data folder of the center
        #[arg(long)]
        data: PathBuf,
    },
    /// Makes a user; the password is read from the environment variable ANLAN_PASSWORD or from the terminal's input
    AddUser {
        /// Name to sign in with
        username: String,
        /// Name of the person
        #[arg(long)]
        name: String,
        /// officer, enterprise_manager, enterprise_responder, administrator, tester
        #[arg(long)]
        role: String,
        /// Region or enterprise code; administrators may see everything
        #[arg(long)]
        scope: Option<String>,
        /// Data folder of the center
        #[arg(long)]
        data: PathBuf,
    },
    /// Sends one marked test message by one channel and shows the receipt, or the error with its remedy
    NotifyTest(NotifyTestArgs),
}

/// `anlan admin notify-test`
#[derive(Debug, Args)]
pub struct NotifyTestArgs {
    /// Configuration of the channels, see examples/notify.toml
    #[arg(long)]
    pub config: PathBuf,
    /// Name of the channel in it
    #[arg(long)]
    pub channel: String,
    /// Whom to send to: a mailbox, a telephone number or a URL; without it the channel is probed and nothing is sent
    #[arg(long)]
    pub to: Option<String>,
    /// Language of the message
    #[arg(long, value_enum, default_value = "zh")]
    pub language: TestLanguage,
}

/// Language of a test message.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TestLanguage {
    /// 中文
    Zh,
    /// English
    En,
}

impl From<TestLanguage> for anlan_notify::message::Language {
    fn from(language: TestLanguage) -> Self {
        match language {
            TestLanguage::Zh => Self::Zh,
            TestLanguage::En => Self::En,
        }
    }
}

/// `anlan check-config`
#[derive(Debug, Args)]
pub struct CheckConfigArgs {
    /// Configuration of a center, a gateway or the channels
    pub file: PathBuf,
}

/// Reads `90s`, `5m`, `2h`, `250ms`; a bare number counts seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number
        .parse()
        .map_err(|_| format!("{text:?} is no duration: write 90s, 5m, 2h or 250ms"))?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(format!("{unit:?} is no unit of time: ms, s, m or h")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("{text:?} is out of range"))
}

/// A scenario's name.
fn scenario(text: &str) -> Result<String, String> {
    if anlan_sim::scenario::find(text).is_some() {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = anlan_sim::scenario::ALL.iter().map(|s| s.name).collect();
    Err(format!("there is no such scenario; there are {}", names.join(", ")))
}

/// `NAME=VALUE`, a number or a text.
fn parameter(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    let number = value.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    // Codes of enterprises are digits and no numbers; none of them is what a number could mean.
    let is_code = value.len() >= 9 && value.bytes().all(|b| b.is_ascii_digit());
    let value = match number.filter(|_| !is_code) {
        Some(number) => number.into(),
        None => value.into(),
    };
    Ok((name.to_owned(), value))
}

/// Simulated seconds a second.
fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.0..=anlan_sim::SPEED_MAX).contains(&speed) => Ok(speed),
        _ => {
            Err(format!("{text:?} is no speed: write a number from 0 to {}", anlan_sim::SPEED_MAX))
        }
    }
}

/// Readings a second of each sensor.
fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.001..=1_000.0).contains(&rate) => Ok(rate),
        _ => Err(format!("{text:?} is no rate: write readings a second, from 0.001 to 1000")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        for bad in ["", "s", "5x", "-1s", "1e400s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_scenario_is_known_by_its_name_before_anything_starts() {
        for name in ["calm", "park-blackout"] {
            assert_eq!(scenario(name), Ok(name.to_owned()));
        }
        let refused = scenario("fire").unwrap_err();
        assert!(refused.contains("tank-overfill") && refused.contains("alarm-flood"), "{refused}");
        for command in
            [["anlan", "demo", "--scenario", "fire"], ["anlan", "sim", "scenario", "fire"]]
        {
            assert_eq!(Cli::try_parse_from(command).unwrap_err().exit_code(), 2);
        }
    }

    #[test]
    fn parameters_are_numbers_texts_or_codes() {
        use serde_json::json;
        assert_eq!(parameter("seconds=20"), Ok(("seconds".to_owned(), json!(20.0))));
        assert_eq!(
            parameter("enterprise=410205010"),
            Ok(("enterprise".to_owned(), json!("410205010")))
        );
        assert_eq!(parameter("point=a.b=c"), Ok(("point".to_owned(), json!("a.b=c"))));
        assert!(parameter("seconds").is_err());
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
