//! People: users, their sessions, and failed tries to sign in.
//!
//! Passwords come here already hashed (argon2id, a PHC string) and tokens as their SHA-256: what is stored opens nothing.
//! Failures are counted for any name, whether it exists or not, so that no answer tells which names exist.

use std::collections::HashMap;

use anlan_domain::ids::{Role, UserName};
use anlan_domain::time::UtcMillis;

use super::change::{Change, Expected, Outcome};
use super::column::{Column, damaged};
use super::record::{self, record};
use super::{Doer, Problem, Registry, RegistryError, Scope, audit, engine, execute, number, rows};
use crate::sql::{Connection, Row, Separated, Statement};

record! {
    /// A person who may sign in.
    User in "users", "user", numbered: false,
    dependents: [],
    {
        /// Name by which they sign in.
        username: UserName,
        /// 姓名
        name: String,
        /// What they may do.
        role: Role,
        /// Where.
        scope: Scope,
        /// argon2id, a PHC string.
        password_hash: String,
    }
    enterprise: |_| None,
    check: |u| [
        u.name.trim().is_empty().then(|| Problem::new("name", "must not be blank")),
        (!u.password_hash.starts_with("$argon2id$")).then(|| Problem::new("password", "is not hashed")),
        scope_problem(u.role, &u.scope).map(|why| Problem::new("scope", why)),
    ].into_iter().flatten().collect(),
    references: |u| match &u.scope {
        Scope::Everything => Vec::new(),
        Scope::Region(code) => vec![("scope", "regions", code.to_string())],
        Scope::Enterprise(code) => vec![("scope", "enterprises", code.to_string())],
    },
}

fn scope_problem(role: Role, scope: &Scope) -> Option<String> {
    let needs = match (role, scope) {
        (Role::Officer | Role::Tester, Scope::Region(_))
        | (Role::EnterpriseManager | Role::EnterpriseResponder, Scope::Enterprise(_))
        | (Role::Administrator, Scope::Everything) => return None,
        // Users, gateways and the audit log know no region: an administrator of a part would be one of the whole.
        (Role::Administrator, _) => "an administrator's scope is everything; leave it empty",
        // The simulator is one for the whole center: whoever drives it drives what others watch.
        (Role::Tester, _) => "a tester's scope is a region: a park or above",
        (Role::Officer, _) => "an officer's scope is a region: a park or above",
        (Role::EnterpriseManager | Role::EnterpriseResponder, _) => {
            "people of an enterprise have it as their scope"
        }
    };
    Some(format!("{} cannot have scope {scope}: {needs}", role_code(role)))
}

impl User {
    /// What they may see. An administrator sees everything, also one whom an older version let have a region.
    #[must_use]
    pub fn sees(&self) -> Scope {
        if self.role == Role::Administrator { Scope::Everything } else { self.scope.clone() }
    }
}

/// Every role with its code.
pub const ROLES: [(Role, &str); 5] = [
    (Role::Officer, "officer"),
    (Role::EnterpriseManager, "enterprise_manager"),
    (Role::EnterpriseResponder, "enterprise_responder"),
    (Role::Administrator, "administrator"),
    (Role::Tester, "tester"),
];

/// Stable code of a role.
#[must_use]
pub fn role_code(role: Role) -> &'static str {
    ROLES.iter().find(|(r, _)| *r == role).expect("every role is listed").1
}

/// The role of a code.
#[must_use]
pub fn role_of(code: &str) -> Option<Role> {
    ROLES.iter().find(|(_, c)| *c == code).map(|(role, _)| *role)
}

impl Column for Role {
    fn bind_to(&self, to: &mut Separated<'_>) {
        to.push_bind(role_code(*self));
    }
    fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
        let code = String::read(row, column)?;
        role_of(&code).ok_or_else(|| damaged(column, format!("{code:?} is no role")))
    }
}

/// How failed tries lock a name.
#[derive(Clone, Copy, Debug)]
pub struct LockRule {
    /// Tries that are allowed.
    pub tries: u32,
    /// How long the name is locked then; failures older than this are forgotten.
    pub lock_ms: i64,
}

