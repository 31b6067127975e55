//! A point that moves to another host takes its book along: no identity of an alarm is used twice.

use anlan_actors::host::Rulebook;
use anlan_domain::alarm::AlarmSubject;
use anlan_domain::alarm_book::AlarmBook;
use anlan_domain::log::{Command, HostConfig, HostNo};

use crate::plant::{Logged, Plant, config, hazard_config};

/// A hazard source with some of the tags LT-0 to LT-3.
fn hazard(points: &[u32]) -> HostConfig {
    let mut hazard = HostConfig { host: HostNo(8), ..hazard_config(4) };
    let mut n = 0;
    hazard.points.retain(|_| {
        n += 1;
        points.contains(&(n - 1))
    });
    hazard
}

fn configure(plant: &mut Plant, config: HostConfig) {
    let received = plant.received();
    plant.put(Logged::Configured { config, received }).unwrap();
}

fn books(plant: &Plant) -> Vec<(AlarmSubject, AlarmBook)> {
    let subject = |tag: &str| AlarmSubject(format!("410205001.{tag}").into());
    plant.host.books_left().map(|(tag, book)| (subject(tag), book.clone())).collect()
}

fn take_over(plant: &mut Plant, books: Vec<(AlarmSubject, AlarmBook)>) {
    let received = plant.received();
    plant.put(Logged::Command { command: Command::TakeOver { books }, received }).unwrap();
}

#[test]
fn a_point_that_moves_to_another_host_goes_on_with_its_numbers_and_what_waits_for_a_person() {
    let mut old = Plant::new(4);
    old.live(1_000, 0, &[85.0, 50.0, 50.0, 50.0]);
    old.live(2_000, 0, &[50.0, 50.0, 50.0, 50.0]);
    old.live(3_000, 0, &[85.0, 50.0, 50.0, 50.0]);
    old.acknowledge("410205001.LT-0|H|1").unwrap();
    let mut without = config(4);
    without.points.remove(0);
    configure(&mut old, without.clone());
    assert_eq!(old.take_story().last().unwrap(), "LT-0|H|2 cleared PointRemoved @3000");

    let mut new = Plant::configured(hazard(&[3]));
    take_over(&mut new, books(&old));
    configure(&mut new, hazard(&[0, 3]));
    // What waits is acknowledged where the point is now, once.
    new.acknowledge("410205001.LT-0|H|1").unwrap_err();
    new.acknowledge("410205001.LT-0|H|2").unwrap();
    new.acknowledge("410205001.LT-0|H|2").unwrap_err();
    new.live(4_000, 0, &[85.0]);
    assert_eq!(
        new.take_story(),
        ["LT-0|H|2 acknowledged by wang.li @0", "LT-0|H|3 raised at 85 @4000"]
    );

    // And back again, with what has happened there.
    configure(&mut new, hazard(&[3]));
    take_over(&mut old, books(&new));
    configure(&mut old, config(4));
    old.acknowledge("410205001.LT-0|H|2").unwrap_err();
    old.acknowledge("410205001.LT-0|H|3").unwrap();
    old.live(5_000, 0, &[85.0]);
    assert_eq!(old.take_story().last().unwrap(), "LT-0|H|4 raised at 85 @5000");
    for plant in [&old, &new] {
        for k in 1..=plant.log.len() {
            let (_, checkpoint) = plant.replayed(Rulebook, Rulebook, k);
            assert_eq!(checkpoint, plant.host.checkpoint(), "crash after {k}");
        }
    }
}

#[test]
fn a_book_that_comes_twice_or_late_brings_no_number_back() {
    let mut old = Plant::new(4);
    for at in [1_000, 3_000, 5_000] {
        old.live(at, 0, &[85.0]);
        old.live(at + 1_000, 0, &[50.0]);
    }
    configure(&mut old, HostConfig { points: Vec::new(), ..config(4) });
    let books = books(&old);
    let mut new = Plant::configured(hazard(&[]));
    take_over(&mut new, books.clone());
    new.acknowledge("410205001.LT-0|H|2").unwrap();
    // The center crashed in between and does it again, before and after the configuration.
    take_over(&mut new, books.clone());
    configure(&mut new, hazard(&[0]));
    new.acknowledge("410205001.LT-0|H|1").unwrap();
    take_over(&mut new, books.clone());
    new.acknowledge("410205001.LT-0|H|1").unwrap_err();
    new.acknowledge("410205001.LT-0|H|2").unwrap_err();
    assert_eq!(new.host.roll_up().returned_unacknowledged, 1);
    new.live(8_000, 0, &[85.0]);
    assert_eq!(new.take_story().last().unwrap(), "LT-0|H|4 raised at 85 @8000");
    // A book of another enterprise has no point here.
    let foreign = books.into_iter().map(|(_, book)| (AlarmSubject("410205002.LT-0".into()), book));
    take_over(&mut new, foreign.collect());
    assert_eq!(new.host.counters().refused_books, 1);
}
