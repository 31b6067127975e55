//! `anlan admin notify-test`: one marked message by one channel, so that whoever set it up knows before the first alarm whether it
//! works; and the part of `anlan check-config` that reads the channels' file.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anlan_domain::time::UtcMillis;
use anlan_notify::channel::{Channel, Clock, Delivery};
use anlan_notify::config::NotifyConfig;
use anlan_notify::message::{
    Address, Colour, Kind, Language, Mailbox, Message, MessageId, Phone, WebhookUrl,
};
use tokio_util::sync::CancellationToken;

use crate::cli::NotifyTestArgs;
use crate::process::{self, Failure};

/// Sections of a channels' file and of no other.
pub const HEADS: [&str; 8] = [
    "[[email]]",
    "[[sms_http]]",
    "[[sms_aliyun]]",
    "[[sms_modem]]",
    "[[webhook]]",
    "[[template]]",
    "[flow]",
    "[retry]",
];

/// `anlan admin notify-test`
pub async fn run(args: NotifyTestArgs, stop: CancellationToken) -> Result<ExitCode, Failure> {
    let said = tokio::select! {
        biased;
        said = test(&args) => said?,
        () = stop.cancelled() => {
            return Err(Failure::Failed("interrupted; the message may have been sent".to_owned()));
        }
    };
    println!("{said}");
    Ok(ExitCode::SUCCESS)
}

/// `anlan check-config` of a channels' file: what is written, and whether what it names is there. Gives a line about it.
pub fn check(file: &Path) -> Result<String, Failure> {
    let config = load(file)?;
    let clock: Clock = Arc::new(process::now);
    let channels = config.open(&clock).map_err(|problems| told(file, &problems))?;
    let names: Vec<_> = channels.iter().map(|channel| channel.name()).collect();
    Ok(format!("{}: channels: {}", file.display(), list(&names)))
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn told(file: &Path, problems: &[String]) -> Failure {
    let lines: Vec<_> =
        problems.iter().map(|problem| format!("{}: {problem}", file.display())).collect();
    Failure::Config(lines.join("\n"))
}

fn load(file: &Path) -> Result<NotifyConfig, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Config(format!("{}: cannot read it: {error}", file.display())))?;
    NotifyConfig::from_toml(&text, file).map_err(|error| Failure::Config(error.to_string()))
}

async fn test(args: &NotifyTestArgs) -> Result<String, Failure> {
    let config = load(&args.config)?;
    let names = config.names();
    // The other channels are not opened: their missing secrets are not what is tested.
    let Some(config) = config.only(&args.channel) else {
        let (file, wanted) = (args.config.display(), &args.channel);
        let known = list(&names.iter().map(String::as_str).collect::<Vec<_>>());
        return Err(Failure::Config(format!(
            "--channel {wanted}: there is no such channel in {file}; there are {known}"
        )));
    };
    let clock: Clock = Arc::new(process::now);
    let channels = config.open(&clock).map_err(|problems| told(&args.config, &problems))?;
    let channel = channels.into_iter().next().expect("the channel was found above");
    match &args.to {
        Some(to) => {
            let to = address(channel.kind(), to)
                .map_err(|why| Failure::Config(format!("--to: {why}")))?;
            send(channel.as_ref(), to, args.language.into(), process::now()).await
        }
        None => match channel.probe().await {
            Ok(probe) => Ok(format!("{}: {}. Nothing was sent.", channel.name(), probe.saw)),
            Err(error) => Err(failed(channel.as_ref(), &error)),
        },
    }
}

fn address(kind: Kind, text: &str) -> Result<Address, String> {
    match kind {
        Kind::Email => Mailbox::new(text).map(Address::Email),
        Kind::Sms => Phone::new(text).map(Address::Phone),
        Kind::Webhook => WebhookUrl::new(text).map(Address::Webhook),
    }
    .map_err(|error| error.to_string())
}

async fn send(
    channel: &dyn Channel,
    to: Address,
    language: Language,
    now: UtcMillis,
) -> Result<String, Failure> {
    let shown = format!("{to:?}");
    let message = marked(channel.name(), to, language, now);
    match channel.send(&message).await {
        Ok(receipt) => {
            let id = receipt.provider_id.map_or(String::new(), |id| format!("\n  number: {id}"));
            let delivery = match receipt.delivery {
                None => "",
                Some(Delivery::Delivered) => "\n  the telephone has it",
                Some(Delivery::StillTrying) => "\n  the network still tries to reach the telephone",
                Some(Delivery::Failed) => "\n  the network could not reach the telephone",
            };
            Ok(format!(
                "{}: sent to {shown} as {}\n  answer: {}{id}{delivery}\nIt was taken over; whether a person reads it, ask there.",
                channel.name(),
                message.id,
                receipt.said
            ))
        }
        Err(error) => Err(failed(channel, &error)),
    }
}

