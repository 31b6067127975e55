//! The operator's list of metrics and the code say the same.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

fn sources(folder: &Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// Every text in double quotes or back ticks that is a metric's name.
fn names(text: &str) -> BTreeSet<String> {
    text.split(['"', '`'])
        // The one other name of this form: the session's cookie.
        .filter(|part| part.starts_with("anlan_") && *part != "anlan_session")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_metric_of_the_center_is_in_the_list_and_the_list_has_no_other() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    sources(&here.join("src"), &mut code);
    sources(&here.join("../web/src"), &mut code);
    let list = std::fs::read_to_string(here.join("../docs/metrics.md")).unwrap();
    let listed: BTreeSet<_> = list
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| line.split('`').next().unwrap().to_owned())
        .collect();
    assert_eq!(names(&code), listed);
}
