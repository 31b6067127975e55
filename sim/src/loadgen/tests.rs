//! The load generator says what a gateway says, and counts honestly.

use std::time::{SystemTime, UNIX_EPOCH};

use anlan_domain::time::{MonoMillis, UtcMillis};
use anlan_domain::uplink::{
    Acks, Boot, Header, Hello, Kind, Lane, ReadingsView, Refuse, Table, Welcome, open,
    read_payload, seal, write_payload,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use super::frame::Template;
use super::*;

fn clock_us() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

#[test]
fn prepared_frames_are_frames_and_cross_as_often_as_stated() {
    let boot = Boot([3; 16]);
    let mut template = Template::new(boot, 77, 480, 1.0, 0.1, 9);
    let (mut began, mut ended) = (0, 0);
    let mut last = vec![0.0; 480];
    for seq in 1..=600 {
        let mut crossed = Vec::new();
        let bytes =
            template.next_frame(seq, 1_000 + i64::try_from(seq).unwrap(), seq, &mut crossed);
        let (header, payload) = open(&bytes).unwrap();
        assert_eq!((header.seq, header.boot, header.mono.0), (seq, boot, seq));
        let view = ReadingsView::new(payload).unwrap();
        assert_eq!((view.table, view.count()), (77, 480));
        let group = view.groups().next().unwrap();
        for (row, over) in crossed {
            let value = group.value(row as usize);
            assert_eq!(value >= HIGH_LIMIT, over, "row {row} reads {value}");
            if over { began += 1 } else { ended += 1 }
        }
        let now: Vec<f64> = (0..480).map(|i| group.value(i)).collect();
        assert!(now.iter().zip(&last).filter(|(a, b)| a != b).count() > 300, "values move");
        assert!(now.iter().all(|v| (0.0..=100.0).contains(v)));
        last = now;
    }
    // 480 points × 0.1 a minute × 10 minutes.
    assert!((460..=481).contains(&began), "{began}");
    assert!(began - ended <= 5 && ended <= began);
}

#[test]
fn the_noise_of_prepared_frames_is_one_and_a_half_steps() {
    let mut template = Template::new(Boot([0; 16]), 1, 1_000, 1.0, 0.0, 5);
    let mut values = |seq| {
        let bytes = template.next_frame(seq, 0, 0, &mut Vec::new());
        let (_, payload) = open(&bytes).unwrap();
        let group = ReadingsView::new(payload).unwrap().groups().next().unwrap();
        (0..1_000).map(|i| group.value(i) * 40.95).collect::<Vec<_>>()
    };
    let (a, b) = (values(1), values(2));
    let variance = a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / 1_000.0 / 2.0;
    assert!(variance.sqrt() > 1.5 * 0.93, "{}", variance.sqrt());
}

/// A center that acknowledges every second data frame at once and the others after a reconnect.
async fn center(listener: TcpListener, seen: mpsc::UnboundedSender<(Kind, u64, Vec<u8>)>) {
    let mut connections = 0;
    while let Ok((stream, _)) = listener.accept().await {
        connections += 1;
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let control = |kind, payload: &[u8]| {
            let header = Header {
                kind,
                lane: Lane::Live,
                flags: 0,
                boot: Boot([0; 16]),
                seq: 0,
                wall: UtcMillis(0),
                mono: MonoMillis(0),
                epoch: 0,
            };
            Message::Binary(seal(&header, payload).into())
        };
        let mut data = 0;
        while let Some(Ok(message)) = socket.next().await {
            let Message::Binary(bytes) = message else { continue };
            let (header, payload) = open(&bytes).unwrap();
            seen.send((header.kind, header.seq, bytes.to_vec())).unwrap();
            match header.kind {
                Kind::Hello => {
                    let hello: Hello = read_payload(payload).unwrap();
                    assert_eq!(
                        (hello.gateway.as_str(), hello.secret.as_str()),
                        ("41090000001", "s")
                    );
                    let welcome = Welcome {
                        center_wall: UtcMillis(0),
                        acks: Acks::default(),
                        window_frames: 8,
                    };
                    socket.send(control(Kind::Welcome, &write_payload(&welcome))).await.unwrap();
                }
                Kind::Table => assert_eq!(read_payload::<Table>(payload).unwrap().rows.len(), 24),
                _ => {}
            }
            if header.seq > 0 {
                data += 1;
                if connections == 1 && data == 6 {
                    break;
                }
                if connections > 1 || header.seq % 2 == 0 {
                    let acks = Acks {
                        ranges: vec![(header.boot, Lane::Live, vec![(header.seq, header.seq)])],
                    };
                    socket.send(control(Kind::Ack, &write_payload(&acks))).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_over_a_broken_link_and_what_is_sent_again_is_the_same() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/uplink/v1", listener.local_addr().unwrap());
    let (seen, mut frames) = mpsc::unbounded_channel();
    let serving = tokio::spawn(center(listener, seen));
    let options = LoadOptions {
        url,
        fleet: Fleet { gateways: 1, points_each: 24, secret: "s".to_owned() },
        rate_hz: Some(20.0),
        seconds: 1.5,
        crossings_per_minute: 10.0,
        connect_seconds: 20.0,
        drain_seconds: 20.0,
        seed: 1,
    };
    let report = run(options, clock_us, |_| {}, CancellationToken::new()).await.unwrap();
    serving.abort();
    assert_eq!(report.lost_readings, 0);
    assert_eq!(report.acked_readings, report.offered_readings);
    assert!(
        report.offered_readings >= 24 * 10 && report.broken_links >= 1 && report.resent_frames >= 1
    );
    assert!(report.crossings.iter().any(|c| c.began));
    let mut by_seq = std::collections::HashMap::new();
    while let Some((_, seq, bytes)) = frames.recv().await {
        if seq > 0 {
            assert_eq!(by_seq.entry(seq).or_insert_with(|| bytes.clone()), &bytes, "seq {seq}");
        }
    }
    let highest = by_seq.keys().max().copied().unwrap();
    assert!((1..=highest).all(|seq| by_seq.contains_key(&seq)), "no number is skipped");
}

#[tokio::test]
async fn without_a_rate_acknowledgements_set_the_pace() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/uplink/v1", listener.local_addr().unwrap());
    let (seen, frames) = mpsc::unbounded_channel();
    let serving = tokio::spawn(center(listener, seen));
    let options = LoadOptions {
        url,
        fleet: Fleet { gateways: 1, points_each: 24, secret: "s".to_owned() },
        rate_hz: None,
        seconds: 3.0,
        crossings_per_minute: 0.0,
        connect_seconds: 20.0,
        drain_seconds: 20.0,
        seed: 1,
    };
    let report = run(options, clock_us, |_| {}, CancellationToken::new()).await.unwrap();
    serving.abort();
    drop(frames);
    assert_eq!(report.lost_readings, 0);
    assert_eq!(report.held_frames, 0, "no frame is made before there is room for it");
    assert!(report.acked_readings > 24 * 100, "{}", report.acked_readings);
}

fn fleet_of_one(listener: &TcpListener) -> LoadOptions {
    LoadOptions {
        url: format!("ws://{}/uplink/v1", listener.local_addr().unwrap()),
        fleet: Fleet { gateways: 1, points_each: 24, secret: "s".to_owned() },
        rate_hz: None,
        seconds: 60.0,
        connect_seconds: 60.0,
        crossings_per_minute: 0.0,
        drain_seconds: 60.0,
        seed: 1,
    }
}

#[tokio::test]
async fn a_refusal_ends_it_at_once_with_the_centers_words() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let options = fleet_of_one(&listener);
    let refusing = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let header = Header {
            kind: Kind::Refuse,
            lane: Lane::Live,
            flags: 0,
            boot: Boot([0; 16]),
            seq: 0,
            wall: UtcMillis(0),
            mono: MonoMillis(0),
            epoch: 0,
        };
        let refuse = Refuse {
            code: "bad_secret".to_owned(),
            message: "the secret is not the one in the registry".to_owned(),
            retry_after_ms: 60_000,
        };
        let frame = seal(&header, &write_payload(&refuse));
        socket.send(Message::Binary(frame.into())).await.unwrap();
        // Held open: the words alone must do.
        while let Some(Ok(_)) = socket.next().await {}
    });
    let refused = run(options, clock_us, |_| {}, CancellationToken::new()).await.unwrap_err();
    refusing.abort();
    assert_eq!(
        refused.to_string(),
        "the center refuses gateway 41090000001 (bad_secret): the secret is not the one in the registry"
    );
}

#[tokio::test]
async fn a_center_that_nobody_hears_of_is_waited_for_as_long_as_stated() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let options = LoadOptions { connect_seconds: 0.5, ..fleet_of_one(&listener) };
    // It accepts, as the system does for it, and never says a word.
    let late = run(options, clock_us, |_| {}, CancellationToken::new()).await.unwrap_err();
    assert!(
        matches!(&late, LoadError::NotConnected { welcomed: 0, gateways: 1, trouble, .. } if trouble == "nobody answers"),
        "{late}"
    );
}

