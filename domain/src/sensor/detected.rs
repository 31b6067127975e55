//! What the detectors of a point find: beside the sensor's own step, with the readings that it takes.
//!
//! Few points have detectors, so all of it lies in the box of what is rare, and the sensor's own sets of conditions know nothing of
//! it. Detectors look at the live lane alone: a back-filled reading is judged against limits and leaves them as they are.

use serde::{Deserialize, Serialize};

use super::{Finding, Reading, Rules, Sensor};
use crate::alarm::{AlarmChange, ClearReason, Condition, Level, default_level};
use crate::detect::detector::{DetectorSettings, Memory};
use crate::detect::{Standing, Turn};
use crate::life_cycle::{Quiet, ResumeReason};
use crate::time::UtcMillis;

/// State of one detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Detected {
    condition: Condition,
    standing: Standing,
    memory: Memory,
}

impl Sensor {
    /// Lets the detectors of the point look at a reading that the sensor has just taken. `others` gives the newest usable value of
    /// a point of the same equipment by its tag.
    pub fn detect(
        &mut self,
        rules: &Rules,
        reading: &Reading,
        others: &dyn Fn(&str) -> Option<f64>,
        findings: &mut Vec<Finding>,
    ) {
        if reading.quality.is_bad() || !reading.value.is_finite() {
            return;
        }
        // The step has moved a reading that steps back.
        let (value, at, source) = (reading.value, self.at, reading.source);
        for settings in &rules.settings.detectors {
            let condition = settings.detector.condition();
            let state = self.detected_mut(settings);
            let verdict = settings.detector.step(&mut state.memory, value, at, others);
            match state.standing.take(verdict, settings.delays, at) {
                Some(Turn::Raised) => {
                    let limit = settings.detector.broken_limit(value, others);
                    self.raise_detected(rules, settings, (value, limit), source, findings);
                }
                Some(Turn::Cleared) => {
                    let reason = ClearReason::Returned;
                    self.clear_detected(condition, reason, Some(value), source, findings);
                }
                None => {}
            }
        }
    }

    /// New settings are in force: what was found by a detector that is gone or has become another one ends with the reason 限值变更, and it
    /// begins anew.
    pub fn reconfigure_detectors(
        &mut self,
        old: &Rules,
        new: &Rules,
        now: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let kept = |settings: &&DetectorSettings| new.settings.detectors.contains(settings);
        let gone: Vec<Condition> = old
            .settings
            .detectors
            .iter()
            .filter(|settings| !kept(settings))
            .map(|settings| settings.detector.condition())
            .collect();
        self.end_detected(&gone, ClearReason::LimitsChanged, now, findings);
    }

    /// The point is taken out: everything that its detectors found ends.
    pub fn remove_detectors(&mut self, now: UtcMillis, findings: &mut Vec<Finding>) {
        self.end_detected(&Condition::ALL, ClearReason::PointRemoved, now, findings);
    }

    fn end_detected(
        &mut self,
        which: &[Condition],
        reason: ClearReason,
        now: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let Some(notes) = &mut self.notes else { return };
        let (ended, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut notes.detected)
            .into_iter()
            .partition(|state| which.contains(&state.condition));
        notes.detected = kept;
        for mut state in ended {
            if state.standing.end() {
                self.clear_detected(state.condition, reason, None, now, findings);
            }
        }
    }

    fn detected_mut(&mut self, settings: &DetectorSettings) -> &mut Detected {
        let condition = settings.detector.condition();
        let detected = &mut self.notes_mut().detected;
        let at = detected.iter().position(|state| state.condition == condition);
        let at = at.unwrap_or_else(|| {
            let memory = settings.detector.memory();
            detected.push(Detected { condition, standing: Standing::default(), memory });
            detected.len() - 1
        });
        &mut detected[at]
    }

