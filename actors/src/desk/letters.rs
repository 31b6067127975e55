//! Turns a step of the ladder into messages: whom, how, in which words. What is said is fixed when it is decided, so that every try says
//! the same.
//!
//! Red and orange go every way that reaches a person; yellow and blue go the preferred one. Everything also stands on the page. Quiet hours
//! hold back what is not red. All of this is a proposal of this project.

use std::collections::BTreeSet;

use anlan_domain::colour::Colour;
use anlan_domain::roster::DutyRole;
use anlan_domain::roster::contact;
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::book::Member;
use anlan_domain::warning::ladder::{Ladder, Rung, Why};
use anlan_domain::warning::{Warning, WarningChange, WarningEntry};
use anlan_notify::message::{Address, ColourWord as _, Kind, Language};
use anlan_notify::policy::quiet::QuietHours;
use anlan_notify::template::{Fields, Templates};
use anlan_store::desk::{Means, NewMessage};
use serde_json::json;

use super::people::{Called, Names, PeopleBook};
use super::words;

/// What every message is written with.
pub struct Writer {
    /// What messages say.
    pub templates: Templates,
    /// Programs that get every call.
    pub hooks: Vec<Address>,
    /// Address of the page.
    pub page: Option<String>,
    /// Kinds of channels that there are: what cannot be sent is not queued.
    pub kinds: BTreeSet<Kind>,
}

/// One step of the ladder.
pub struct Step<'a> {
    pub warning: &'a Warning,
    pub entry: &'a WarningEntry,
    /// The leading alarm, where it is still known.
    pub lead: Option<&'a Member>,
    pub names: &'a Names,
}

struct Letter<'a> {
    step: &'a Step<'a>,
    rung: Rung,
    /// `None` is a reminder.
    why: Option<Why>,
    /// Part of the id that tells one step of a round from another.
    part: String,
}

impl Writer {
    /// Messages of an entry: none but for calls and reminders.
    pub fn write(&self, step: &Step<'_>, ladder: &Ladder, people: &PeopleBook) -> Vec<NewMessage> {
        let warning = step.warning;
        let plan = ladder.plan(warning.colour);
        let roles = |rung| {
            let call = plan.calls.iter().find(|call| call.rung == rung);
            call.map_or(&[DutyRole::DutyOfficer][..], |call| &call.duties)
        };
        let mut out = Vec::new();
        match &step.entry.change {
            WarningChange::Called { rung, why, .. } => {
                let letter =
                    Letter { step, rung: *rung, why: Some(*why), part: (*rung as u8).to_string() };
                let (called, _) = people.whom(&warning.place, *rung, roles(*rung), step.entry.at);
                self.to_people(&letter, &called, &mut out);
                self.to_hooks(&letter, &mut out);
            }
            WarningChange::Reminded { time } => {
                let mut told = BTreeSet::new();
                // Whoever was called in the same breath needs no reminder.
                for called in warning.climb.called.iter().filter(|c| c.at < step.entry.at) {
                    let letter =
                        Letter { step, rung: called.rung, why: None, part: format!("r{time}") };
                    let (people, _) =
                        people.whom(&warning.place, called.rung, roles(called.rung), step.entry.at);
                    // Whoever stands on two rungs is reminded once.
                    let new: Vec<_> =
                        people.into_iter().filter(|c| told.insert(c.person.clone())).collect();
                    self.to_people(&letter, &new, &mut out);
                }
            }
            _ => {}
        }
        out
    }

    fn to_people(&self, letter: &Letter<'_>, called: &[Called], out: &mut Vec<NewMessage>) {
        for one in called {
            let language = match one.contact.language {
                contact::Language::Chinese => Language::Zh,
                contact::Language::English => Language::En,
            };
            let person = Some(one.person.to_string());
            let on_page =
                self.message(letter, person.clone(), Means::Page, "", language, one.utc_offset_min);
            let not_before = self.not_before(one, on_page.colour, on_page.created_at);
            out.push(on_page);
            let urgent = letter.step.warning.colour <= Colour::Orange;
            let reachable = one.contact.means().into_iter().filter(|means| {
                self.kinds.contains(match means {
                    contact::Means::Sms => &Kind::Sms,
                    contact::Means::Email => &Kind::Email,
                })
            });
            for means in reachable.take(if urgent { usize::MAX } else { 1 }) {
                let (means, address) = match means {
                    contact::Means::Sms => {
                        (Means::Sms, one.contact.phones.first().map(|p| p.as_str()))
                    }
                    contact::Means::Email => {
                        (Means::Email, one.contact.email.as_ref().map(|e| e.as_str()))
                    }
                };
                let Some(address) = address else { continue };
                let mut message = self.message(
                    letter,
                    person.clone(),
                    means,
                    address,
                    language,
                    one.utc_offset_min,
                );
                message.not_before = not_before;
                out.push(message);
            }
        }
    }

