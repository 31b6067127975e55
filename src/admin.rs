//! `anlan admin`: acts on a center's data folder.

use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use anlan_domain::ids::{Role, UserName};
use anlan_store::registry::people::{ROLES, User};
use anlan_store::registry::transfer::{ImportError, ImportOptions};
use anlan_store::registry::{Doer, Expected, Scope};
use indicatif::{ProgressBar, ProgressStyle};

use crate::engines;
use crate::process::{self, Failure};

/// `anlan admin import`
pub async fn import(
    dir: &Path,
    data: &Path,
    with_users: bool,
    code_length: usize,
) -> Result<ExitCode, Failure> {
    print!("{}", bring_in(dir, data, with_users, code_length).await?);
    Ok(ExitCode::SUCCESS)
}

/// Brings a plant into a data folder; gives the report to be shown.
pub async fn bring_in(
    dir: &Path,
    data: &Path,
    with_users: bool,
    code_length: usize,
) -> Result<String, Failure> {
    let _alone = engines::lock(data)?;
    let registry = engines::registry(data).await?;
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("importing {wide_bar} {pos}/{len}")
            .expect("the template is a constant"),
    );
    let progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let options = ImportOptions {
        enterprise_code_length: code_length,
        users: if with_users { Some(&anlan_web::password::hash) } else { None },
        progress: Some(&progress),
        at: process::now(),
    };
    let imported = registry.import(dir, options).await;
    bar.finish_and_clear();
    registry.close().await;
    match imported {
        Ok(report) => Ok(report.to_string()),
        Err(ImportError::Problems(problems)) => {
            Err(Failure::Config(format!("{}\nnothing was imported\n", problems.join("\n"))))
        }
        Err(error) => Err(Failure::of(&error)),
    }
}

/// `anlan admin export`
pub async fn export(dir: &Path, data: &Path) -> Result<ExitCode, Failure> {
    if !data.join("registry.db").is_file() {
        return Err(Failure::Config(format!("{}: is no center's data folder\n", data.display())));
    }
    let registry = engines::registry(data).await?;
    std::fs::create_dir_all(dir)
        .map_err(|e| Failure::Failed(format!("cannot make {}: {e}", dir.display())))?;
    let exported = registry.export(dir).await.map_err(|e| Failure::of(&e));
    registry.close().await;
    exported.map(|()| ExitCode::SUCCESS)
}

/// `anlan admin add-user`
pub async fn add_user(
    username: &str,
    name: &str,
    role: &str,
    scope: Option<&str>,
    data: &Path,
) -> Result<ExitCode, Failure> {
    let bad = |text: String| Failure::Config(format!("{text}\n"));
    let username = UserName::new(username).map_err(|e| bad(e.to_string()))?;
    let (role, _) = ROLES.iter().copied().find(|(_, code)| *code == role).ok_or_else(|| {
        let known: Vec<_> = ROLES.iter().map(|(_, code)| *code).collect();
        bad(format!("--role {role}: is none of {}", known.join(", ")))
    })?;
    let scope = scope_of(role, scope).map_err(bad)?;
    // Before the password is asked for: nobody should type one in vain.
    let _alone = engines::lock(data)?;
    let password = password().await?;
    if password.chars().count() < 10 {
        return Err(bad("the password has fewer than 10 characters".to_owned()));
    }
    let password_hash = anlan_web::password::hash(&password).map_err(Failure::Failed)?;
    let registry = engines::registry(data).await?;
    let user = User {
        meta: Default::default(),
        username,
        name: name.to_owned(),
        role,
        scope,
        password_hash,
    };
    let mut change = registry
        .change(Doer::command("admin"), process::now())
        .await
        .map_err(|e| Failure::of(&e))?;
    change.put_user(&user, Expected::New).await.map_err(|e| bad(e.to_string()))?;
    change.commit().await.map_err(|e| Failure::of(&e))?;
    registry.close().await;
    Ok(ExitCode::SUCCESS)
}

fn scope_of(role: Role, text: Option<&str>) -> Result<Scope, String> {
    match text {
        None if role == Role::Administrator => Ok(Scope::Everything),
        None => Err("--scope: give the code of a region or an enterprise".to_owned()),
        Some(text) => match (text.parse(), text.parse()) {
            (Ok(region), _) => Ok(Scope::Region(region)),
            (_, Ok(enterprise)) => Ok(Scope::Enterprise(enterprise)),
            _ => Err(format!("--scope {text}: is neither a region's nor an enterprise's code")),
        },
    }
}

/// Secrets come from the environment or from standard input, never from the command line, where others could see them.
///
/// The terminal is read on a thread of its own: the runtime does not wait for it, so Ctrl-C ends the command at once.
async fn password() -> Result<String, Failure> {
    if let Ok(password) = std::env::var("ANLAN_PASSWORD") {
        return Ok(password);
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let input = std::io::stdin();
        if input.is_terminal() {
            eprintln!("password (it is shown while you type; or set ANLAN_PASSWORD):");
        }
        let mut line = String::new();
        let read = input.lock().read_line(&mut line).map(|_| line);
        // Whoever asked may have been interrupted.
        drop(tell.send(read));
    });
    let line = told
        .await
        .map_err(|_| Failure::Failed("the password could not be asked for".to_owned()))?
        .map_err(|e| Failure::Failed(format!("cannot read the password: {e}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anlan_store::registry::conformance::sample_plant;

    #[tokio::test]
    async fn nothing_is_imported_beside_a_running_center() {
        let folder = tempfile::tempdir().unwrap();
        let (plant, data) = (folder.path().join("plant"), folder.path().join("center"));
        std::fs::create_dir(&plant).unwrap();
        sample_plant(&plant);
        let center = engines::Engines::open(&data, 0, [400, 1830]).await.unwrap();
        let Err(Failure::Failed(why)) = bring_in(&plant, &data, false, 9).await else {
            panic!("it was imported");
        };
        assert!(why.contains("is in use") && why.contains("Stop the center first"), "{why}");
        let added = add_user("admin", "A", "administrator", None, &data).await;
        assert!(matches!(added, Err(Failure::Failed(why)) if why.contains("is in use")));
        assert!(center.registry.outline().await.unwrap().enterprises.is_empty());
        center.registry.close().await;
        drop(center);
        let report = bring_in(&plant, &data, false, 9).await.unwrap();
        assert!(report.contains("points: 5 created"), "{report}");
        engines::Engines::open(&data, 0, [400, 1830]).await.unwrap();
    }
}
