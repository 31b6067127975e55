//! Keeps four complaints of the library out of the log where they are none.
//!
//! Without security a client needs no certificate, and we make none: it takes seconds, and a server may object to one that it
//! does not know. The library says at every connection, as errors, that it has no certificate. Exactly these messages are
//! dropped, and only where security is off; every other goes where it would have gone.

use std::fmt;
use std::future::Future;

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

use super::driver::Security;

/// Where a message comes from, and how it begins.
const NO_CERTIFICATE: [(&str, &str); 4] = [
    ("opcua_crypto::certificate_store", "Failed to get cert and private key"),
    ("opcua_client::session::client", "Client is missing its application instance certificate"),
    ("opcua_core::comms::secure_channel", "Failed to read own certificate"),
    ("opcua_core::comms::secure_channel", "Failed to read own private key"),
];

/// Runs `task` without the complaints where security is off.
pub(super) async fn about_no_certificate<F: Future>(security: Security, task: F) -> F::Output {
    match security {
        Security::None => task.with_subscriber(Quiet::here()).await,
        Security::Basic256Sha256 => task.await,
    }
}

/// Runs `work` without the complaints where security is off.
pub(super) fn about_no_certificate_in<R>(security: Security, work: impl FnOnce() -> R) -> R {
    match security {
        Security::None => dispatcher::with_default(&Dispatch::new(Quiet::here()), work),
        Security::Basic256Sha256 => work(),
    }
}

/// Hands everything on but the complaints.
struct Quiet {
    inner: Dispatch,
}

impl Quiet {
    fn here() -> Self {
        Self { inner: dispatcher::get_default(Dispatch::clone) }
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
        !is_complaint(event)
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

fn is_complaint(event: &Event<'_>) -> bool {
    let metadata = event.metadata();
    if *metadata.level() != Level::ERROR {
        return false;
    }
    let mut message = Message(String::new());
    event.record(&mut message);
    NO_CERTIFICATE
        .iter()
        .any(|(target, begins)| metadata.target() == *target && message.0.starts_with(begins))
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
    use std::sync::{Arc, Mutex};

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
}
