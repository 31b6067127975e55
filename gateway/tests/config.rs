//! The configuration: the commented example is complete and good, the least one is enough, and every problem comes at once.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use anlan_domain::quality::Quality;
use anlan_gateway::config::{GatewayConfig, PointAddress, Protocol, Purpose};

const EXAMPLE: &str = include_str!("../../examples/gateway.toml");

fn problems(text: &str) -> Vec<String> {
    match GatewayConfig::from_toml(text, Path::new("site.toml")) {
        Ok(config) => panic!("accepted: {config:?}"),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn the_commented_example_is_a_good_configuration() {
    let config = GatewayConfig::from_toml(EXAMPLE, Path::new("examples/gateway.toml")).unwrap();
    assert_eq!((config.devices.len(), config.points.len()), (3, 4));
    assert_eq!(config.id.as_ref().unwrap().as_str(), "41020500101");
    assert_eq!(config.data_dir, Path::new("examples/gateway-data"));
    let Protocol::ModbusTcp { limits, .. } = &config.devices[0].protocol else {
        panic!("plc-1 is Modbus")
    };
    assert_eq!(limits.forbidden.len(), 2);
    let Protocol::OpcUa(dcs) = &config.devices[2].protocol else { panic!("dcs is OPC UA") };
    assert!(dcs.secure && dcs.user.is_some());
    assert_eq!(
        config.points[0].scaling.apply(5.0, Quality::GOOD, config.points[0].range),
        (5.0, Quality::GOOD)
    );
    assert!(
        matches!(&config.points[3].address, PointAddress::OpcUa { node_id } if node_id == "ns=2;s=Sphere1.Pressure")
    );
}

/// A key that the parser knows but the example does not show would be undocumented: the parser itself names the keys it
/// knows when it meets one that it does not.
#[test]
fn every_key_that_is_read_is_shown_in_the_example() {
    let stray = EXAMPLE
        .lines()
        .map(|line| {
            if line.starts_with('[') { format!("{line}\nstray = 1\n") } else { format!("{line}\n") }
        })
        .collect::<String>();
    let found = problems(&stray);
    assert!(found.len() >= 9, "one stray key a table: {found:#?}");
    for problem in found {
        let known = problem.split_once("known are ").unwrap_or_else(|| panic!("{problem}")).1;
        for key in known.split(", ") {
            let shown = EXAMPLE.lines().any(|line| {
                line.trim_start_matches("# ").starts_with(&format!("{key} = "))
                    || line.contains(&format!("[{key}]"))
            });
            assert!(shown, "the key {key} is not in the example");
        }
    }
}

#[test]
fn the_least_configuration_is_enough_to_read() {
    let least = include_str!("../../examples/gateway-least.toml");
    let config = GatewayConfig::from_toml(least, Path::new("examples/gateway-least.toml")).unwrap();
    assert_eq!((config.devices.len(), config.points.len()), (2, 2));
    assert_eq!(config.devices[0].scan.as_secs(), 1);
    let missing = config.for_running().err().unwrap().to_string();
    for key in ["gateway.id", "gateway.secret_file", "uplink.url"] {
        assert!(missing.contains(key), "{missing}");
    }
}

#[test]
fn every_problem_comes_at_once_with_its_line() {
    let text = r#"
[gateway]
id = "12"
datadir = "x"

[[device]]
id = "a"
protocol = "modbus-tcp"
address = "nowhere"
scan = "soon"
unit_id = 300

[[device]]
id = "a"
protocol = "profibus"

[[point]]
id = "LT-1"
device = "b"
register = "holding:70000"
type = "f16"
range = [5, 1]

[[point]]
id = "LT-1"
device = "a"
register = "holding:0"
type = "f32"
h = 90.0
hh = 80.0
scale = "two"
"#;
    let found = problems(text);
    for expected in [
        "site.toml:3: gateway.id: \"12\" is no gateway id",
        "site.toml:4: gateway.datadir: is no key of this table",
        "site.toml:9: device[0].address: \"nowhere\" is no address",
        "site.toml:10: device[0].scan: \"soon\" is no duration",
        "site.toml:11: device[0].unit_id: 300 is not between 0 and 255",
        "site.toml:14: device[1].id: \"a\" is the name of an earlier device",
        "site.toml:15: device[1].protocol: \"profibus\" is not spoken",
        "site.toml:19: point[0].device: no device is named \"b\"",
        "site.toml:20: point[0].register: \"holding:70000\" is no register",
        "site.toml:21: point[0].type: \"f16\" is no type",
        "site.toml:22: point[0].range: is not a range",
        "site.toml:25: point[1].id: \"LT-1\" is the id of the point in line 17",
        "site.toml:30: point[1].hh: limits out of order",
        "site.toml:31: point[1].scale: is a string; write a number",
    ] {
        assert!(
            found.iter().any(|line| line.starts_with(expected)),
            "{expected}\nnot in {found:#?}"
        );
    }
    assert_eq!(found.len(), 14, "{found:#?}");
}

#[test]
fn a_tls_uplink_without_authorities_and_half_a_pair_of_keys_are_problems() {
    let found =
        problems(&EXAMPLE.replace("\nca_file", "\n# ca_file").replace("\nclient_key_file", "\n# "));
    assert!(
        found[1].contains("uplink.client_cert_file: and client_key_file belong together"),
        "{found:?}"
    );
    assert!(found[0].contains("uplink.ca_file: is missing"), "{found:?}");
    assert_eq!(found.len(), 2);
}

#[test]
fn what_is_no_toml_is_a_problem_with_its_line() {
    let found = problems("[gateway]\nid = \n");
    assert!(found[0].starts_with("site.toml:2: is no TOML"), "{found:?}");
    assert!(problems("")[0].contains("no device is configured"));
}

/// The problems of `text` in a file in `dir`, without its path.
fn problems_for(dir: &Path, text: &str, purpose: Purpose) -> Vec<String> {
    let file = dir.join("site.toml");
    std::fs::write(&file, text).unwrap();
    match GatewayConfig::load_for(&file, purpose) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let folder = format!("{}/", dir.display());
            error.to_string().lines().map(|line| line.replace(&folder, "")).collect()
        }
    }
}

