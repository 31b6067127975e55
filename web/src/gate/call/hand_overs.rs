//! 交接班 through the door of a request: a hand-over is seen by the two whom it is between and by nobody else.

use std::collections::{HashMap, HashSet};

use anlan_domain::alarm::AlarmId;
use anlan_domain::log::{Command, Note};
use anlan_domain::quiet_rights::ANSWERING;
use anlan_store::alarm_index::{AlarmFilter, AlarmRow};
use anlan_store::registry::hand_over::{HandOver, HandOverState, Offer};
use anlan_store::registry::people::User;
use anlan_store::registry::scoped::Filter;
use http::StatusCode;

use super::Call;
use crate::gate::sees;
use crate::problem::Problem;

/// Most alarms in one hand-over.
const ALARMS_MAX: usize = 5_000;
/// Alarms read at a time.
const PAGE: usize = 500;
/// Hand-overs that are listed.
const LISTED_MAX: u32 = 100;

impl Call {
    /// People who answer alarms where this person does, the person left out: those one can hand over to. They see what this person sees, so
    /// that a hand-over tells nobody of what is not theirs.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn colleagues(&self) -> Result<Vec<User>, Problem> {
        let me = self.user()?;
        let users = self.app.parts.registry.users(self.now()).await?;
        let same = |user: &User| {
            user.username != me.username
                && ANSWERING.contains(&user.role)
                && user.sees() == me.sees()
        };
        Ok(users.into_iter().map(|(user, _)| user).filter(same).collect())
    }

    /// Alarms that this person has taken over and that are not disposed of, or those of them that are named.
    async fn mine(&self, named: Option<&HashSet<AlarmId>>) -> Result<Vec<AlarmId>, Problem> {
        let filter = AlarmFilter {
            owner: Some(self.user()?.username.to_string()),
            disposed: Some(false),
            ..AlarmFilter::default()
        };
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page =
                self.alarms(filter.clone(), &Filter::default(), cursor.as_deref(), PAGE).await?;
            let ids = page.items.into_iter().map(|row| row.id);
            found.extend(ids.filter(|id| named.is_none_or(|named| named.contains(id))));
            cursor = page.next_cursor;
            if found.len() > ALARMS_MAX {
                let why = format!("At most {ALARMS_MAX} alarms in one hand-over");
                return Err(Problem::bad_request("ids", why));
            }
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }

    /// Offers what this person answers for to a colleague.
    ///
    /// # Errors
    /// 422 where that is no colleague; 400 where there is neither an alarm nor a word.
    pub async fn offer_hand_over(
        &self,
        to: &str,
        note: String,
        named: Option<HashSet<AlarmId>>,
    ) -> Result<u32, Problem> {
        let colleagues = self.colleagues().await?;
        let to = colleagues.into_iter().find(|user| user.username.as_str() == to).ok_or_else(|| {
            let words = "这个人不能接你的班：要有同样的范围并能处理报警 / Not a colleague: the same scope, and a role that answers alarms";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", words).field("to")
        })?;
        let alarms = self.mine(named.as_ref()).await?;
        if alarms.is_empty() && note.is_empty() {
            let why =
                "没有要交的报警，写一句交班说明 / There is no alarm to hand over; say something";
            return Err(Problem::bad_request("note", why));
        }
        let offer = Offer { to: to.username, note, alarms };
        Ok(self.app.parts.registry.offer_hand_over(&self.doer()?, self.now(), &offer).await?)
    }

    /// Hand-overs of this person, the newest first.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn hand_overs(&self) -> Result<Vec<HandOver>, Problem> {
        let me = &self.user()?.username;
        Ok(self.app.parts.registry.hand_overs_of(me, LISTED_MAX).await?)
    }

    /// One hand-over of this person.
    ///
    /// # Errors
    /// 404 for one between others.
    pub async fn hand_over(&self, no: u32) -> Result<HandOver, Problem> {
        let me = self.user()?.username.as_str();
        let found = self.app.parts.registry.hand_over(no).await?;
        found.filter(|h| h.from == me || h.to == me).ok_or_else(Problem::not_found)
    }

    /// The alarms of a hand-over, as far as this person sees them, in its order.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn alarms_of(&self, of: &HandOver) -> Result<Vec<AlarmRow>, Problem> {
        self.app.feed.catch_up().await?;
        let (scope, places) = (self.user()?.sees(), self.app.places());
        let rows = self.app.parts.alarms.get_many(&of.alarms).await?;
        let seen = rows.into_iter().filter(|row| sees(&scope, &places, row.enterprise.as_ref()));
        let mut by_id: HashMap<AlarmId, AlarmRow> = seen.map(|row| (row.id.clone(), row)).collect();
        Ok(of.alarms.iter().filter_map(|id| by_id.remove(id)).collect())
    }

    /// Takes over what is offered: each alarm that the other still answers for, on its time line, and then the hand-over itself. When that
    /// breaks off half-way, accepting again goes on with the rest.
    ///
    /// # Errors
    /// 409 where it is not offered any more; 503 where an alarm could not be taken over now.
    pub async fn accept_hand_over(&self, of: &HandOver, answer: &str) -> Result<(), Problem> {
        self.is_offered_to_me(of)?;
        let rows = self.alarms_of(of).await?;
        let still = rows
            .into_iter()
            .filter(|row| row.owner.as_ref().is_some_and(|(owner, _)| *owner == of.from))
            .map(|row| row.id);
        let names = self.app.parts.registry.names_of(&[&of.from]).await?;
        let from = names.get(&of.from).unwrap_or(&of.from);
        let text = format!("交接班 #{} {from}：{}", of.no, of.note);
        let text: String = text.trim_end_matches('：').chars().take(500).collect();
        let outcomes = self
            .commands("take", &text, still.collect(), |alarm, by| Command::Take {
                alarm,
                note: Note { by, text: text.clone() },
            })
            .await?;
        if let Some(problem) = outcomes.into_iter().find_map(|outcome| {
            outcome.err().filter(|problem| problem.status == StatusCode::SERVICE_UNAVAILABLE)
        }) {
            return Err(problem);
        }
        self.settle(of, HandOverState::Accepted, answer).await
    }

    /// Does not take it over.
    ///
    /// # Errors
    /// 409 where it is not offered any more.
    pub async fn decline_hand_over(&self, of: &HandOver, answer: &str) -> Result<(), Problem> {
        self.is_offered_to_me(of)?;
        self.settle(of, HandOverState::Declined, answer).await
    }

    /// Takes an offer back.
    ///
    /// # Errors
    /// 409 where it is not offered any more, 404 where another offered it.
    pub async fn withdraw_hand_over(&self, of: &HandOver, answer: &str) -> Result<(), Problem> {
        if of.from != self.user()?.username.as_str() {
            return Err(Problem::not_found());
        }
        self.settle(of, HandOverState::Withdrawn, answer).await
    }

    fn is_offered_to_me(&self, of: &HandOver) -> Result<(), Problem> {
        if of.to != self.user()?.username.as_str() {
            return Err(Problem::not_found());
        }
        if of.state == HandOverState::Offered { Ok(()) } else { Err(settled()) }
    }

    async fn settle(
        &self,
        of: &HandOver,
        state: HandOverState,
        answer: &str,
    ) -> Result<(), Problem> {
        let registry = &self.app.parts.registry;
        let by = self.doer()?;
        if registry.settle_hand_over(&by, self.now(), of.no, state, answer).await? {
            Ok(())
        } else {
            Err(settled())
        }
    }

    /// Names of people by user name.
    ///
    /// # Errors
    /// When the registry fails.
    pub async fn names_of_people(
        &self,
        of: &[HandOver],
    ) -> Result<HashMap<String, String>, Problem> {
        let names: HashSet<&str> =
            of.iter().flat_map(|h| [h.from.as_str(), h.to.as_str()]).collect();
        Ok(self.app.parts.registry.names_of(&names.into_iter().collect::<Vec<_>>()).await?)
    }
}

fn settled() -> Problem {
    let words = "这次交接已经有了结果 / This hand-over is settled already";
    Problem::new(StatusCode::CONFLICT, "settled", words)
}
