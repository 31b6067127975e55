//! Keeps complaints of the library out of the log where they are none, or said already.
//!
//! Without security a client needs no certificate, and we make none: it takes seconds, and a server may object to one that it
//! does not know. The library says at every connection, as errors, that it has no certificate. Exactly these messages are
//! dropped, and only where security is off.
//!
//! While a server is away the library says at every try, as errors, what went wrong; the driver says each reason once, in the same
//! words. So the messages that tell a lost connection are dropped, and from the second try on every error of
//! the library until there is a session again. The first try keeps the rest: why a certificate is refused is said nowhere else.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

use super::board::Board;
use super::driver::Security;
use crate::driver::DeviceState;

/// Where a message comes from, and how it begins.
const NO_CERTIFICATE: [(&str, &str); 4] = [
    ("opcua_crypto::certificate_store", "Failed to get cert and private key"),
    ("opcua_client::session::client", "Client is missing its application instance certificate"),
    ("opcua_core::comms::secure_channel", "Failed to read own certificate"),
    ("opcua_core::comms::secure_channel", "Failed to read own private key"),
];

/// That the server is not there, or no longer: the driver's own line says so, with these words or with the status.
const NO_SERVER: [(&str, &str); 3] = [
    ("opcua_client::transport::tcp", "Could not connect to host"),
    ("opcua_client::transport::stream", "Stream unexpectedly closed by peer"),
    ("opcua_client::transport::stream", "Error reading from stream"),
];

/// Runs a session without complaints about a loss that the driver tells, or has told already.
pub(super) async fn about_known_loss<F: Future>(board: &Arc<Board>, session: F) -> F::Output {
    session.with_subscriber(Quiet::here(About::Loss(Arc::clone(board)))).await
}

/// Runs `task` without the complaints where security is off.
pub(super) async fn about_no_certificate<F: Future>(security: Security, task: F) -> F::Output {
    match security {
        Security::None => task.with_subscriber(Quiet::here(About::NoCertificate)).await,
        Security::Basic256Sha256 => task.await,
    }
}

/// Runs `work` without the complaints where security is off.
pub(super) fn about_no_certificate_in<R>(security: Security, work: impl FnOnce() -> R) -> R {
    match security {
        Security::None => {
            dispatcher::with_default(&Dispatch::new(Quiet::here(About::NoCertificate)), work)
        }
        Security::Basic256Sha256 => work(),
    }
}

/// What need not be said.
enum About {
    NoCertificate,
    Loss(Arc<Board>),
}

impl About {
    fn is_said(&self, target: &str, message: &str) -> bool {
        let is_one_of = |known: &[(&str, &str)]| {
            known.iter().any(|(from, begins)| target == *from && message.starts_with(begins))
        };
        match self {
            Self::NoCertificate => is_one_of(&NO_CERTIFICATE),
            Self::Loss(board) => {
                target.starts_with("opcua_")
                    && (is_one_of(&NO_SERVER)
                        || matches!(board.facts().state, DeviceState::Lost { .. }))
            }
        }
    }
}

/// Hands everything on but the complaints.
struct Quiet {
    about: About,
    inner: Dispatch,
}

impl Quiet {
    fn here(about: About) -> Self {
        Self { about, inner: dispatcher::get_default(Dispatch::clone) }
    }
}

impl Subscriber for Quiet {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.inner.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.inner.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.inner.record_follows_from(span, follows);
    }

    fn event_enabled(&self, event: &Event<'_>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() != Level::ERROR {
            return true;
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        !self.about.is_said(metadata.target(), &message.0)
    }

    fn event(&self, event: &Event<'_>) {
        // Asks the filters of the one below too.
        self.inner.event(event);
    }

    fn enter(&self, span: &Id) {
        self.inner.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.inner.exit(span);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.inner.clone_span(id)
    }

    fn try_close(&self, id: Id) -> bool {
        self.inner.try_close(id)
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    use opcua::client::ClientBuilder;

    /// Keeps the messages of errors.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Kept {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == Level::ERROR
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().unwrap().push(message.0);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// What is logged as an error while a client without a certificate is made, and something else goes wrong.
    fn check(security: Security, expected: &[&str]) {
        let pki = tempfile::TempDir::new().unwrap();
        let kept = Kept::default();
        dispatcher::with_default(&Dispatch::new(kept.clone()), || {
            about_no_certificate_in(security, || {
                let builder = ClientBuilder::new().application_name("a").application_uri("urn:a");
                builder.pki_dir(pki.path()).session_retry_limit(0).client().unwrap();
                tracing::error!("something else");
            });
        });
        let kept = kept.0.lock().unwrap();
        assert_eq!(kept.len(), expected.len(), "{kept:#?}");
        assert!(kept.iter().zip(expected).all(|(k, e)| k.starts_with(e)), "{kept:#?}");
    }

    #[test]
    fn a_missing_certificate_is_no_error_where_none_is_needed() {
        check(Security::None, &["something else"]);
        // With security it is one; and so it is seen when the library words it anew.
        let (cert, client) = (NO_CERTIFICATE[0].1, NO_CERTIFICATE[1].1);
        check(Security::Basic256Sha256, &[cert, client, "something else"]);
    }

    #[test]
    fn a_server_that_is_away_is_told_by_the_driver_alone_from_the_second_try_on() {
        let kept = Kept::default();
        let board = Arc::new(Board::new(0));
        dispatcher::with_default(&Dispatch::new(kept.clone()), || {
            let quiet = Dispatch::new(Quiet::here(About::Loss(Arc::clone(&board))));
            dispatcher::with_default(&quiet, || {
                let lost = DeviceState::Lost { why: String::new() };
                for (state, name) in [
                    (DeviceState::Connecting, "first"),
                    (lost, "second"),
                    (DeviceState::Connected, "connected"),
                ] {
                    board.set_state(state);
                    tracing::error!(target: "opcua_client::transport::tcp", "Could not connect to host {name}");
                    tracing::error!(target: "opcua_crypto::certificate_store", "refused {name}");
                    tracing::error!("ours {name}");
                }
            });
        });
        let kept = kept.0.lock().unwrap();
        let expected =
            ["refused first", "ours first", "ours second", "refused connected", "ours connected"];
        assert_eq!(*kept, expected);
    }
}
