//! One entry of the ordered log as a host takes it: decoded and routed, lent from the record's bytes.
//!
//! Routing (which handle of a gateway's table is which slot of which host) is the caller's; a host checks no more than that
//! the slot exists and belongs to the gateway. Every entry carries `received`, the logged time: the host has no other clock.

use anlan_domain::alarm::AlarmEntry;
use anlan_domain::log::{Command, GatewayNo, HostConfig};
use anlan_domain::time::UtcMillis;
use anlan_domain::uplink::{Group, Header, Status};

/// An entry of the log, for one host.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A readings frame, in either lane. A frame that carries `FLAG_GAP` goes to every host of its gateway, with no runs
    /// where it holds nothing for it; so does the first frame of a boot.
    Readings(Readings<'a>),
    /// A status frame; goes to every host of the gateway.
    Status {
        /// Whose.
        gateway: GatewayNo,
        /// Of the frame.
        header: &'a Header,
        /// Logged time.
        received: UtcMillis,
        /// Its payload.
        status: &'a Status,
    },
    /// A session of a gateway began or ended; goes to every host of the gateway. "Ended" must be logged after every frame
    /// of that session, and not at all where another session of the gateway has already taken over: a live frame proves to a
    /// host that the link is up.
    Link {
        /// Whose.
        gateway: GatewayNo,
        /// Began.
        up: bool,
        /// Logged time.
        received: UtcMillis,
    },
    /// The center became ready; goes to every host.
    CenterReady {
        /// Logged time.
        received: UtcMillis,
    },
    /// The center's own link was lost or is back; goes to every host.
    CenterLink {
        /// It is back.
        up: bool,
        /// Logged time.
        received: UtcMillis,
    },
    /// A new desired configuration, whole.
    Configured {
        /// The configuration.
        config: &'a HostConfig,
        /// Logged time.
        received: UtcMillis,
    },
    /// A person's wish.
    Command {
        /// What.
        command: &'a Command,
        /// Logged time.
        received: UtcMillis,
    },
    /// Time passes; goes to every host.
    Tick {
        /// Logged time.
        received: UtcMillis,
    },
}

impl Entry<'_> {
    /// The logged time.
    #[must_use]
    pub fn received(&self) -> UtcMillis {
        match *self {
            Self::Readings(Readings { received, .. })
            | Self::Status { received, .. }
            | Self::Link { received, .. }
            | Self::CenterReady { received }
            | Self::CenterLink { received, .. }
            | Self::Configured { received, .. }
            | Self::Command { received, .. }
            | Self::Tick { received } => received,
        }
    }
}

/// A readings frame, as far as it is for one host.
#[derive(Clone, Copy, Debug)]
pub struct Readings<'a> {
    /// Which gateway sealed it.
    pub gateway: GatewayNo,
    /// Of the frame: lane, flags, boot, sequence and the three times.
    pub header: &'a Header,
    /// Logged time.
    pub received: UtcMillis,
    /// Parts of its groups, in the order of the frame.
    pub runs: &'a [Run<'a>],
}

/// Consecutive readings of a group that go to consecutive slots.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The group of the frame.
    pub group: Group<'a>,
    /// Index in the group of the first reading.
    pub start: usize,
    /// How many.
    pub len: usize,
    /// Slot of the first reading.
    pub slot: u32,
}

/// What applying entries brought about. The caller keeps one and empties it when it has carried the effects out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// What happened to alarms, in order: to be written with the host's checkpoint, in one batch.
    pub entries: Vec<AlarmEntry>,
    /// Slots whose shown value, quality or time changed, for the live hub; a slot can be in it more than once.
    pub changed: Vec<u32>,
    /// So much changed at once (configuration, a lost parent) that every slot is to be looked at.
    pub all_changed: bool,
}

impl Effects {
    /// Empties it and keeps its room.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.changed.clear();
        self.all_changed = false;
    }
}