    fn raise_detected(
        &mut self,
        rules: &Rules,
        settings: &DetectorSettings,
        (value, limit): (f64, Option<f64>),
        source: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let condition = settings.detector.condition();
        let of_point = &rules.settings;
        let level = settings.level.and_then(Level::new).unwrap_or_else(|| {
            default_level(condition, &of_point.signal, of_point.of_hazard_source)
        });
        let (occurrence, quiet) = self.notes_mut().book.raise(condition, level, source);
        let change = AlarmChange::Raised {
            value: Some(value),
            limit,
            limits_version: of_point.limits.version,
            level,
            late: false,
            quiet,
        };
        findings.push(Finding { condition, occurrence, change, source_time: source });
    }

    fn clear_detected(
        &mut self,
        condition: Condition,
        reason: ClearReason,
        value: Option<f64>,
        source: UtcMillis,
        findings: &mut Vec<Finding>,
    ) {
        let book = &mut self.notes_mut().book;
        let occurrence = book
            .clear(condition)
            .expect("what a detector holds to stand is in the book: both change together");
        let change = AlarmChange::Cleared { reason, value, latched: false };
        findings.push(Finding { condition, occurrence, change, source_time: source });
        if book.end_one_shot(condition) {
            let still = book.quiet(condition);
            let (quiet, why) = (Quiet::Shelved, ResumeReason::Returned);
            let change = AlarmChange::Resumed { quiet, why, by: None, still };
            findings.push(Finding { condition, occurrence: 0, change, source_time: source });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::detect::Delays;
    use crate::detect::detector::Detector;
    use crate::life_cycle::Until;
    use crate::limits::Limits;
    use crate::point::{PointKind, PointSettings};
    use crate::quality::Quality;
    use crate::sensor::Watch;
    use crate::suppression::Suppression;
    use crate::time::LineMillis;

    fn rules(detectors: &[(Condition, &str, u32)]) -> Rules {
        let detectors = detectors
            .iter()
            .map(|&(condition, text, on_s)| DetectorSettings {
                detector: Detector::parse(condition, text).unwrap(),
                delays: Delays { on_ms: on_s * 1_000, off_ms: 0 },
                level: None,
            })
            .collect();
        Rules::new(Arc::new(PointSettings {
            kind: PointKind::Analog,
            signal: "pressure".into(),
            unit: "MPa".into(),
            range: (0.0, 100.0),
            scan_ms: 1_000,
            missing_scans: 3,
            frozen_after_ms: None,
            limits: Limits::default(),
            of_hazard_source: false,
            chatter: None,
            suppression: Suppression::default(),
            detectors,
        }))
    }

    struct Run {
        sensor: Sensor,
        second: i64,
        findings: Vec<Finding>,
    }

    impl Run {
        fn new() -> Self {
            Self { sensor: Sensor::default(), second: 0, findings: Vec::new() }
        }

        /// A reading a second; `other` is the value of every other point.
        fn takes(&mut self, rules: &Rules, value: f64, quality: Quality, other: Option<f64>) {
            let at = self.second * 1_000;
            self.second += 1;
            let reading = Reading { value, quality, at: LineMillis(at), source: UtcMillis(at) };
            assert!(
                !self.sensor.calm(rules, value, reading.at, reading.source)
                    || rules.settings.detectors.is_empty(),
                "a point with detectors is never calm"
            );
            self.sensor.step(rules, &reading, Watch::Waiting, &mut self.findings);
            self.sensor.detect(rules, &reading, &|_| other, &mut self.findings);
        }

        fn told(&mut self) -> String {
            let one = |finding: &Finding| {
                let (code, number) = (finding.condition.code(), finding.occurrence);
                let at = finding.source_time.0 / 1_000;
                match &finding.change {
                    AlarmChange::Raised { limit, .. } => {
                        let limit = limit.map_or(String::new(), |limit| format!(" {limit}"));
                        format!("+{code}{number}@{at}{limit}")
                    }
                    AlarmChange::Cleared { reason, .. } => {
                        format!("-{code}{number}@{at} {reason:?}")
                    }
                    other => format!("{other:?}"),
                }
            };
            let told: Vec<String> = self.findings.drain(..).map(|finding| one(&finding)).collect();
            told.join(", ")
        }
    }

    const SIBLING: (Condition, &str, u32) =
        (Condition::Deviation, "from=[PT-2]; limit=5; deadband=1", 0);

    #[test]
    fn an_alarm_of_a_detector_is_numbered_raised_and_cleared_like_any_other() {
        let rules = rules(&[SIBLING, (Condition::Expression, "[PT-2] > 40", 2)]);
        let mut run = Run::new();
        for (value, other) in [(50.0, 50.0), (56.0, 50.0), (54.5, 50.0), (53.9, 50.0), (44.0, 50.0)]
        {
            run.takes(&rules, value, Quality::GOOD, Some(other));
        }
        assert_eq!(
            run.told(),
            "+DEVIATION1@1 55, +EXPRESSION1@2, -DEVIATION1@3 Returned, +DEVIATION2@4 45"
        );
        let standing: Vec<_> = run.sensor.book().unwrap().all_standing().map(|s| s.0).collect();
        assert_eq!(standing, [Condition::Deviation, Condition::Expression]);
        assert!(run.sensor.standing().is_empty(), "the sensor's own sets know nothing of it");
        assert!(run.sensor.acknowledge(Condition::Deviation, 2).is_ok());
    }

    #[test]
    fn a_bad_reading_and_a_sibling_without_a_value_leave_it_as_it_is() {
        let rules = rules(&[SIBLING]);
        let mut run = Run::new();
        run.takes(&rules, 60.0, Quality::GOOD, Some(50.0));
        run.takes(&rules, 50.0, Quality::BAD, Some(50.0));
        run.takes(&rules, 50.0, Quality::GOOD, None);
        assert_eq!(run.told(), "+DEVIATION1@0 55");
        run.takes(&rules, 50.0, Quality::GOOD, Some(50.0));
        assert_eq!(run.told(), "-DEVIATION1@3 Returned");
    }

    #[test]
    fn a_changed_detector_ends_its_alarm_and_begins_anew_and_others_stay() {
        let drift = (Condition::Drift, "target=50; sigma=1; h=4", 0);
        let before = rules(&[SIBLING, drift]);
        let after = rules(&[drift]);
        let mut run = Run::new();
        for _ in 0..3 {
            run.takes(&before, 60.0, Quality::GOOD, Some(50.0));
        }
        assert_eq!(run.told(), "+DEVIATION1@0 55, +DRIFT1@0");
        run.sensor.reconfigure_detectors(&before, &after, UtcMillis(9_000), &mut run.findings);
        assert_eq!(run.told(), "-DEVIATION1@9 LimitsChanged");
        run.takes(&after, 60.0, Quality::GOOD, Some(50.0));
        assert_eq!(run.told(), "", "the drift stands on");
        run.sensor.remove_detectors(UtcMillis(10_000), &mut run.findings);
        assert_eq!(run.told(), "-DRIFT1@10 PointRemoved");
        run.takes(&before, 60.0, Quality::GOOD, Some(50.0));
        assert_eq!(run.told(), "+DEVIATION2@4 55, +DRIFT2@4", "its numbers go on");
    }

    #[test]
    fn a_one_shot_shelf_ends_with_the_alarm() {
        let rules = rules(&[SIBLING]);
        let mut run = Run::new();
        run.takes(&rules, 60.0, Quality::GOOD, Some(50.0));
        run.told();
        run.sensor
            .book_mut()
            .shelve(Condition::Deviation, Until::Returned { at_most: UtcMillis(i64::MAX) });
        run.takes(&rules, 50.0, Quality::GOOD, Some(50.0));
        assert!(run.told().starts_with("-DEVIATION1@1 Returned, Resumed"));
        assert_eq!(run.sensor.book().unwrap().quiet(Condition::Deviation), None);
    }
}
