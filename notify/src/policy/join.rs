//! Makes one message of several to the same address. The count stands first and the gravest come first, so that what a
//! short SMS has to cut is the least grave; programs get the facts of every one.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::message::{Colour, ColourWord as _, Kind, Language, Message, MessageId};

/// Joins messages to one address; one alone stays as it is, none gives `None`.
///
/// The id follows from the ids of the members: the same members give the same id, at every try and after a restart.
#[must_use]
pub fn join(messages: &[Message]) -> Option<Message> {
    let [first, rest @ ..] = messages else { return None };
    if rest.is_empty() {
        return Some(first.clone());
    }
    let mut sorted: Vec<&Message> = messages.iter().collect();
    // Stable: within a colour they stay in the order in which they came.
    sorted.sort_by_key(|message| message.colour);
    let (language, colour) = (first.language, sorted[0].colour);
    let short = first.to.kind() == Kind::Sms;
    let mut text = heading(&sorted, language);
    for (number, message) in sorted.iter().enumerate() {
        text.push_str(&format!("\n{}. {}", number + 1, line(message, short)));
    }
    let members: Vec<Value> = sorted
        .iter()
        .map(|m| json!({ "id": m.id, "colour": m.colour, "facts": m.facts }))
        .collect();
    let facts = Map::from_iter([("joined".to_owned(), Value::Array(members))]);
    Some(Message {
        id: joined_id(messages),
        to: first.to.clone(),
        language,
        colour,
        subject: heading(&sorted, language),
        text,
        facts,
    })
}

fn joined_id(messages: &[Message]) -> MessageId {
    let all = messages.iter().map(|m| m.id.as_str()).collect::<Vec<_>>().join("\n");
    let hash = digest(&SHA256, all.as_bytes());
    let hex: String = hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    MessageId::new(format!("joined-{hex}")).expect("hexadecimal digits are taken")
}

fn heading(messages: &[&Message], language: Language) -> String {
    let counts = Colour::ALL.map(|c| (c, messages.iter().filter(|m| m.colour == c).count()));
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    match language {
        Language::Zh => {
            let list: Vec<_> = counts.map(|(c, n)| format!("{}{n}条", c.word(language))).collect();
            format!("共{}条消息（{}）", messages.len(), list.join("、"))
        }
        Language::En => {
            let list: Vec<_> =
                counts.map(|(c, n)| format!("{n} {}", c.word(language).to_lowercase())).collect();
            format!("{} messages ({})", messages.len(), list.join(", "))
        }
    }
}

fn line(message: &Message, short: bool) -> String {
    match (message.subject.as_str(), message.text.as_str()) {
        ("", text) => text.to_owned(),
        (subject, _) if short => subject.to_owned(),
        (subject, text) => format!("{subject}\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Address, Mailbox, Phone};

    fn message(id: &str, colour: Colour, to: &Address, language: Language) -> Message {
        Message {
            id: MessageId::new(id).unwrap(),
            to: to.clone(),
            language,
            colour,
            subject: format!("subject {id}"),
            text: format!("text {id}"),
            facts: Map::from_iter([("n".to_owned(), json!(id))]),
        }
    }

    #[test]
    fn every_member_is_in_the_joined_message_the_gravest_first() {
        let mail = Address::Email(Mailbox::new("a@b.cc").unwrap());
        let phone = Address::Phone(Phone::new("13800138000").unwrap());
        let three = |to, language| {
            [("a", Colour::Blue), ("b", Colour::Red), ("c", Colour::Blue)]
                .map(|(id, colour)| message(id, colour, to, language))
        };
        let joined = join(&three(&phone, Language::Zh)).unwrap();
        assert_eq!(joined.colour, Colour::Red);
        assert_eq!(joined.subject, "共3条消息（红色1条、蓝色2条）");
        assert_eq!(
            joined.text,
            "共3条消息（红色1条、蓝色2条）\n1. subject b\n2. subject a\n3. subject c"
        );
        assert_eq!(
            joined.facts["joined"][1],
            json!({"id": "a", "colour": "blue", "facts": {"n": "a"}})
        );
        let joined = join(&three(&mail, Language::En)).unwrap();
        assert_eq!(joined.subject, "3 messages (1 red, 2 blue)");
        assert!(joined.text.contains("2. subject a\ntext a"), "{}", joined.text);
    }

    #[test]
    fn the_id_follows_from_the_members() {
        let mail = Address::Email(Mailbox::new("a@b.cc").unwrap());
        let [a, b, c] = ["a", "b", "c"].map(|id| message(id, Colour::Red, &mail, Language::En));
        assert_eq!(join(&[]), None);
        assert_eq!(join(std::slice::from_ref(&a)), Some(a.clone()));
        let ab = join(&[a.clone(), b.clone()]).unwrap().id;
        assert_eq!(ab, join(&[a.clone(), b.clone()]).unwrap().id);
        assert_ne!(ab, join(&[a, c]).unwrap().id);
    }
}