/// Each file that the example names is a problem at its own key while it is missing, all of them at once.
#[test]
fn what_a_configuration_names_must_be_there_for_its_purpose() {
    let dir = tempfile::TempDir::new().unwrap();
    let line = |key: &str| EXAMPLE.lines().position(|l| l.starts_with(key)).unwrap() + 1;
    let expected = |keys: &[(&str, &str)]| {
        let mut found: Vec<(usize, String)> = keys
            .iter()
            .map(|(section, key)| {
                (line(key), format!("site.toml:{}: {section}.{key}: ", line(key)))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    };
    let password = ("device[2]", "password_file");
    let everything = [
        ("gateway", "secret_file"),
        ("uplink", "ca_file"),
        ("uplink", "client_cert_file"),
        ("uplink", "client_key_file"),
        password,
    ];
    for (purpose, keys) in [
        (Purpose::Looking, &[][..]),
        (Purpose::Reading, &[password][..]),
        (Purpose::Running, &everything[..]),
        (Purpose::Checking, &everything[..]),
    ] {
        let found = problems_for(dir.path(), EXAMPLE, purpose);
        let expected = expected(keys);
        assert_eq!(found.len(), expected.len(), "{purpose:?}: {found:#?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!(found.starts_with(expected), "{purpose:?}: {found} is not about {expected}");
            assert!(found.contains("cannot read"), "{found}");
        }
    }
    // A configuration for reading alone is checked as one.
    let least = include_str!("../../examples/gateway-least.toml");
    assert!(problems_for(dir.path(), least, Purpose::Checking).is_empty());
    assert_eq!(problems_for(dir.path(), least, Purpose::Running).len(), 3);
    // What is wrong is not missing on top of that.
    let wrong = format!("[gateway]\nid = \"12\"\nsecret_env = \"ANLAN_NO_SUCH_VARIABLE\"\n{least}");
    let found = problems_for(dir.path(), &wrong, Purpose::Running);
    assert!(found[1].starts_with("site.toml:2: gateway.id: \"12\" is no gateway id"), "{found:#?}");
    assert!(found[2].starts_with("site.toml:3: gateway.secret_env: the environment variable"));
    assert!(found[0].starts_with("site.toml:1: uplink.url: is missing"), "{found:#?}");
    assert_eq!(found.len(), 3, "{found:#?}");
}
