//! The ladder of escalation: which rung is called when, and what a ladder may not say.

use proptest::prelude::*;

use super::*;

const ALL: [Rung; 5] = Rung::ALL;

fn shown(steps: &[Step]) -> String {
    let each = steps.iter().map(|step| match step {
        Step::Call { rung, why, skipped } => {
            let why = match why {
                Why::AtOnce => "",
                Why::Unanswered => "?",
                Why::NoFeedback => "!",
            };
            let skipped: String = skipped.iter().map(|rung| format!("-{}", rung.code())).collect();
            format!("{}{why}{skipped}", rung.code())
        }
        Step::Nobody { rung } => format!("nobody:{}", rung.code()),
        Step::Remind { time } => format!("remind{time}"),
    });
    each.collect::<Vec<_>>().join(" ")
}

/// Runs a climb minute by minute: what happens when, as `minute: steps`. `deeds` are `a` (answer) and `f` (feedback) by minute.
fn run(colour: Colour, staffed: Staffed, deeds: &[(i64, char)], minutes: i64) -> String {
    let ladder = Ladder::shipped();
    let plan = Plan { remind_every_s: 0, ..ladder.plan(colour).clone() };
    let mut climb = Climb::new(1);
    let mut lines = Vec::new();
    for minute in 0..=minutes {
        let now = UtcMillis(minute * 60_000);
        let mut steps = Vec::new();
        if minute == 0 {
            climb.begin(&plan, staffed, now, &mut steps);
        }
        while climb.due(&plan).is_some_and(|due| due <= now) {
            climb.tick(&plan, staffed, now, &mut steps);
        }
        if !steps.is_empty() {
            lines.push(format!("{minute}: {}", shown(&steps)));
        }
        for (_, deed) in deeds.iter().filter(|(at, _)| *at == minute) {
            match deed {
                'a' => climb.answer("zhang", now),
                _ => climb.feed_back(now),
            }
        }
    }
    lines.join("; ")
}

#[test]
fn each_colour_climbs_as_the_table_says() {
    let all = Staffed::all();
    for (colour, deeds, expected) in [
        (
            Colour::Blue,
            &[][..],
            "0: enterprise; 60: park?; 120: county?; 180: city?; 240: province?",
        ),
        (Colour::Yellow, &[], "0: enterprise park; 30: county?; 60: city?; 90: province?"),
        (Colour::Orange, &[], "0: enterprise park county city; 15: province?"),
        (Colour::Red, &[], "0: enterprise park county city province"),
        (Colour::Blue, &[(59, 'a')], "0: enterprise"),
        (Colour::Blue, &[(61, 'a'), (70, 'f')], "0: enterprise; 60: park?"),
        // Answered at 10 and nothing said in four hours: the next rung hears of it.
        (Colour::Yellow, &[(10, 'a')], "0: enterprise park; 250: county!"),
        (Colour::Yellow, &[(10, 'a'), (200, 'f')], "0: enterprise park"),
    ] {
        assert_eq!(run(colour, all, deeds, 300), expected, "{colour:?} {deeds:?}");
    }
}

#[test]
fn a_rung_that_is_not_there_or_has_nobody_is_skipped_and_named() {
    let of = |rungs: &[Rung]| rungs.iter().fold(Staffed::default(), |all, rung| all.with(*rung));
    for (colour, staffed, expected) in [
        // A county directly under its province, without parks.
        (
            Colour::Blue,
            of(&[ALL[0], ALL[2], ALL[4]]),
            "0: enterprise; 60: county?-park; 120: province?-city",
        ),
        (Colour::Yellow, of(&[ALL[0], ALL[2]]), "0: enterprise; 30: county?-park; 60: nobody:city"),
        (
            Colour::Orange,
            of(&[ALL[0], ALL[3]]),
            "0: enterprise city-park-county; 15: nobody:province",
        ),
        // Nobody where it should be told at once: the next is not made to wait.
        (Colour::Blue, of(&[ALL[2]]), "0: county-enterprise-park; 60: nobody:city"),
        (Colour::Red, of(&[]), "0: nobody:enterprise"),
    ] {
        assert_eq!(run(colour, staffed, &[], 300), expected, "{colour:?} {staffed:?}");
    }
}