#[tokio::test]
async fn a_silent_center_does_not_hold_back_whoever_presses_ctrl_c() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let options = fleet_of_one(&listener);
    let (heard, mut frames) = mpsc::unbounded_channel();
    let silent = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            let Message::Binary(bytes) = message else { continue };
            let (header, _) = open(&bytes).unwrap();
            if header.kind == Kind::Hello {
                let welcome =
                    Welcome { center_wall: UtcMillis(0), acks: Acks::default(), window_frames: 8 };
                let answer = Header { kind: Kind::Welcome, ..header };
                let frame = seal(&answer, &write_payload(&welcome));
                socket.send(Message::Binary(frame.into())).await.unwrap();
            }
            heard.send(header.kind).unwrap();
        }
    });
    let stop = CancellationToken::new();
    let running = tokio::spawn(run(options, clock_us, |_| {}, stop.clone()));
    while frames.recv().await.unwrap() != Kind::Readings {}
    let pressed = Instant::now();
    stop.cancel();
    let report = running.await.unwrap().unwrap();
    silent.abort();
    assert!(pressed.elapsed() < Duration::from_secs(20), "not the minute of draining");
    assert_eq!((report.gateways, report.acked_readings), (1, 0));
    assert_eq!(report.lost_readings, report.offered_readings);
}

#[test]
fn the_fleet_writes_a_directory_whose_points_are_those_that_it_sends() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = Fleet::of_sensors(1_000, "s".to_owned());
    assert!(fleet.points() >= 1_000);
    fleet.write_plant(dir.path()).unwrap();
    let mut reader = csv::Reader::from_path(dir.path().join("points.csv")).unwrap();
    let ids: Vec<String> = reader.records().map(|r| r.unwrap()[0].to_owned()).collect();
    assert_eq!(ids.len() as u64, fleet.points());
    assert_eq!(ids[481], fleet.point(1, 1));
    for id in &ids {
        anlan_domain::ids::PointId::new(id).unwrap();
    }
    for file in
        ["regions", "enterprises", "hazard_sources", "equipment", "gateways", "limits", "cameras"]
    {
        let mut reader = csv::Reader::from_path(dir.path().join(format!("{file}.csv"))).unwrap();
        assert!(reader.records().all(|row| row.is_ok()), "{file}");
    }
}