    fn to_hooks(&self, letter: &Letter<'_>, out: &mut Vec<NewMessage>) {
        if !self.kinds.contains(&Kind::Webhook) {
            return;
        }
        for (n, hook) in self.hooks.iter().enumerate() {
            if let Address::Webhook(url) = hook {
                let mut message =
                    self.message(letter, None, Means::Webhook, url.as_str(), Language::Zh, 480);
                message.id = format!("{}-{n}", message.id);
                out.push(message);
            }
        }
    }

    fn not_before(&self, called: &Called, colour: Colour, now: UtcMillis) -> UtcMillis {
        let quiet = called.contact.quiet.and_then(|quiet| {
            let (from, to) = (u32::from(quiet.from_min()), u32::from(quiet.to_min()));
            QuietHours::new(from, to, called.utc_offset_min, Colour::Red)
        });
        quiet.and_then(|quiet| quiet.held_until(colour, now)).unwrap_or(now)
    }

    fn message(
        &self,
        letter: &Letter<'_>,
        person: Option<String>,
        means: Means,
        address: &str,
        language: Language,
        utc_offset_min: i32,
    ) -> NewMessage {
        let Step { warning, entry, lead, names } = letter.step;
        let (no, round) = (warning.no.0, warning.climb.round);
        let who = person.as_deref().unwrap_or("hook");
        let id = format!("w{no}-{round}-{}-{who}-{}", letter.part, means.code());
        let link = self.page.as_ref().map(|page| format!("{page}/warnings/{no}"));
        let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        let condition = match &warning.lead {
            Some(alarm) => words::condition(alarm.condition, language).to_owned(),
            None => words::drill(language).to_owned(),
        };
        let raised = lead.map_or(warning.raised_at, |member| member.raised_at);
        let known = [
            ("enterprise", names.enterprise.clone()),
            ("park", names.park.clone()),
            ("hazard_source", names.hazard_source.clone()),
            ("equipment", names.equipment.clone()),
            ("point", names.point.clone()),
            ("tag", names.tag.clone()),
            ("value", number(lead.and_then(|member| member.value))),
            ("limit", number(lead.and_then(|member| member.limit))),
            ("level", lead.map(|m| m.facts.level.get().to_string()).unwrap_or_default()),
            ("link", link.clone().unwrap_or_default()),
        ];
        let fields = Fields::default()
            .with("condition", &condition)
            .with("unit", &names.unit)
            .with("raised", words::local_time(raised, utc_offset_min))
            .with("standing", words::duration(entry.at.since(raised), language))
            .with("rung", words::rung(letter.rung, language))
            .with("message_id", &id);
        let fields = known
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .fold(fields, |fields, (name, value)| fields.with(name, value));
        let kind = match means {
            Means::Page | Means::Email => Kind::Email,
            Means::Sms => Kind::Sms,
            Means::Webhook => Kind::Webhook,
        };
        let (subject, mut body) = self.templates.render(language, kind, warning.colour, &fields);
        let prefix = words::prefix(letter.why, warning.drill, language);
        if means == Means::Sms {
            body = format!("{prefix}{body}");
        }
        let why = match letter.why {
            Some(Why::AtOnce) => "at_once",
            Some(Why::Unanswered) => "unanswered",
            Some(Why::NoFeedback) => "no_feedback",
            None => "reminder",
        };
        let facts = json!({
            "warning": no, "colour": warning.colour.code(), "colour_word": warning.colour.word(language),
            "kind": warning.kind.code(), "place": warning.place.to_string(), "drill": warning.drill,
            "round": round, "rung": letter.rung.code(), "why": why, "alarm": warning.lead,
            "alarms": warning.alarms, "standing": warning.standing, "raised_at": warning.raised_at.0, "link": link,
        });
        let serde_json::Value::Object(facts) = facts else {
            unreachable!("it is written as an object")
        };
        NewMessage {
            id,
            warning: warning.no,
            person,
            rung: letter.rung,
            why,
            means,
            address: address.to_owned(),
            colour: warning.colour,
            language: language.code().to_owned(),
            subject: format!("{prefix}{subject}"),
            body,
            facts,
            created_at: entry.at,
            not_before: entry.at,
        }
    }
}
