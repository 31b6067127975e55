//! The models keep the laws they are made of.

use super::*;

fn point(park: &Park, id: &str) -> usize {
    park.plant().point(id).unwrap_or_else(|| panic!("{id}"))
}

#[test]
fn the_same_seed_gives_the_same_values_to_the_last_bit_and_another_seed_others() {
    let run = |seed| {
        let mut park = Park::kaifeng(seed);
        for _ in 0..60 {
            park.step(0.5, &Inputs::default());
        }
        park.all_shown().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_calm_day_crosses_no_limit() {
    let mut park = Park::kaifeng(3);
    let inputs = Inputs::default();
    // Half an hour second by second, and then a whole day in coarser steps.
    for _ in 0..1_800 {
        park.step(1.0, &inputs);
        quiet(&park);
    }
    for _ in 0..(24 * 120) {
        park.step(30.0, &inputs);
        quiet(&park);
    }
}

fn quiet(park: &Park) {
    for (index, point) in park.plant().points.iter().enumerate() {
        let shown = park.shown(index);
        let crossed = point.limits.h.is_some_and(|h| shown >= h.value)
            || point.limits.l.is_some_and(|l| shown <= l.value)
            || point.states.iter().any(|s| s.alarm && f64::from(s.value) == shown);
        assert!(!crossed, "{} shows {shown} at {} s", point.id, park.elapsed_s());
    }
}

#[test]
fn level_is_the_integral_of_the_flows() {
    let mut park = Park::kaifeng(1);
    let tank = park.plant().equipment("410205001.V-1203").unwrap();
    let level = point(&park, "410205001.LT-1203A");
    let (inflow, outflow) =
        (point(&park, "410205001.FT-1203A"), point(&park, "410205001.FT-1203B"));
    let mut inputs = Inputs::default();
    inputs.disturb(tank, Disturbance::Feed { share: 0.8 });
    let (dt, volume) = (0.5, 650.0);
    let start = park.truth(level);
    let mut moved = 0.0;
    for k in 0..7_200 {
        if k == 3_600 {
            inputs.calm(tank);
            inputs.disturb(tank, Disturbance::Drain { share: 0.6 });
        }
        park.step(dt, &inputs);
        moved += (park.truth(inflow) - park.truth(outflow)) / 3_600.0 * dt / volume * 100.0;
    }
    let found = park.truth(level) - start;
    assert!((found - moved).abs() < 1e-6, "level moved {found} %, flows say {moved} %");
}

#[test]
fn pressure_of_a_liquefied_gas_rises_with_temperature_and_with_level() {
    use super::vessel::Vessel;
    let plant = Plant::kaifeng();
    let sphere = plant.equipment("410205005.V-5101").unwrap();
    let mut rng = Dice::new(1);
    let mut vessel = Vessel::new(plant, sphere, &mut rng);
    let mut last = 0.0;
    for t in -10..45 {
        vessel.set_for_test(f64::from(t), 50.0);
        assert!(vessel.pressure() >= last, "{t} ℃");
        last = vessel.pressure();
    }
    assert!(last > 1.0, "propane at 44 ℃ is above 1 MPa");
    let mut last = 0.0;
    for level in 5..95 {
        vessel.set_for_test(20.0, f64::from(level));
        assert!(vessel.pressure() > last, "{level} %");
        last = vessel.pressure();
    }
}

#[test]
fn every_analog_sensor_is_at_least_one_and_a_half_steps_noisy() {
    let mut park = Park::kaifeng(5);
    let inputs = Inputs::default();
    let points = park.plant().points.len();
    let mut sums = vec![(0.0, 0.0); points];
    let rounds = 400;
    for _ in 0..rounds {
        let before: Vec<f64> = (0..points).map(|p| park.shown(p) - park.truth(p)).collect();
        park.step(0.2, &inputs);
        for (p, sum) in sums.iter_mut().enumerate() {
            // Difference of two readings: drift and lag cancel, the variance of the noise doubles.
            let d = (park.shown(p) - park.truth(p) - before[p]) / park.plant().points[p].lsb();
            *sum = (sum.0 + d, sum.1 + d * d);
        }
    }
    let n = f64::from(rounds);
    for (point, (sum, square)) in park.plant().points.iter().zip(sums) {
        if point.is_discrete() || point.measures == Quantity::WindDirection {
            continue;
        }
        let sd = ((square / n - (sum / n) * (sum / n)) / 2.0).sqrt();
        // 400 samples: the estimate itself scatters by 5 %.
        assert!(sd > 1.5 * 0.85, "{}: {sd} steps", point.id);
    }
}

#[test]
fn shown_values_stand_on_the_steps_of_a_twelve_bit_converter() {
    let mut park = Park::kaifeng(5);
    park.step(1.0, &Inputs::default());
    for (index, point) in park.plant().points.iter().enumerate().filter(|(_, p)| !p.is_discrete()) {
        let count = (park.shown(index) - point.range.0) / point.lsb();
        assert!(
            (count - count.round()).abs() < 1e-6 && (0.0..=4_095.5).contains(&count),
            "{}",
            point.id
        );
    }
}

#[test]
fn an_overfilled_sphere_trips_its_interlock_which_shuts_the_feed() {
    let mut park = Park::kaifeng(2);
    let tank = park.plant().equipment("410205001.V-1203").unwrap();
    let (level, valve, trip) = (
        point(&park, "410205001.LT-1203A"),
        point(&park, "410205001.XV-1203A"),
        point(&park, "410205001.LS-1203"),
    );
    let mut inputs = Inputs::default();
    inputs.disturb(tank, Disturbance::Feed { share: 1.0 });
    inputs.disturb(tank, Disturbance::Hurry { factor: 250.0 });
    for _ in 0..600 {
        park.step(0.2, &inputs);
    }
    assert_eq!(park.truth(trip), 1.0);
    assert_eq!(park.truth(valve), 0.0);
    assert!((85.0..98.0).contains(&park.truth(level)), "{}", park.truth(level));
}

#[test]
fn without_coolant_a_reactor_runs_away_and_emergency_cooling_brings_it_back_for_good() {
    let mut park = Park::kaifeng(2);
    let unit = park.plant().equipment("410205004.R-4101").unwrap();
    let (temperature, pressure) =
        (point(&park, "410205004.TT-4101A"), point(&park, "410205004.PT-4101"));
    let set = park.truth(temperature);
    let mut inputs = Inputs::default();
    inputs.disturb(unit, Disturbance::CoolantLost);
    inputs.disturb(unit, Disturbance::Hurry { factor: 10.0 });
    let mut last = (set, 0.0);
    for _ in 0..250 {
        park.step(0.2, &inputs);
        let now = (park.truth(temperature), park.truth(pressure));
        // Both rise together, or fall together once the reactant is gone.
        assert_eq!(now.0 >= last.0, now.1 >= last.1, "pressure follows temperature");
        last = now;
    }
    assert!(last.0 > set + 29.0, "{} from {set}", last.0);
    inputs.calm(unit);
    inputs.disturb(unit, Disturbance::EmergencyCooling);
    inputs.disturb(unit, Disturbance::Hurry { factor: 10.0 });
    for _ in 0..300 {
        park.step(0.2, &inputs);
    }
    assert!(park.truth(temperature) < set + 10.0, "{}", park.truth(temperature));
    inputs.calm(unit);
    for _ in 0..7_200 {
        park.step(1.0, &inputs);
        assert!(
            park.truth(temperature) < set + 13.0,
            "no second runaway: {}",
            park.truth(temperature)
        );
    }
    assert!(
        (park.truth(temperature) - set).abs() < 3.0,
        "{} against {set}",
        park.truth(temperature)
    );
}

#[test]
fn a_leak_is_seen_downwind_first_and_clears_when_it_is_stopped() {
    let mut park = Park::kaifeng(4);
    let bullet = park.plant().equipment("410205002.V-2102").unwrap();
    let mut inputs = Inputs::default();
    inputs.disturb(bullet, Disturbance::Leak { kg_per_s: 0.02, medium: None });
    for _ in 0..300 {
        park.step(0.2, &inputs);
    }
    let detectors: Vec<usize> = (0..park.plant().points.len())
        .filter(|&p| park.plant().points[p].id.as_str().starts_with("410205002.GT-21"))
        .collect();
    let best =
        detectors.iter().copied().max_by(|a, b| park.truth(*a).total_cmp(&park.truth(*b))).unwrap();
    assert!(park.truth(best) > 1.0, "{} mg/m³", park.truth(best));
    // The wind is from the north-east: the detector that sees most stands to the south-west of the leak.
    let frame = park.plant().frame;
    let source = frame.east_north(park.plant().equipment[bullet].place);
    let seen = frame.east_north(park.plant().points[best].place);
    assert!(seen.0 < source.0 && seen.1 < source.1);
    inputs.calm(bullet);
    for _ in 0..600 {
        park.step(0.2, &inputs);
    }
    assert!(park.truth(best) < 0.05);
}

#[test]
fn recorded_data_drives_the_enterprise_with_only_a_dcs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("recorded.csv");
    std::fs::write(&path, "time,TT-10101A,other\nx,81.5,3\ny,82.5,9\n").unwrap();
    let plant = Plant::kaifeng();
    let replay = Replay::read(&path, plant, plant.enterprise("410205010").unwrap()).unwrap();
    let mut park = Park::kaifeng(1).with_replay(replay);
    park.step(1.0, &Inputs::default());
    assert_eq!(park.truth(point(&park, "410205010.TT-10101A")), 82.5);
    park.step(1.0, &Inputs::default());
    assert_eq!(park.truth(point(&park, "410205010.TT-10101A")), 81.5);
}