#[test]
fn whoever_was_called_is_reminded_until_somebody_answers() {
    let plan = Ladder::shipped().orange;
    let mut climb = Climb::new(60);
    let mut steps = Vec::new();
    climb.begin(&plan, Staffed::all(), UtcMillis(0), &mut steps);
    steps.clear();
    // A drill at sixty times the pace: fifteen minutes are fifteen seconds.
    for half_seconds in 1..=40 {
        let now = UtcMillis(half_seconds * 500);
        if climb.due(&plan).is_some_and(|due| due <= now) {
            climb.tick(&plan, Staffed::all(), now, &mut steps);
        }
    }
    assert_eq!(shown(&steps), "remind1 province? remind2");
    climb.answer("zhang", UtcMillis(20_000));
    assert_eq!(
        climb.due(&plan),
        Some(UtcMillis(80_000)),
        "feedback is due a minute of the drill later"
    );
    climb.feed_back(UtcMillis(30_000));
    assert_eq!(climb.due(&plan), None);
}

#[test]
fn what_a_long_outage_missed_is_made_up_for_one_rung_at_a_time() {
    let plan = Ladder::shipped().blue;
    let mut climb = Climb::new(1);
    let mut steps = Vec::new();
    climb.begin(&plan, Staffed::all(), UtcMillis(0), &mut steps);
    let ten_hours = UtcMillis(36_000_000);
    climb.tick(&plan, Staffed::all(), ten_hours, &mut steps);
    assert_eq!(shown(&steps), "enterprise park? remind1");
    assert!(climb.due(&plan).is_some_and(|due| due > ten_hours));
}

#[test]
fn the_shipped_ladder_has_no_fault_and_every_fault_is_named() {
    let mut ladder = Ladder::shipped();
    assert_eq!(ladder.check(), Ok(()));
    ladder.red.calls.reverse();
    ladder.orange.calls.iter_mut().for_each(|call| call.at_once = false);
    ladder.yellow.calls[0].duties.clear();
    ladder.blue.answer_within_s = 0;
    ladder.blue.close_after_s = 5;
    let found: Vec<_> =
        ladder.check().unwrap_err().iter().map(|p| (p.colour.code(), p.field)).collect();
    let expected = [
        ("red", "calls"),
        ("orange", "calls"),
        ("yellow", "calls"),
        ("blue", "answer_within_s"),
        ("blue", "close_after_s"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_rung_is_found_above_an_enterprise() {
    let park = RegionCode::new("410205P01").unwrap();
    let direct = RegionCode::new("419001").unwrap();
    for (rung, of_park, of_direct) in [
        (Rung::Park, Some("410205P01"), None),
        (Rung::County, Some("410205"), Some("419001")),
        (Rung::City, Some("410200"), None),
        (Rung::Province, Some("410000"), Some("410000")),
        (Rung::Enterprise, None, None),
    ] {
        let above = |region| rung.above(region).map(|code| code.to_string());
        assert_eq!(above(&park).as_deref(), of_park);
        assert_eq!(above(&direct).as_deref(), of_direct);
    }
}

proptest! {
    #[test]
    fn no_rung_is_called_twice_in_a_round_and_nobody_is_chased_who_answered(
        colour in 0_usize..4, staffed in 0_u8..32, pace in 1_u32..100,
        deeds in prop::collection::vec((1_i64..4_000, 0_u8..4), 0..40),
    ) {
        let ladder = Ladder::shipped();
        let plan = ladder.plan(Colour::ALL[colour]);
        let staffed = Staffed(staffed);
        let mut climb = Climb::new(pace);
        let mut now = UtcMillis(1_000);
        let mut called: Vec<(u32, Rung)> = Vec::new();
        let mut steps = Vec::new();
        climb.begin(plan, staffed, now, &mut steps);
        called.extend(climb.called.iter().map(|first| (climb.round, first.rung)));
        steps.clear();
        for (seconds, deed) in deeds {
            now = now.plus(seconds * 1_000);
            let answered = climb.answered.is_some();
            match deed {
                0 => climb.answer("zhang", now),
                1 => climb.feed_back(now),
                2 => climb.begin(plan, staffed, now, &mut steps),
                _ => climb.tick(plan, staffed, now, &mut steps),
            }
            if deed == 3 {
                for step in &steps {
                    let chases = match step {
                        Step::Remind { .. } => true,
                        Step::Call { why, .. } => *why == Why::Unanswered,
                        Step::Nobody { .. } => false,
                    };
                    prop_assert!(!(answered && chases), "somebody who answered is chased");
                }
            }
            for step in steps.drain(..) {
                if let Step::Call { rung, .. } = step {
                    prop_assert!(staffed.has(rung));
                    prop_assert!(!called.contains(&(climb.round, rung)), "{rung:?} twice");
                    called.push((climb.round, rung));
                }
            }
            // Written and read back it is the same.
            let text = postcard::to_stdvec(&climb).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<Climb>(&text).unwrap(), &climb);
        }
    }
}
