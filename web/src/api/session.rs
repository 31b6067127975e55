//! Signing in and out, and what the page of sign-in shows.

use serde::Serialize;
use utoipa::ToSchema;

use crate::gate::{Answer, COOKIE, Call, Reply};
use crate::views::User;
use crate::views::input::SignIn;

/// A session that was opened.
#[derive(Serialize, ToSchema)]
pub struct Opened {
    /// Token, for `Authorization: Bearer`; pages use the cookie.
    token: String,
    /// Until when, unless it is used.
    expires_at: i64,
    /// Who.
    user: User,
}

/// Who I am.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// Who.
    user: User,
    /// Until when the session lasts, unless it is used.
    expires_at: i64,
}

/// What everybody may know.
#[derive(Serialize, ToSchema)]
pub struct Status {
    /// Version of the program.
    version: &'static str,
    /// Whether readings are taken.
    ready: bool,
    /// Gateways.
    gateways: GatewayCounts,
    /// Whether a simulator is configured.
    simulator: bool,
    /// The center's clock.
    at: i64,
}

/// Gateways, counted.
#[derive(Serialize, ToSchema)]
pub struct GatewayCounts {
    /// Connected.
    connected: usize,
    /// Known.
    total: usize,
}

/// `POST /session`
pub async fn open(call: Call) -> Answer {
    let SignIn { username, password } = call.json()?;
    let (token, expires_at, user) = call.sign_in(&username, password).await?;
    let cookie = call.cookie(&token);
    let opened = Opened { token, expires_at: expires_at.0, user: User::of(&user, None) };
    Ok(Reply { cookie: Some(cookie), ..Reply::json(&opened)? })
}

/// `GET /session`
pub async fn me(call: Call) -> Answer {
    let expires_at = call.person().map_or(0, |who| who.session.expires_at.0);
    Reply::json(&Me { user: User::of(call.user()?, None), expires_at })
}

/// `DELETE /session`
pub async fn close(call: Call) -> Answer {
    call.sign_out().await?;
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok(Reply { cookie: Some(cookie), ..Reply::nothing() })
}

/// `GET /status`
pub async fn status(call: Call) -> Answer {
    let (connected, total) = call.gateway_counts().await?;
    Reply::json(&Status {
        version: env!("CARGO_PKG_VERSION"),
        ready: call.center_ready(),
        gateways: GatewayCounts { connected, total },
        simulator: call.options().simulator.is_some(),
        at: call.now().0,
    })
}