/// Five tries, fifteen minutes (design language §13, words 12).
pub const LOCK_RULE: LockRule = LockRule { tries: 5, lock_ms: 15 * 60 * 1000 };

/// A try to sign in that was counted before its password is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Try {
    /// It may be judged.
    Counted(Counted),
    /// The name is locked until then: the password is not looked at.
    Locked(UtcMillis),
}

/// A counted try: what it means if it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// So many tries are left then.
    Remaining(u32),
    /// It was the last one: others are locked out already, until then.
    Last(UtcMillis),
}

/// What opening a session came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is open.
    Yes,
    /// The user is gone, or has another password than the one that was checked.
    Changed,
    /// Another try locked the name meanwhile, until then.
    Locked(UtcMillis),
}

/// A session that is valid.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose.
    pub user: User,
    /// Until when, unless it is used again.
    pub expires_at: UtcMillis,
}

impl Registry {
    /// A user by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user(&self, username: &UserName) -> Result<Option<User>, RegistryError> {
        let mut on = self.reading().await?;
        record::get(&mut *on, username.as_str()).await
    }

    /// Every user, with the time until which the name is locked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users(
        &self,
        now: UtcMillis,
    ) -> Result<Vec<(User, Option<UtcMillis>)>, RegistryError> {
        let mut on = self.reading().await?;
        let users = record::all::<User>(&mut *on).await?;
        let locked = Statement::new(
            "SELECT username, locked_until FROM sign_in_failures WHERE locked_until > $1",
        );
        let locked = rows(&mut *on, locked.bind(now.0), |row| {
            Ok((String::read(row, "username")?, UtcMillis(i64::read(row, "locked_until")?)))
        });
        let locked: HashMap<_, _> = locked.await?.into_iter().collect();
        Ok(users
            .into_iter()
            .map(|user| {
                let until = locked.get(user.username.as_str()).copied();
                (user, until)
            })
            .collect())
    }

    /// Names of people by their user names; those unknown are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn names_of(
        &self,
        usernames: &[&str],
    ) -> Result<HashMap<String, String>, RegistryError> {
        let mut names = HashMap::with_capacity(usernames.len());
        for some in usernames.chunks(500) {
            let mut query = Statement::new("SELECT username, name FROM users WHERE username IN (");
            let mut list = query.separated(", ");
            for username in some {
                list.push_bind((*username).to_owned());
            }
            query.push(")");
            let mut on = self.reading().await?;
            let some = rows(&mut *on, query, |row| {
                Ok((String::read(row, "username")?, String::read(row, "name")?))
            });
            names.extend(some.await?);
        }
        Ok(names)
    }

    /// Counts a try before its password is looked at, and locks the name where it is the last one allowed. Counted first and in
    /// one transaction, so that no number of tries at once gets more than the rule allows; one that succeeds is taken back
    /// by [`Registry::sign_in`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn try_sign_in(
        &self,
        username: &str,
        rule: LockRule,
        now: UtcMillis,
    ) -> Result<Try, RegistryError> {
        let mut tx = self.writing().await?;
        // Old failures are forgotten here, which also bounds the table.
        let old = Statement::new("DELETE FROM sign_in_failures WHERE last_at < $1");
        execute(&mut *tx, old.bind(now.plus(-rule.lock_ms).0)).await?;
        if let Some(until) = locked(&mut *tx, username, now).await? {
            return Ok(Try::Locked(until));
        }
        let failures = Statement::new(
            "INSERT INTO sign_in_failures (username, failures, last_at, locked_until)
             VALUES ($1, 1, $2, NULL)
             ON CONFLICT (username) DO UPDATE
             SET failures = sign_in_failures.failures + 1, last_at = excluded.last_at
             RETURNING failures",
        )
        .bind(username)
        .bind(now.0);
        let failures = number(&mut *tx, failures, "failures").await?.unwrap_or(i64::MAX);
        let failures = u32::try_from(failures).unwrap_or(u32::MAX);
        let counted = if failures >= rule.tries {
            let until = now.plus(rule.lock_ms);
            let lock = Statement::new(
                "UPDATE sign_in_failures SET failures = 0, locked_until = $1 WHERE username = $2",
            );
            execute(&mut *tx, lock.bind(until.0).bind(username)).await?;
            Counted::Last(until)
        } else {
            Counted::Remaining(rule.tries - failures)
        };
        tx.commit().await.map_err(engine("write to"))?;
        Ok(Try::Counted(counted))
    }

    /// Writes a try that failed to the audit log; it is counted already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_failed(
        &self,
        username: &str,
        address: &str,
        counted: Counted,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.writing().await?;
        let by = Doer { name: username.to_owned(), address: address.to_owned() };
        let detail = match counted {
            Counted::Remaining(left) => format!("{left} tries left"),
            Counted::Last(_) => "locked".to_owned(),
        };
        audit::write(&mut *tx, &by, now, "sign_in_failed", "session", &detail).await?;
        tx.commit().await.map_err(engine("write to"))
    }

    /// Opens a session for a try whose password was right, forgets failures, and writes it to the audit log. Sessions that ran out
    /// are removed. Looks again at what may have changed while the password was checked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in(
        &self,
        checked: &User,
        counted: Counted,
        token_sha256: &str,
        address: &str,
        now: UtcMillis,
        expires_at: UtcMillis,
    ) -> Result<Opened, RegistryError> {
        let username = &checked.username;
        let mut tx = self.writing().await?;
        let present: Option<User> = record::get(&mut *tx, username.as_str()).await?;
        if present.is_none_or(|user| user.password_hash != checked.password_hash) {
            return Ok(Opened::Changed);
        }
        if let Some(until) = locked(&mut *tx, username.as_str(), now).await?
            && counted != Counted::Last(until)
        {
            return Ok(Opened::Locked(until));
        }
        let ran_out = Statement::new("DELETE FROM sessions WHERE expires_at <= $1");
        execute(&mut *tx, ran_out.bind(now.0)).await?;
        let failures = Statement::new("DELETE FROM sign_in_failures WHERE username = $1");
        execute(&mut *tx, failures.bind(username.as_str())).await?;
        let session = Statement::new(
            "INSERT INTO sessions (token_sha256, username, created_at, expires_at, address)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(token_sha256)
        .bind(username.as_str())
        .bind(now.0)
        .bind(expires_at.0)
        .bind(address);
        execute(&mut *tx, session).await?;
        let by = Doer { name: username.to_string(), address: address.to_owned() };
        audit::write(&mut *tx, &by, now, "sign_in", "session", "").await?;
        tx.commit().await.map_err(engine("write to"))?;
        Ok(Opened::Yes)
    }

    /// The session of a token, if it is valid now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(
        &self,
        token_sha256: &str,
        now: UtcMillis,
    ) -> Result<Option<Session>, RegistryError> {
        let mut on = self.reading().await?;
        let found = Statement::new(
            "SELECT username, expires_at FROM sessions WHERE token_sha256 = $1 AND expires_at > $2",
        )
        .bind(token_sha256)
        .bind(now.0);
        let found = rows(&mut *on, found, |row| {
            Ok((String::read(row, "username")?, i64::read(row, "expires_at")?))
        });
        let Some((username, expires_at)) = found.await?.pop() else { return Ok(None) };
        let user: Option<User> = record::get(&mut *on, &username).await?;
        Ok(user.map(|user| Session { user, expires_at: UtcMillis(expires_at) }))
    }

    /// Moves the end of a session that is in use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn extend_session(
        &self,
        token_sha256: &str,
        expires_at: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.writing().await?;
        let extended =
            Statement::new("UPDATE sessions SET expires_at = $1 WHERE token_sha256 = $2");
        execute(&mut *tx, extended.bind(expires_at.0).bind(token_sha256)).await?;
        tx.commit().await.map_err(engine("write to"))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out(
        &self,
        token_sha256: &str,
        by: &Doer,
        now: UtcMillis,
    ) -> Result<(), RegistryError> {
        let mut tx = self.writing().await?;
        let session = Statement::new("DELETE FROM sessions WHERE token_sha256 = $1");
        execute(&mut *tx, session.bind(token_sha256)).await?;
        audit::write(&mut *tx, by, now, "sign_out", "session", "").await?;
        tx.commit().await.map_err(engine("write to"))?;
        self.note_rights_change();
        Ok(())
    }
}

