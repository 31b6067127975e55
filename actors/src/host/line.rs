//! The line of time of one gateway: where a frame's monotonic clock is on it, and where "now" is when no frame comes.
//!
//! Within one boot differences on the line are differences of the monotonic clock. A new boot is joined on by the logged
//! receive time. The wall clock has no part in it, so a wrong or stepping one changes no decision.

use anlan_domain::time::{LineMillis, MonoMillis, UtcMillis};
use anlan_domain::uplink::{Boot, Header};
use serde::{Deserialize, Serialize};

/// Line of time of one gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    boot: Option<Boot>,
    /// What is added to the monotonic clock of this boot.
    offset: i64,
    /// Where the newest frame was sealed.
    at: LineMillis,
    /// When it was received.
    received: UtcMillis,
    /// A wall time that is believed and where it was: there the back-fill of a boot that never spoke live is joined on, for want
    /// of anything better.
    wall: UtcMillis,
    wall_at: LineMillis,
    /// The wall clock of this boot cannot be right: it would lie before what came earlier, or after what came later.
    astray: bool,
}

impl Line {
    /// A line on which no frame has come yet: it runs with the log.
    pub(super) fn new(received: UtcMillis) -> Self {
        let at = LineMillis(received.0);
        Self { boot: None, offset: 0, at, received, wall: received, wall_at: at, astray: false }
    }

    /// Moves to a live frame and says where it was sealed. Never steps back.
    pub(super) fn advance(&mut self, header: &Header, received: UtcMillis) -> LineMillis {
        let mono = signed(header.mono);
        if self.boot != Some(header.boot) {
            self.boot = Some(header.boot);
            self.offset = received.0.max(self.at.0).saturating_sub(mono);
        }
        self.at = self.at.max(LineMillis(mono.saturating_add(self.offset)));
        self.received = received;
        self.believe(header.wall);
        self.astray = false;
        self.at
    }

    /// Moves to a back-filled frame and says where it was sealed. `placed` says so where its boot is the live one; the frames
    /// of a boot between are joined on by the gateway's wall clock, since what they were received at says nothing. Where that
    /// clock would place them before what came earlier or after `end`, it is wrong, and they follow at once on what came
    /// earlier. Either way time within the boot passes as its monotonic clock says.
    pub(super) fn advance_late(
        &mut self,
        header: &Header,
        placed: Option<LineMillis>,
        end: LineMillis,
    ) -> LineMillis {
        let mono = signed(header.mono);
        if self.boot != Some(header.boot) {
            let by_wall = self.wall_at.plus(header.wall.since(self.wall));
            self.astray = placed.is_none() && !(self.at..=end).contains(&by_wall);
            let joined = if self.astray { self.at } else { placed.unwrap_or(by_wall) };
            self.boot = Some(header.boot);
            self.offset = joined.max(self.at).0.saturating_sub(mono);
        }
        self.at = self.at.max(LineMillis(mono.saturating_add(self.offset)));
        if !self.astray {
            self.believe(header.wall);
        }
        self.at
    }

    fn believe(&mut self, wall: UtcMillis) {
        (self.wall, self.wall_at) = (wall, self.at);
    }

    /// Whether the newest frame was of this boot.
    pub(super) fn is_of(&self, boot: Boot) -> bool {
        self.boot == Some(boot)
    }

    /// Where a frame of this boot was sealed; `None` where the boot is another one.
    pub(super) fn place(&self, boot: Boot, mono: MonoMillis) -> Option<LineMillis> {
        (self.boot == Some(boot)).then(|| LineMillis(signed(mono).saturating_add(self.offset)))
    }

    /// Where the newest frame was sealed.
    pub(super) fn sealed(&self) -> LineMillis {
        self.at
    }

    /// Where the line is at a logged time after the newest frame.
    pub(super) fn now(&self, received: UtcMillis) -> LineMillis {
        self.at.plus(received.since(self.received).max(0))
    }

    /// The logged time at which the line will be at `at`, if no frame comes.
    pub(super) fn logged_at(&self, at: LineMillis) -> UtcMillis {
        self.received.plus(at.since(self.at))
    }
}

fn signed(mono: MonoMillis) -> i64 {
    i64::try_from(mono.0).unwrap_or(i64::MAX)
}
