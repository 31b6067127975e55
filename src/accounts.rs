//! Demo accounts: one for each role, with passwords made at random once per data folder and kept beside it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::process::Failure;

/// One account of the demo.
pub struct Account {
    /// Role code.
    pub role: &'static str,
    /// To sign in with.
    pub username: &'static str,
    /// Invented.
    pub name: &'static str,
    /// As in users.csv: `region:CODE`, `enterprise:CODE` or `everything`.
    pub scope: &'static str,
    /// Made at random.
    pub password: String,
}

/// Role, user name, name, scope. The park's officer comes first: who sees the whole demo.
const ACCOUNTS: [(&str, &str, &str, &str); 8] = [
    ("officer", "park", "王素琴", "region:410205P01"),
    ("officer", "county", "周航", "region:410205"),
    ("officer", "city", "刘敏", "region:410200"),
    ("officer", "province", "陈立", "region:410000"),
    ("enterprise_manager", "manager", "张海峰", "enterprise:410205001"),
    ("enterprise_responder", "responder", "刘建国", "enterprise:410205001"),
    ("administrator", "admin", "赵磊", "everything"),
    ("tester", "tester", "孙敏", "region:410205P01"),
];

/// The accounts of a data folder, made where there are none yet. The flag says whether they are new.
pub fn of(data: &Path) -> Result<(Vec<Account>, bool), Failure> {
    let file = data.join("demo-accounts.txt");
    let failed =
        |error: std::io::Error| Failure::Failed(format!("cannot use {}: {error}", file.display()));
    let known = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let password_of = |user: &str| {
        known
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(name, _)| *name == user)
            .map(|(_, p)| p.to_owned())
    };
    let mut new = false;
    let mut accounts = Vec::new();
    for (role, username, name, scope) in ACCOUNTS {
        let password = match password_of(username) {
            Some(password) => password,
            None => {
                new = true;
                random_password()?
            }
        };
        accounts.push(Account { role, username, name, scope, password });
    }
    if new {
        let lines: Vec<_> =
            accounts.iter().map(|a| format!("{} {}\n", a.username, a.password)).collect();
        write_private(&file, &lines.concat())?;
    }
    Ok((accounts, new))
}

/// Writes a file that only its owner may read, also where there was one that others could.
pub fn write_private(file: &Path, text: &str) -> Result<(), Failure> {
    let written = || {
        match fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut out = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(file)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()
    };
    written().map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))
}

/// `users.csv` of the import.
pub fn csv(accounts: &[Account]) -> String {
    let mut text = "username,name,role,scope,password\n".to_owned();
    for Account { role, username, name, scope, password } in accounts {
        text.push_str(&format!("{username},{name},{role},{scope},{password}\n"));
    }
    text
}

/// Sixteen characters that nobody confuses: about 75 bits.
pub fn random_password() -> Result<String, Failure> {
    const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut password = String::new();
    while password.len() < 16 {
        let mut byte = [0u8];
        getrandom::fill(&mut byte)
            .map_err(|error| Failure::Failed(format!("no random numbers: {error}")))?;
        // 248 = 8 × 31: what is above would make the first letters likelier.
        if byte[0] < 248 {
            password.push(char::from(LETTERS[usize::from(byte[0] % 31)]));
        }
    }
    Ok(password)
}
