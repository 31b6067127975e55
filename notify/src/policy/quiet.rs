//! Quiet hours of a person: what can wait until morning waits, and red never does.

use anlan_domain::time::UtcMillis;

use crate::message::Colour;

const DAY_MIN: i64 = 24 * 60;
const MINUTE_MS: i64 = 60_000;

/// Hours of the day in which only what is grave comes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from_min: i64,
    to_min: i64,
    utc_offset_min: i64,
    passes: Colour,
}

impl QuietHours {
    /// From minute `from_min` of the day until minute `to_min`, over midnight where that is the smaller one, by a clock that
    /// is `utc_offset_min` ahead of UTC (480 in China, which has no summer time). `passes` and every graver colour come
    /// through; since no colour is graver than red, red always does.
    ///
    /// `None` when a minute is not of a day (0 to 1439), or both are the same: that would be never or always, and a guess
    /// which of the two was meant could silence a night.
    #[must_use]
    pub fn new(from_min: u32, to_min: u32, utc_offset_min: i32, passes: Colour) -> Option<Self> {
        let of_a_day = |minute: u32| i64::from(minute) < DAY_MIN;
        let offset = i64::from(utc_offset_min);
        if !of_a_day(from_min) || !of_a_day(to_min) || from_min == to_min || offset.abs() >= DAY_MIN
        {
            return None;
        }
        Some(Self {
            from_min: from_min.into(),
            to_min: to_min.into(),
            utc_offset_min: offset,
            passes,
        })
    }

    /// When a message of this colour may go: `None` for now, else the end of the quiet hours, UTC ms.
    #[must_use]
    pub fn held_until(&self, colour: Colour, now: UtcMillis) -> Option<UtcMillis> {
        // The order of colours is that of gravity, the gravest least.
        if colour == Colour::Red || colour <= self.passes {
            return None;
        }
        let local_ms = now.0.saturating_add(self.utc_offset_min * MINUTE_MS);
        let into_day_ms = local_ms.rem_euclid(DAY_MIN * MINUTE_MS);
        let since_from = (into_day_ms - self.from_min * MINUTE_MS).rem_euclid(DAY_MIN * MINUTE_MS);
        let length = (self.to_min - self.from_min).rem_euclid(DAY_MIN) * MINUTE_MS;
        (since_from < length).then(|| now.plus(length - since_from))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2027-01-15 at `hour`:`minute` in China, UTC ms.
    fn china(hour: i64, minute: i64) -> UtcMillis {
        UtcMillis(1_799_971_200_000 + ((hour - 8) * 60 + minute) * MINUTE_MS)
    }

    #[test]
    fn what_can_wait_waits_for_the_end_of_the_quiet_hours() {
        let night = QuietHours::new(22 * 60, 7 * 60, 480, Colour::Orange).unwrap();
        let day = QuietHours::new(12 * 60, 14 * 60, 480, Colour::Red).unwrap();
        let morning = |days: i64| Some(china(7 + 24 * days, 0));
        for (hours, colour, now, expected) in [
            (night, Colour::Yellow, china(21, 59), None),
            (night, Colour::Yellow, china(22, 0), morning(1)),
            (night, Colour::Blue, china(23, 59), morning(1)),
            (night, Colour::Blue, china(0, 0), morning(0)),
            (night, Colour::Blue, china(6, 59), morning(0)),
            (night, Colour::Blue, china(7, 0), None),
            (night, Colour::Orange, china(3, 0), None),
            (night, Colour::Red, china(3, 0), None),
            (day, Colour::Orange, china(13, 0), Some(china(14, 0))),
            (day, Colour::Red, china(13, 0), None),
            (day, Colour::Orange, china(14, 0), None),
        ] {
            assert_eq!(hours.held_until(colour, now), expected, "{colour:?} at {now:?}");
        }
    }

    #[test]
    fn hours_that_would_be_never_or_always_are_refused() {
        for (from, to) in [(60, 60), (1_440, 60), (60, 1_440)] {
            assert_eq!(QuietHours::new(from, to, 480, Colour::Red), None, "{from} to {to}");
        }
    }

    proptest! {
        #[test]
        fn red_is_never_held_and_nothing_is_held_for_a_day_or_twice(
            from in 0_u32..1_440, to in 0_u32..1_440, offset in -720_i32..840, passes in 0_usize..4, now in any::<i32>()
        ) {
            prop_assume!(from != to);
            let hours = QuietHours::new(from, to, offset, Colour::ALL[passes]).unwrap();
            let now = UtcMillis(i64::from(now) * 1_000);
            prop_assert_eq!(hours.held_until(Colour::Red, now), None);
            for colour in Colour::ALL {
                if let Some(until) = hours.held_until(colour, now) {
                    prop_assert!(until > now && until.since(now) < DAY_MIN * MINUTE_MS);
                    prop_assert_eq!(hours.held_until(colour, until), None);
                }
            }
        }
    }
}
