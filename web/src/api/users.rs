//! Users, for administrators.

use anlan_domain::ids::{EnterpriseCode, Role, UserName};
use anlan_domain::region::RegionCode;
use anlan_store::registry::people::{User, role_of};
use anlan_store::registry::record::Meta;
use anlan_store::registry::{Expected, Scope};
use http::StatusCode;

use super::{VersionQuery, expected, field, same_object};
use crate::gate::{Answer, Call, Reply};
use crate::password;
use crate::problem::Problem;
use crate::views;
use crate::views::ScopeBody;
use crate::views::input::UserInput;

/// `GET /users`
pub async fn list(call: Call) -> Answer {
    let users = call.users().await?;
    let items: Vec<_> =
        users.iter().map(|(user, until)| views::User::of(user, until.map(|t| t.0))).collect();
    Reply::page(&items, None)
}

async fn shown(call: &Call, username: &UserName) -> Answer {
    let users = call.users().await?;
    let found = users.iter().find(|(user, _)| user.username == *username);
    let (user, until) = found.ok_or_else(Problem::not_found)?;
    Reply::json(&views::User::of(user, until.map(|t| t.0)))
}

/// `POST /users`
pub async fn create(call: Call) -> Answer {
    let input: UserInput = call.json()?;
    save(&call, input, Expected::New).await
}

/// `PUT /users/{username}`
pub async fn change(call: Call) -> Answer {
    let input: UserInput = call.json()?;
    same_object(&call, "username", &input.username)?;
    let expected = expected(input.version)?;
    save(&call, input, expected).await
}

fn refused(field: &'static str, why: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", why).field(field)
}

fn scope_of(role: Role, body: &ScopeBody) -> Result<Scope, Problem> {
    match (&body.region, &body.enterprise) {
        (Some(code), None) => Ok(Scope::Region(field("scope", code, RegionCode::new)?)),
        (None, Some(code)) => Ok(Scope::Enterprise(field("scope", code, EnterpriseCode::new)?)),
        (None, None) if role == Role::Administrator => Ok(Scope::Everything),
        _ => Err(refused("scope", "Give a region or an enterprise")),
    }
}

async fn save(call: &Call, input: UserInput, expected: Expected) -> Answer {
    let username = field("username", &input.username, UserName::new)?;
    let role = role_of(&input.role)
        .ok_or_else(|| refused("role", format!("{:?} is no role", input.role)))?;
    let password_hash = match (input.password, expected) {
        (Some(password), _) => password::hash_off_thread(password).await?,
        (None, Expected::New) => return Err(refused("password", "A new user needs a password")),
        (None, _) => {
            let users = call.users().await?;
            let present = users.into_iter().find(|(user, _)| user.username == username);
            present.ok_or_else(Problem::not_found)?.0.password_hash
        }
    };
    let user = User {
        username: username.clone(),
        name: input.name,
        role,
        scope: scope_of(role, &input.scope)?,
        password_hash,
        meta: Meta::default(),
    };
    call.put_user(&user, expected, input.unlock).await?;
    shown(call, &username).await
}

/// `DELETE /users/{username}`
pub async fn delete(call: Call) -> Answer {
    let expected = expected(call.query::<VersionQuery>()?.version)?;
    call.delete_user(&call.id("username")?, expected).await?;
    Ok(Reply::nothing())
}
