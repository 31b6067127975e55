//! Passwords: argon2id, on threads that may block, a few at a time, and the same work whether a name exists or not.

use std::sync::{Arc, LazyLock};

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// 19 MiB, two passes, one lane: the least that OWASP's password storage sheet lists for argon2id (recalled). One check takes
/// some tens of milliseconds; more would let a handful of sign-ins starve the center's cores.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("constant parameters are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Shortest password that is taken.
pub const CHARS_MIN: usize = 8;
/// Longest: hashing more is work for nothing.
const BYTES_MAX: usize = 512;

/// Hashes a password into a PHC string.
///
/// # Errors
/// When it is too short or too long, or the system gives no randomness.
pub fn hash(password: &str) -> Result<String, String> {
    if password.chars().count() < CHARS_MIN {
        return Err(format!("a password has at least {CHARS_MIN} characters"));
    }
    if password.len() > BYTES_MAX {
        return Err(format!("a password has at most {BYTES_MAX} bytes"));
    }
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(|error| format!("no randomness for a salt: {error}"))?;
    let hashed: PasswordHash = argon2()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| format!("cannot hash the password: {error}"))?;
    Ok(hashed.to_string())
}

/// A hash that no password fits, so that an unknown name costs what a known one costs.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let mut salt = [0u8; 16];
    // Without randomness the salt is constant, which is no harm: nothing is protected by this hash.
    let _unused = getrandom::fill(&mut salt);
    let hashed: PasswordHash = argon2()
        .hash_password_with_salt(&salt, b"nobody signs in with this")
        .expect("constant parameters are valid");
    hashed.to_string()
});

/// Checks passwords, few at a time.
#[derive(Clone)]
pub struct Checker {
    at_once: Arc<Semaphore>,
}

/// Checks that may wait for their turn; beyond, the answer is "busy".
const WAITING_MAX: u32 = 32;
/// Checks that run at once.
const AT_ONCE: u32 = 2;

impl Default for Checker {
    fn default() -> Self {
        Self { at_once: Arc::new(Semaphore::new((AT_ONCE * WAITING_MAX) as usize)) }
    }
}

/// Checks that run now. A permit is held by the thread that hashes, not by whoever waits for it: a client that goes away frees no place
/// before the work is done.
static RUNNING: Semaphore = Semaphore::const_new(AT_ONCE as usize);

/// A place in the queue of checks.
pub struct Turn {
    place: OwnedSemaphorePermit,
}

impl Checker {
    /// A place in the queue.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn turn(&self) -> Result<Turn, Problem> {
        let place = self.at_once.clone().try_acquire_owned().map_err(|_| {
            metrics::counter!("anlan_web_sign_ins_refused_total", "why" => "busy").increment(1);
            Problem::new(
                http::StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Too many people sign in at this moment; try again in a few seconds",
            )
        })?;
        Ok(Turn { place })
    }
}

impl Turn {
    /// Whether the password fits the hash; `None` for a name that does not exist.
    ///
    /// # Errors
    /// When the check itself fails.
    pub async fn fits(self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        blocking(move || {
            let _place = self.place;
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            let fits = password.len() <= BYTES_MAX
                && argon2().verify_password(password.as_bytes(), hash.as_str()).is_ok();
            fits && known
        })
        .await
    }
}

/// Runs work that hashes on a thread that may block, [`AT_ONCE`] at a time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let running = RUNNING.acquire().await.expect("never closed");
    let done = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(running);
        result
    });
    done.await.map_err(|error| Problem::internal(&error))
}

/// Hashes on a thread that may block.
///
/// # Errors
/// When the password is too short or too long.
pub async fn hash_off_thread(password: String) -> Result<String, Problem> {
    blocking(move || hash(&password)).await?.map_err(|why| {
        Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, "refused", why).field("password")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_no_other() {
        let checker = Checker::default();
        let fits = |password: &str, hash: Option<String>| {
            checker.turn().unwrap().fits(password.to_owned(), hash)
        };
        let hashed = hash("correct horse").unwrap();
        assert!(hashed.starts_with("$argon2id$"));
        assert!(fits("correct horse", Some(hashed.clone())).await.unwrap());
        assert!(!fits("correct hors", Some(hashed)).await.unwrap());
        assert!(!fits("nobody signs in with this", None).await.unwrap());
        assert!(hash("short").is_err());
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_a_place_is_kept_until_the_work_is_done() {
        let checker = Checker::default();
        let turns: Vec<_> = std::iter::from_fn(|| checker.turn().ok()).collect();
        assert_eq!(turns.len(), (AT_ONCE * WAITING_MAX) as usize);
        assert_eq!(checker.turn().err().unwrap().code, "busy");
        drop(turns);
        assert!(checker.turn().is_ok());
    }
}
