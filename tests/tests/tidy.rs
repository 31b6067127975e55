//! Keeps the picture of ARCHITECTURE.md true: which crate may name which, how files open, and that documents link to
//! what exists. What it cannot judge (is a file one idea?) is left to people.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

/// Files that git knows, or that it would add, with one of the given endings.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(out.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&out.stderr));
    let mut files: Vec<_> = String::from_utf8(out.stdout)
        .expect("paths are UTF-8")
        .lines()
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)))
        .map(PathBuf::from)
        .filter(|path| root().join(path).is_file())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no file with {endings:?}");
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn crates_name_only_the_crates_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("anlan-domain", &[][..]),
        ("anlan-store", &["anlan-domain"][..]),
        ("anlan-drivers", &["anlan-domain"]),
        ("anlan-notify", &["anlan-domain"]),
        ("anlan-gateway", &["anlan-domain", "anlan-drivers", "anlan-notify"]),
        ("anlan-actors", &["anlan-domain", "anlan-notify", "anlan-store"]),
        ("anlan-web", &["anlan-actors", "anlan-domain", "anlan-store"]),
        ("anlan-sim", &["anlan-domain", "anlan-drivers"]),
    ]);
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value =
        serde_json::from_slice(&out.stdout).expect("cargo prints JSON");
    let mut seen = 0;
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name");
        let Some(may) = allowed.get(name) else { continue };
        seen += 1;
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().expect("name");
            let for_tests = dependency["kind"].as_str() == Some("dev");
            assert!(
                !on.starts_with("anlan")
                    || may.contains(&on)
                    || (for_tests && on == "anlan-domain"),
                "{name} names {on}, which is not below it; see ARCHITECTURE.md"
            );
        }
    }
    assert_eq!(seen, allowed.len(), "a crate of the picture is gone from the workspace");
}

#[test]
fn the_domain_reads_no_clock_and_does_no_io() {
    for path in files(&[".rs"]).iter().filter(|p| p.starts_with("domain/src")) {
        let text = read(path);
        for absent in [
            "SystemTime",
            "Instant::now",
            "std::fs",
            "std::net",
            "tokio",
            "tracing::",
            "rand::",
            "async fn",
            "println!",
        ] {
            assert!(!text.contains(absent), "{}: {absent} has no place in domain", path.display());
        }
    }
}

#[test]
fn the_registry_names_no_engine() {
    let of_it = |path: &&PathBuf| path.starts_with("store/src/registry");
    let all = files(&[".rs"]);
    let named: Vec<_> =
        all.iter().filter(of_it).filter(|path| read(path).contains("sqlx::")).collect();
    assert!(
        all.iter().filter(of_it).count() > 10,
        "the registry has moved; move this test with it"
    );
    assert!(
        named.is_empty(),
        "the registry stands on `store::sql`; these name an engine: {named:?}"
    );
}

#[test]
fn every_source_file_opens_by_saying_what_it_is_for() {
    for path in files(&[".rs"]) {
        let text = read(&path);
        let first = text.lines().find(|line| !line.is_empty() && !line.starts_with("#!["));
        assert!(
            first.is_some_and(|line| line.starts_with("//! ") && line.len() > 10),
            "{}: no //! header",
            path.display()
        );
    }
}

#[test]
fn documents_link_only_to_what_exists() {
    for path in files(&[".md"]) {
        let text = read(&path);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target =
                target.split('#').next().unwrap_or_default().split(' ').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let folder = path.parent().expect("a file has a folder");
            assert!(
                root().join(folder).join(target).exists(),
                "{}: links to {target}, which is not there",
                path.display()
            );
        }
    }
}

#[test]
fn no_file_names_one_machine() {
    for path in files(&[".rs", ".md", ".toml", ".ts", ".tsx", ".sh", ".py", ".json", "Makefile"]) {
        // This file names what it looks for.
        if path.ends_with("tidy.rs") {
            continue;
        }
        let text = read(&path);
        for absent in ["/root/", "/work/", "registry.npmjs", "\"resolved\": \"http"] {
            assert!(!text.contains(absent), "{}: contains {absent}", path.display());
        }
    }
}

#[test]
fn the_readme_shows_the_two_doors() {
    for readme in ["README.md", "README.zh-CN.md"] {
        let text = read(Path::new(readme));
        for door in ["make demo", "make test"] {
            assert!(text.contains(door), "{readme} does not show {door}");
        }
    }
}

#[test]
fn every_subcommand_of_the_contract_is_documented() {
    let manual = read(Path::new("docs/operations.md"));
    for command in [
        "demo",
        "center",
        "gateway",
        "gateway read",
        "vision",
        "sim",
        "bench",
        "admin import",
        "check-config",
    ] {
        assert!(
            manual.contains(&format!("anlan {command}")),
            "docs/operations.md does not mention `anlan {command}`"
        );
    }
}
