//! Many commands in one go: the same way as one, through the journal to the hosts and into the alarm log, with the waiting shared.
//!
//! Commands enter the log in the order in which they are given, and each has its own outcome. A command of ten thousand that is refused
//! stops no other.

use std::collections::HashMap;

use anlan_domain::log::{Command, HostNo, RecordKind};
use anlan_store::journal::Offset;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::{COMMAND_WITHIN, RunningCenter, not_durable};
use crate::api::CenterError;
use crate::log_writer::Afterwards;

/// Commands that are under way at once: enough to share an fsync, few enough that outcomes of all of them are kept until they are read.
const AT_ONCE: usize = 512;

impl RunningCenter {
    /// Has the hosts apply commands, in their order.
    pub(super) async fn apply_many(&self, commands: &[Command]) -> Vec<Result<(), CenterError>> {
        let encode = |command: &Command| {
            Bytes::from(postcard::to_stdvec(command).expect("writing to memory does not fail"))
        };
        let hosts: Vec<Vec<HostNo>> =
            commands.iter().map(|command| self.hosts_of(&command.subject())).collect();
        let unknown =
            |command: &Command| Err(CenterError::Unknown(command.subject().0.to_string()));
        let mut outcomes: Vec<_> = commands.iter().map(unknown).collect();
        let mut left: Vec<usize> = (0..commands.len()).collect();
        // A host that does not know an alarm says so, and the next one of its enterprise is asked, as for a single command.
        for round in 0.. {
            left.retain(|&at| round < hosts[at].len());
            if left.is_empty() {
                break;
            }
            for some in left.chunks(AT_ONCE) {
                let asked = some.iter().map(|&at| (hosts[at][round], encode(&commands[at])));
                let answers = self.apply_some(asked).await;
                some.iter().zip(answers).for_each(|(&at, answer)| outcomes[at] = answer);
            }
            left.retain(
                |&at| matches!(&outcomes[at], Err(CenterError::Refused(why)) if why.is_unknown()),
            );
        }
        outcomes
    }

    async fn apply_some(
        &self,
        commands: impl Iterator<Item = (HostNo, Bytes)>,
    ) -> Vec<Result<(), CenterError>> {
        let log = &self.shared.log;
        let mut submitted = Vec::new();
        for (host, command) in commands {
            let (tell, told) = oneshot::channel();
            let then = Afterwards::Tell(tell);
            let taken = log.submit(RecordKind::Command, host.0, command, then).await;
            submitted.push((host, taken.is_ok().then_some(told)));
        }
        let mut expected = Vec::with_capacity(submitted.len());
        for (host, told) in submitted {
            let offset = match told {
                Some(told) => told.await.ok(),
                None => None,
            };
            expected.push(offset.map(|at| (host, at, self.shared.outcomes.expect(at.0))));
        }
        let deadline = tokio::time::Instant::now() + COMMAND_WITHIN;
        let mut answers = Vec::with_capacity(expected.len());
        let mut newest: HashMap<HostNo, Offset> = HashMap::new();
        for expected in expected {
            let Some((host, offset, outcome)) = expected else {
                answers.push(Err(not_durable()));
                continue;
            };
            answers.push(match tokio::time::timeout_at(deadline, outcome).await {
                Ok(Ok(outcome)) => {
                    let at = newest.entry(host).or_insert(offset);
                    *at = offset.max(*at);
                    outcome.map_err(CenterError::Refused)
                }
                _ => Err(late()),
            });
        }
        // So that who reads the alarms next sees what they did.
        let visible = async {
            for (host, offset) in newest {
                self.shared.committed.wait(host, offset).await;
            }
        };
        if tokio::time::timeout_at(deadline, visible).await.is_err() {
            answers
                .iter_mut()
                .filter(|answer| answer.is_ok())
                .for_each(|answer| *answer = Err(late()));
        }
        answers
    }
}

/// The command is in the journal, and its effect is not seen yet.
pub(super) fn late() -> CenterError {
    CenterError::NotReady(
        "the command is durable and will take effect; the hazard source answers late".into(),
    )
}
