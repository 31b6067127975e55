//! What the alarm log must say of the losses of a device, foreseen from outside: from what happened at the plant, not from what a
//! host made of it.
//!
//! Every alarm begins a grace after a loss that its gateway told, and ends when the device answered. A loss that lasted clearly
//! longer than the grace is in the log, one that was clearly shorter is not, and none is in it twice. One alarm may span several
//! losses (it stood before a cut and after it); one that the gateway's own alarm carried goes on under another number.

use std::collections::BTreeMap;

use anlan_domain::alarm::{AlarmChange, ClearReason, Condition};

use super::memory::Disk;

/// Grace of the park's plan.
pub const GRACE_MS: i64 = 5_000;
/// Nearer to the grace than this it may be an alarm or not: ticks and frames take their time.
const MARGIN_MS: i64 = 3_000;

/// One loss of a device, on the true clock and as its gateway told it.
#[derive(Clone, Debug)]
struct Loss {
    /// Since when it is lost as its gateway says, by its wall clock, and when it began to say so; each boot says its own.
    told: Vec<(i64, i64)>,
    /// From when on its grace counts whatever the links did.
    counts_from: i64,
    /// Since when it answers again, by the gateway's wall clock, and in truth.
    ended: Option<(i64, i64)>,
}

/// The losses of one device.
#[derive(Clone, Debug, Default)]
pub struct Losses(Vec<Loss>);

impl Losses {
    pub fn begins(&mut self, wall: i64, now: i64) {
        self.0.push(Loss { told: vec![(wall, now)], counts_from: now, ended: None });
    }

    pub fn ends(&mut self, wall: i64, now: i64) {
        self.0.last_mut().expect("it has begun").ended = Some((wall, now));
    }

    pub fn is_lost(&self) -> bool {
        self.0.last().is_some_and(|loss| loss.ended.is_none())
    }

    /// A new boot says since when it has not heard the device: a loss goes on, or one begins.
    pub fn reboots(&mut self, wall: i64, now: i64) {
        match self.0.last_mut().filter(|loss| loss.ended.is_none()) {
            Some(loss) => {
                loss.told.push((wall, now));
                loss.counts_from = now;
            }
            None => self.begins(wall, now),
        }
    }

    /// The link came back, and nobody knows what was between: a grace that runs begins anew.
    pub fn begin_anew(&mut self, now: i64) {
        if let Some(loss) = self.0.last_mut().filter(|loss| loss.ended.is_none()) {
            loss.counts_from = now;
        }
    }

    /// Which loss a time at the source belongs to.
    fn begun_at(&self, wall: i64) -> Option<(usize, i64)> {
        self.0.iter().enumerate().find_map(|(n, loss)| {
            let told = loss.told.iter().find(|told| told.0 == wall)?;
            Some((n, told.1))
        })
    }

    fn ended_at(&self, wall: i64) -> Option<usize> {
        self.0.iter().position(|loss| loss.ended.is_some_and(|ended| ended.0 == wall))
    }

    /// Compares them with the alarm log at its end. `stood_still`: the center could not journal for a while. The first tick after that
    /// comes before what the gateway could not send meanwhile, so the live lane may hold a device for lost that answers again.
    pub fn check(
        &self,
        disk: &Disk,
        subject: &str,
        now: i64,
        stood_still: bool,
    ) -> Result<(), String> {
        let alarms = alarms_of(disk, subject)?;
        self.check_alarms(&alarms, now, stood_still).map_err(|why| {
            format!("{subject}: {why}\n  losses {:#?}\n  alarms {alarms:#?}", self.0)
        })
    }

    fn check_alarms(
        &self,
        alarms: &BTreeMap<u32, Alarm>,
        now: i64,
        stood_still: bool,
    ) -> Result<(), String> {
        let mut told_by = vec![Vec::new(); self.0.len()];
        for (number, alarm) in alarms {
            let Some((first, told)) = self.begun_at(alarm.raised_at - GRACE_MS) else {
                return Err(format!("#{number} is of no loss"));
            };
            let lasted = self.0[first].ended.map_or(now, |ended| ended.1) - told;
            if lasted < GRACE_MS - MARGIN_MS && (alarm.late || !stood_still) {
                return Err(format!("#{number} is of a loss of {lasted} ms"));
            }
            let last = match alarm.ended {
                None if self.0[self.0.len() - 1].ended.is_none() => self.0.len() - 1,
                None => return Err(format!("#{number} stands, and the device answers")),
                Some((_, true)) => first,
                Some((at, false)) => {
                    self.ended_at(at).ok_or(format!("#{number} ends where no loss does"))?
                }
            };
            if last < first {
                return Err(format!("#{number} ends before it begins"));
            }
            for told in &mut told_by[first..=last] {
                told.push(*number);
            }
        }
        for (n, (loss, told_by)) in self.0.iter().zip(&told_by).enumerate() {
            let own = told_by.iter().filter(|number| !alarms[*number].is_carried()).count();
            if 1 < own {
                return Err(format!("loss {n} is in the log twice: {told_by:?}"));
            }
            let lasted = loss.ended.map_or(now, |ended| ended.1) - loss.counts_from;
            if told_by.is_empty() && GRACE_MS + MARGIN_MS <= lasted {
                return Err(format!("loss {n} of {lasted} ms is not in the log"));
            }
        }
        Ok(())
    }
}

/// An alarm as the log says in the end.
#[derive(Clone, Copy, Debug)]
struct Alarm {
    raised_at: i64,
    /// Found in the back-fill lane.
    late: bool,
    /// When, and whether only because the gateway's alarm carried it.
    ended: Option<(i64, bool)>,
}

impl Alarm {
    fn is_carried(&self) -> bool {
        matches!(self.ended, Some((_, true)))
    }
}

fn alarms_of(disk: &Disk, subject: &str) -> Result<BTreeMap<u32, Alarm>, String> {
    let mut alarms: BTreeMap<u32, Alarm> = BTreeMap::new();
    let log = disk.alarms.lock().unwrap();
    let entries = log.iter().map(|record| &record.entry);
    for entry in entries.filter(|entry| *entry.alarm.subject.0 == *subject) {
        assert_eq!(entry.alarm.condition, Condition::DeviceLost);
        let number = entry.alarm.occurrence;
        if number == 0 {
            // Something keeps it quiet while it does not stand, or no longer does.
            continue;
        }
        let at = entry.source_time.0;
        if let AlarmChange::Raised { late, .. } = entry.change {
            alarms.insert(number, Alarm { raised_at: at, late, ended: None });
            continue;
        }
        let alarm = alarms.get_mut(&number).ok_or(format!("#{number} was never raised"))?;
        match entry.change {
            AlarmChange::Cleared { reason: ClearReason::Returned, .. } => {
                alarm.ended = Some((at, false));
            }
            AlarmChange::Cleared { reason: ClearReason::ParentLost, .. } => {
                alarm.ended = Some((at, true));
            }
            AlarmChange::Cleared { reason, .. } => {
                return Err(format!("#{number} of {subject} ended as {reason:?}"));
            }
            AlarmChange::Amended { raised_at, cleared_at } => {
                alarm.raised_at = raised_at.map_or(alarm.raised_at, |at| at.0);
                alarm.ended = cleared_at.map(|at| (at.0, false)).or(alarm.ended);
            }
            _ => {}
        }
    }
    Ok(alarms)
}