impl Change<'_> {
    /// Creates or changes a user. A new password, role or scope ends every session of theirs; a new role or scope also takes
    /// them out of duty units that are not theirs any more.
    ///
    /// # Errors
    /// As [`Change::put`]; also when it would leave no administrator.
    pub async fn put_user(
        &mut self,
        user: &User,
        expected: Expected,
    ) -> Result<Outcome, RegistryError> {
        let before: Option<User> = self.get(user.username.as_str()).await?;
        // The hash must not enter the audit log: the password is put in apart from the rest.
        let hidden = User {
            password_hash: before
                .as_ref()
                .map_or_else(|| user.password_hash.clone(), |b| b.password_hash.clone()),
            ..user.clone()
        };
        let mut outcome = self.put(&hidden, expected).await?;
        let new_password = hidden.password_hash != user.password_hash;
        if new_password {
            let password = Statement::new(
                "UPDATE users SET password_hash = $1, version = version + $2 WHERE username = $3",
            )
            .bind(user.password_hash.as_str())
            .bind(i64::from(outcome == Outcome::Same))
            .bind(user.username.as_str());
            execute(self.on(), password).await?;
            self.audit("password", &format!("user {}", user.username), "").await?;
            outcome = Outcome::Changed;
        }
        let demoted = before
            .as_ref()
            .is_some_and(|b| b.role == Role::Administrator && user.role != Role::Administrator);
        let rights = before.is_some_and(|b| b.role != user.role || b.scope != user.scope);
        if new_password || rights {
            end_sessions(self.on(), user.username.as_str()).await?;
            self.touches_rights();
        }
        if rights {
            self.leave_duty(&user.username, Some(&user.sees())).await?;
        }
        if demoted {
            self.keeps_an_administrator().await?;
        }
        Ok(outcome)
    }

    /// Deletes a user with their sessions, their contact and their place in duty units.
    ///
    /// # Errors
    /// As [`Change::delete`]; also when it would leave no administrator.
    pub async fn delete_user(
        &mut self,
        username: &UserName,
        expected: Expected,
    ) -> Result<(), RegistryError> {
        let before: Option<User> = self.get(username.as_str()).await?;
        end_sessions(self.on(), username.as_str()).await?;
        self.leave_duty(username, None).await?;
        self.delete::<User>(username.as_str(), expected).await?;
        self.touches_rights();
        if before.is_some_and(|user| user.role == Role::Administrator) {
            self.keeps_an_administrator().await?;
        }
        Ok(())
    }

    /// Opens a locked name again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unlock(&mut self, username: &UserName) -> Result<(), RegistryError> {
        let failures = Statement::new("DELETE FROM sign_in_failures WHERE username = $1");
        execute(self.on(), failures.bind(username.as_str())).await?;
        self.audit("unlock", &format!("user {username}"), "").await
    }

    async fn keeps_an_administrator(&mut self) -> Result<(), RegistryError> {
        let left = Statement::new("SELECT COUNT(*) AS n FROM users WHERE role = $1")
            .bind(role_code(Role::Administrator));
        if number(self.on(), left, "n").await? == Some(0) {
            let why = "the last administrator must stay one; make another first";
            return Err(RegistryError::Refused(vec![Problem::new("role", why)]));
        }
        Ok(())
    }
}

/// Until when a name is locked, if it is. `username` is what was typed.
async fn locked(
    on: &mut dyn Connection,
    username: &str,
    now: UtcMillis,
) -> Result<Option<UtcMillis>, RegistryError> {
    let until = Statement::new(
        "SELECT locked_until FROM sign_in_failures WHERE username = $1 AND locked_until > $2",
    )
    .bind(username)
    .bind(now.0);
    let until = number(on, until, "locked_until").await?;
    Ok(until.map(UtcMillis))
}

async fn end_sessions(on: &mut dyn Connection, username: &str) -> Result<(), RegistryError> {
    execute(on, Statement::new("DELETE FROM sessions WHERE username = $1").bind(username)).await
}