fn failed(channel: &dyn Channel, error: &anlan_notify::channel::SendError) -> Failure {
    Failure::Failed(format!("{}: {error}\n  {}", channel.name(), error.remedy()))
}

/// Says in its first words that it is a test, because a text is cut at its end.
fn marked(channel: &str, to: Address, language: Language, now: UtcMillis) -> Message {
    let (subject, text) = match language {
        Language::Zh => ("测试消息，不是报警", format!("测试消息，不是报警。安澜通道{channel}")),
        Language::En => (
            "Test message, not an alarm",
            format!("Test message, not an alarm. Anlan channel {channel}"),
        ),
    };
    Message {
        id: MessageId::new(format!("test-{}", now.0)).expect("digits and a hyphen are taken"),
        to,
        language,
        colour: Colour::Blue,
        subject: subject.to_owned(),
        text,
        facts: serde_json::Map::from_iter([("test".to_owned(), true.into())]),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::cli::TestLanguage;

    /// Answers one request and gives what it was.
    fn receiver(status: &str) -> (u16, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut request, mut octets) = (Vec::new(), [0; 4_096]);
            while !request.ends_with(b"}") {
                let count = stream.read(&mut octets).unwrap();
                assert!(count > 0, "{}", String::from_utf8_lossy(&request));
                request.extend_from_slice(&octets[..count]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        (port, thread)
    }

    fn args(folder: &Path, port: u16, channel: &str, to: Option<String>) -> NotifyTestArgs {
        std::fs::write(folder.join("secret"), "s3cret").unwrap();
        let config = folder.join("notify.toml");
        let text = format!(
            "[[webhook]]\nname = \"park\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret_file = \"secret\"\n\
             [[webhook]]\nname = \"other\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret_file = \"none\"\n"
        );
        std::fs::write(&config, text).unwrap();
        NotifyTestArgs { config, channel: channel.to_owned(), to, language: TestLanguage::En }
    }

    #[tokio::test]
    async fn a_message_that_says_it_is_a_test_goes_to_the_address() {
        let folder = tempfile::tempdir().unwrap();
        let (port, received) = receiver("202 Accepted");
        let to = Some(format!("http://127.0.0.1:{port}/anlan"));
        let said = test(&args(folder.path(), port, "park", to)).await.unwrap();
        assert!(said.contains("park: sent to ") && said.contains("HTTP 202"), "{said}");
        let request = received.join().unwrap();
        assert!(
            request.starts_with("POST /anlan ") && request.contains("not an alarm"),
            "{request}"
        );
        assert!(request.contains("\"test\":true"), "{request}");
    }

    #[tokio::test]
    async fn a_refusal_comes_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let (port, _received) = receiver("401 Unauthorized");
        let to = Some(format!("http://127.0.0.1:{port}/anlan"));
        let Err(Failure::Failed(told)) = test(&args(folder.path(), port, "park", to)).await else {
            panic!("it was sent");
        };
        assert!(told.contains("refused (credentials)") && told.contains("PIN"), "{told}");
    }

    #[tokio::test]
    async fn a_wrong_name_address_or_secret_is_a_matter_of_configuration() {
        let folder = tempfile::tempdir().unwrap();
        for (channel, to, words) in [
            ("mail", "x", "there is no such channel in"),
            ("mail", "x", "there are park, other"),
            ("park", "13800138000", "--to: this is no webhook URL"),
            ("other", "http://127.0.0.1:1/", "channel other: cannot read "),
        ] {
            let args = args(folder.path(), 1, channel, Some(to.to_owned()));
            let Err(Failure::Config(told)) = test(&args).await else {
                panic!("{channel} was sent")
            };
            assert!(told.contains(words), "{told}");
        }
        let Err(Failure::Config(told)) = check(&folder.path().join("notify.toml")) else {
            panic!("it was taken");
        };
        assert!(told.contains("notify.toml: channel other: cannot read "), "{told}");
        std::fs::write(folder.path().join("none"), "s3cret").unwrap();
        assert!(
            check(&folder.path().join("notify.toml")).unwrap().ends_with(": channels: park, other")
        );
    }

    #[tokio::test]
    async fn without_an_address_the_other_side_is_only_reached() {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = test(&args(folder.path(), port, "park", None)).await.unwrap();
        assert!(said.contains("can be reached") && said.ends_with("Nothing was sent."), "{said}");
        drop(listener);
        let Err(Failure::Failed(told)) = test(&args(folder.path(), port, "park", None)).await
        else {
            panic!("it was reached");
        };
        assert!(told.contains("not sent for now: cannot connect"), "{told}");
    }
}
