//! The Modbus driver against scripted bytes: frames split at every byte, wrong transactions, wrong lengths, nonsense,
//! exceptions, silence, and a neighbour that must not notice.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anlan_domain::quality::Quality;
use anlan_drivers::driver::{DeviceNo, DeviceState, PointNo};
use anlan_drivers::modbus::{ByteOrder, DataType, Limits, ModbusDevice, ModbusPoint, ModbusTcp};
use common::Bench;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the peer does with one request.
#[derive(Clone, Debug)]
enum Answer {
    /// The right answer, in pieces cut after these many bytes.
    Split(usize),
    /// These bytes instead of the PDU, under the right header.
    Pdu(Vec<u8>),
    /// The right answer under another transaction number.
    WrongTransaction,
    /// The right answer from another unit.
    WrongUnit,
    /// Bytes that are no frame.
    Noise(Vec<u8>),
    /// Nothing, and the connection stays open.
    Silence,
    /// The right answer, after this long.
    Late(Duration),
    /// The connection is closed.
    Hangup,
}

struct Peer {
    address: String,
    requests: Arc<AtomicU32>,
    _task: JoinSet<()>,
}

impl Peer {
    /// `script` says what to do with request number `n` (from 0) to `unit`; the value read is the number of the request.
    async fn start(script: impl Fn(u32, u8, u16, u16) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(AtomicU32::new(0));
        let (script, counter) = (Arc::new(script), Arc::clone(&requests));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                connections.spawn(converse(stream, Arc::clone(&script), Arc::clone(&counter)));
            }
        });
        Self { address, requests, _task: task }
    }
}

async fn converse<F: Fn(u32, u8, u16, u16) -> Answer>(
    mut stream: TcpStream,
    script: Arc<F>,
    counter: Arc<AtomicU32>,
) {
    let mut request = [0u8; 12];
    while stream.read_exact(&mut request).await.is_ok() {
        let n = counter.fetch_add(1, Ordering::SeqCst);
        let unit = request[6];
        let (first, count) = (
            u16::from_be_bytes([request[8], request[9]]),
            u16::from_be_bytes([request[10], request[11]]),
        );
        let mut pdu = vec![request[7], (count * 2) as u8];
        for i in 0..count {
            pdu.extend_from_slice(&((first + i) ^ (n as u16) << 8).to_be_bytes());
        }
        let frame = |transaction: [u8; 2], unit: u8, pdu: &[u8]| {
            let mut frame = vec![transaction[0], transaction[1], 0, 0];
            frame.extend_from_slice(&(pdu.len() as u16 + 1).to_be_bytes());
            frame.push(unit);
            frame.extend_from_slice(pdu);
            frame
        };
        let transaction = [request[0], request[1]];
        let right = frame(transaction, unit, &pdu);
        let bytes = match script(n, unit, first, count) {
            Answer::Split(at) => {
                let at = at.min(right.len());
                if stream.write_all(&right[..at]).await.is_err() {
                    return;
                }
                stream.flush().await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
                right[at..].to_vec()
            }
            Answer::Pdu(pdu) => frame(transaction, unit, &pdu),
            Answer::WrongTransaction => frame([transaction[0] ^ 0x55, transaction[1]], unit, &pdu),
            Answer::WrongUnit => frame(transaction, unit ^ 1, &pdu),
            Answer::Noise(bytes) => bytes,
            Answer::Silence => continue,
            Answer::Late(after) => {
                tokio::time::sleep(after).await;
                right
            }
            Answer::Hangup => return,
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

fn device(no: u16, unit_id: u8, registers: &[u16]) -> ModbusDevice {
    let points = registers.iter().zip(u32::from(no) * 100..).map(|(address, no)| ModbusPoint {
        no: PointNo(no),
        register: format!("holding:{address}").parse().unwrap(),
        data_type: DataType::U16,
        byte_order: ByteOrder::Abcd,
    });
    ModbusDevice {
        no: DeviceNo(no),
        unit_id,
        scan: Duration::from_millis(20),
        timeout: Duration::from_millis(300),
        limits: Limits { max_registers: 125, max_gap: 0, forbidden: Vec::new() },
        points: points.collect(),
    }
}

#[tokio::test]
async fn an_answer_may_come_in_pieces_cut_anywhere() {
    let peer = Peer::start(|n, _, _, _| Answer::Split(n as usize % 16)).await;
    let mut bench = Bench::start(ModbusTcp::new(peer.address.clone(), vec![device(0, 1, &[7, 8])]));
    for n in 0..32u16 {
        let (_, samples) = bench.scan().await;
        let values: Vec<f64> = samples.iter().map(|s| s.value).collect();
        assert_eq!(values, [f64::from(7 ^ n << 8), f64::from(8 ^ n << 8)], "scan {n}");
    }
    bench.stop().await;
}

/// Whatever a peer says, the value is right or it is bad: never another's.
#[tokio::test]
async fn a_wrong_answer_is_never_taken_for_a_value_and_the_next_scan_recovers() {
    let wrong: Vec<Answer> = vec![
        Answer::WrongTransaction,
        Answer::WrongUnit,
        Answer::Pdu(vec![3, 2, 0, 0]),
        Answer::Pdu(vec![3, 6, 0, 0, 0, 0, 0, 0]),
        Answer::Pdu(vec![3, 3, 0, 0, 0]),
        Answer::Pdu(vec![3, 4, 0, 0]),
        Answer::Pdu(vec![4, 4, 0, 0, 0, 0]),
        Answer::Pdu(vec![3]),
        Answer::Pdu(vec![]),
        Answer::Pdu(vec![0x83]),
        Answer::Pdu(vec![0x84, 2]),
        Answer::Noise(vec![0; 64]),
        Answer::Noise(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        Answer::Noise(vec![0xFF; 7]),
        Answer::Silence,
        Answer::Hangup,
        Answer::Late(Duration::from_millis(500)),
    ];
    for answer in wrong {
        let told = answer.clone();
        let peer =
            Peer::start(move |n, _, _, _| if n == 1 { told.clone() } else { Answer::Split(3) })
                .await;
        let mut bench =
            Bench::start(ModbusTcp::new(peer.address.clone(), vec![device(0, 1, &[7, 8])]));
        let (_, first) = bench.scan().await;
        assert_eq!(first[0].value, 7.0);
        let mut recovered = 0;
        let start = Instant::now();
        while recovered < 3 {
            assert!(start.elapsed() < Duration::from_secs(20), "{answer:?}");
            let (_, samples) = bench.scan().await;
            if samples[0].quality.is_bad() {
                assert!(samples[0].value.is_nan());
                continue;
            }
            // The low byte is the register asked for, the high byte the number of the request, which never is 1.
            for (sample, register) in samples.iter().zip([7u16, 8]) {
                let value = sample.value as u16;
                assert_eq!(value & 0xFF, register, "{answer:?}");
                assert!(value >> 8 > 1, "{answer:?}: {value:#06x}");
            }
            recovered += 1;
        }
        assert!(bench.states[&DeviceNo(0)].is_connected(), "{answer:?}");
        bench.stop().await;
    }
}

#[tokio::test]
async fn exceptions_are_told_apart() {
    for (code, quality, connected) in [
        (1, Quality::CONFIG_ERROR, true),
        // Everything there is to ask for is refused.
        (2, Quality::CONFIG_ERROR, false),
        (3, Quality::CONFIG_ERROR, false),
        (4, Quality::DEVICE_FAILURE, true),
        (6, Quality::COMM_FAILURE, true),
        (8, Quality::DEVICE_FAILURE, true),
        (0x0A, Quality::COMM_FAILURE, false),
        (0x0B, Quality::COMM_FAILURE, false),
        (0x77, Quality::COMM_FAILURE, true),
    ] {
        let peer = Peer::start(move |_, _, _, _| Answer::Pdu(vec![0x83, code])).await;
        let mut bench =
            Bench::start(ModbusTcp::new(peer.address.clone(), vec![device(0, 1, &[7])]));
        let (_, samples) = bench.scan().await;
        assert_eq!(samples[0].quality, quality, "exception {code}");
        assert_eq!(bench.states[&DeviceNo(0)].is_connected(), connected, "exception {code}");
        bench.stop().await;
    }
}

#[tokio::test]
async fn a_device_that_allows_only_short_reads_is_found_out() {
    // It refuses more than 4 registers as an illegal value, though the configuration does not know.
    let peer = Peer::start(
        |_, _, _, count| if count > 4 { Answer::Pdu(vec![0x83, 3]) } else { Answer::Split(1) },
    )
    .await;
    let registers: Vec<u16> = (0..40).collect();
    let mut bench =
        Bench::start(ModbusTcp::new(peer.address.clone(), vec![device(0, 1, &registers)]));
    let (_, samples) = bench.scan().await;
    assert!(samples.iter().all(|s| s.quality == Quality::GOOD), "{samples:?}");
    let before = peer.requests.load(Ordering::SeqCst);
    bench.scan().await;
    let per_scan = peer.requests.load(Ordering::SeqCst) - before;
    assert!(per_scan <= 17, "what was learned is kept: {per_scan} requests");
    bench.stop().await;
}

#[tokio::test]
async fn a_silent_device_delays_no_other() {
    let silent = Peer::start(|_, _, _, _| Answer::Silence).await;
    let lively = Peer::start(|_, _, _, _| Answer::Split(2)).await;
    let mut dead = Bench::start(ModbusTcp::new(silent.address.clone(), vec![device(0, 1, &[0])]));
    let mut alive = Bench::start(ModbusTcp::new(lively.address.clone(), vec![device(1, 1, &[0])]));
    let (_, samples) = dead.scan().await;
    assert_eq!(samples[0].quality, Quality::COMM_FAILURE);
    assert!(matches!(dead.states[&DeviceNo(0)], DeviceState::Lost { .. }));
    alive.scan().await;
    let start = Instant::now();
    for _ in 0..25 {
        let (_, samples) = alive.scan().await;
        assert_eq!(samples[0].quality, Quality::GOOD);
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "25 scans of 20 ms took {:?}",
        start.elapsed()
    );
    dead.stop().await;
    alive.stop().await;
}

#[tokio::test]
async fn a_silent_unit_costs_its_neighbour_on_the_line_ever_less() {
    let peer =
        Peer::start(|_, unit, _, _| if unit == 2 { Answer::Silence } else { Answer::Split(2) })
            .await;
    let mut bench = Bench::start(ModbusTcp::new(
        peer.address.clone(),
        vec![device(0, 1, &[0]), device(1, 2, &[0])],
    ));
    let (mut good, mut bad) = (0, 0);
    let start = Instant::now();
    while good < 60 {
        let (device, samples) = bench.scan().await;
        match device {
            DeviceNo(0) => {
                assert_eq!(samples[0].quality, Quality::GOOD, "the neighbour stays good");
                good += 1;
            }
            _ => {
                assert_eq!(samples[0].quality, Quality::COMM_FAILURE);
                bad += 1;
            }
        }
    }
    assert!(bad > 10, "the silent unit is reported every scan too: {bad}");
    assert!(
        bench.states[&DeviceNo(0)].is_connected() && !bench.states[&DeviceNo(1)].is_connected()
    );
    // 60 scans of 20 ms and a few tries of 300 ms; a try every scan would take 18 s.
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    bench.stop().await;
}

/// Starts the units on one line, of which those in `dead` do `what` to every request, and waits until each of the others has
/// been read often, and never in vain.
async fn check_the_living_are_read(units: &[u8], dead: &'static [u8], what: Answer) {
    let told = what.clone();
    let peer = Peer::start(
        move |_, unit, _, _| {
            if dead.contains(&unit) { told.clone() } else { Answer::Split(2) }
        },
    )
    .await;
    let devices = units.iter().zip(0..).map(|(&unit, no)| device(no, unit, &[0])).collect();
    let mut bench = Bench::start(ModbusTcp::new(peer.address.clone(), devices));
    let mut good = vec![0; units.len()];
    let start = Instant::now();
    let living = |no: usize| !dead.contains(&units[no]);
    while (0..units.len()).any(|no| living(no) && good[no] < 20) {
        let (device, samples) = bench.scan().await;
        let no = usize::from(device.0);
        let expected = if living(no) { Quality::GOOD } else { Quality::COMM_FAILURE };
        assert_eq!(samples[0].quality, expected, "unit {} of {units:?}, {what:?}", units[no]);
        good[no] += 1;
        assert!(start.elapsed() < Duration::from_secs(30), "{good:?} of {units:?}, {what:?}");
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_unit_that_never_answered_locks_nobody_out() {
    for what in [Answer::Silence, Answer::Hangup] {
        check_the_living_are_read(&[1, 2], &[1], what.clone()).await;
        check_the_living_are_read(&[2, 1], &[1], what.clone()).await;
        check_the_living_are_read(&[1, 2, 3], &[1, 2], what.clone()).await;
        check_the_living_are_read(&[1, 3, 2], &[1, 2], what).await;
    }
}

#[tokio::test]
async fn a_unit_that_falls_silent_locks_nobody_out() {
    let dead = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&dead);
    let peer = Peer::start(move |_, unit, _, _| {
        if unit == 1 && told.load(Ordering::SeqCst) { Answer::Silence } else { Answer::Split(2) }
    })
    .await;
    let devices = vec![device(0, 1, &[0]), device(1, 2, &[0])];
    let mut bench = Bench::start(ModbusTcp::new(peer.address.clone(), devices));
    let good = |no: u16, yes: bool| {
        move |device: DeviceNo, s: &[anlan_drivers::driver::Sample]| {
            device == DeviceNo(no) && s[0].quality.is_bad() != yes
        }
    };
    bench.scan_where("unit 1", good(0, true)).await;
    dead.store(true, Ordering::SeqCst);
    bench.scan_where("unit 1 lost", good(0, false)).await;
    let why = format!("{:?}", bench.states[&DeviceNo(0)]);
    assert!(why.contains("Lost") && why.contains("holding:0"), "{why}");
    for _ in 0..20 {
        let (device, samples) = bench.scan().await;
        assert!(device == DeviceNo(0) || samples[0].quality == Quality::GOOD, "{samples:?}");
    }
    dead.store(false, Ordering::SeqCst);
    bench.scan_where("unit 1 back", good(0, true)).await;
    bench.stop().await;
}

/// Requests of a scan, rounded over ten, for the count may be taken in the middle of one.
async fn requests_of_a_scan(bench: &mut Bench, peer: &Peer) -> u32 {
    bench.scan().await;
    let before = peer.requests.load(Ordering::SeqCst);
    for _ in 0..10 {
        bench.scan().await;
    }
    (peer.requests.load(Ordering::SeqCst) - before + 5) / 10
}

#[tokio::test]
async fn one_lost_answer_costs_one_scan() {
    // Two requests a scan; one answer in the middle of a scan is lost, once.
    let lost = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&lost);
    let peer = Peer::start(move |_, _, first, _| {
        if first == 100 && told.swap(false, Ordering::SeqCst) {
            Answer::Silence
        } else {
            Answer::Split(2)
        }
    })
    .await;
    let mut bench =
        Bench::start(ModbusTcp::new(peer.address.clone(), vec![device(0, 1, &[0, 100])]));
    assert_eq!(requests_of_a_scan(&mut bench, &peer).await, 2);
    lost.store(true, Ordering::SeqCst);
    let samples = bench.scan_where("the lost answer", |_, s| s[1].quality.is_bad()).await;
    assert_eq!((samples[0].quality, samples[1].quality), (Quality::GOOD, Quality::COMM_FAILURE));
    for _ in 0..5 {
        let (_, samples) = bench.scan().await;
        assert!(samples.iter().all(|s| s.quality == Quality::GOOD), "{samples:?}");
    }
    assert_eq!(requests_of_a_scan(&mut bench, &peer).await, 2);
    assert!(bench.states[&DeviceNo(0)].is_connected());
    bench.stop().await;
}

/// A device that drops requests for `illegal`, as many do, with or without other requests to be known by.
async fn check_an_unanswered_address(registers: &[u16], illegal: u16) {
    let peer = Peer::start(move |_, _, first, count| {
        if (first..first + count).contains(&illegal) { Answer::Silence } else { Answer::Split(2) }
    })
    .await;
    let mut quick = device(0, 1, registers);
    quick.timeout = Duration::from_millis(150);
    let mut bench = Bench::start(ModbusTcp::new(peer.address.clone(), vec![quick]));
    let at = registers.iter().position(|r| *r == illegal).unwrap();
    let samples = bench
        .scan_where("all but one", |_, samples| {
            samples.iter().enumerate().all(|(i, s)| s.quality.is_bad() == (i == at))
                && samples[at].quality == Quality::CONFIG_ERROR
        })
        .await;
    assert_eq!(samples.len(), registers.len());
    assert!(bench.states[&DeviceNo(0)].is_connected(), "{:?}", bench.states);
    bench.stop().await;
}

#[tokio::test]
async fn an_address_that_is_left_unanswered_costs_only_its_own_point() {
    // In the first of two requests, in the second, first and last of the only one.
    check_an_unanswered_address(&[0, 1, 2, 3, 100, 101], 2).await;
    check_an_unanswered_address(&[0, 1, 100, 101, 102], 101).await;
    check_an_unanswered_address(&[0, 1, 2, 3], 0).await;
    check_an_unanswered_address(&[0, 1, 2, 3], 3).await;
}

#[tokio::test]
async fn a_device_that_refuses_everything_for_a_while_is_as_before_soon_after() {
    let loading = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&loading);
    let peer = Peer::start(move |_, _, _, _| {
        if told.load(Ordering::SeqCst) { Answer::Pdu(vec![0x83, 2]) } else { Answer::Split(2) }
    })
    .await;
    let registers: Vec<u16> = (0..40).chain(100..110).collect();
    let mut bench =
        Bench::start(ModbusTcp::new(peer.address.clone(), vec![device(0, 1, &registers)]));
    assert_eq!(requests_of_a_scan(&mut bench, &peer).await, 2);
    loading.store(true, Ordering::SeqCst);
    let mut refused = 0;
    while refused < 5 {
        let (_, samples) = bench.scan().await;
        refused += usize::from(samples.iter().all(|s| s.quality == Quality::CONFIG_ERROR));
    }
    let DeviceState::Lost { why } = &bench.states[&DeviceNo(0)] else {
        panic!("a device of which nothing can be read is shown as connected")
    };
    assert!(why.contains("holding:0-39") && why.contains("exception 2"), "{why}");
    loading.store(false, Ordering::SeqCst);
    let start = Instant::now();
    bench.scan_where("all good", |_, s| s.iter().all(|s| s.quality == Quality::GOOD)).await;
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    assert!(bench.states[&DeviceNo(0)].is_connected());
    assert_eq!(requests_of_a_scan(&mut bench, &peer).await, 2, "nothing was cut for good");
    bench.stop().await;
}

#[tokio::test]
async fn a_part_that_is_refused_for_a_while_is_joined_again() {
    let loading = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&loading);
    // The second half is reloaded; register 5 is illegal for good.
    let peer = Peer::start(move |_, _, first, count| {
        let asked = first..first + count;
        let reloaded = told.load(Ordering::SeqCst) && first + count > 20;
        if reloaded || asked.contains(&5) { Answer::Pdu(vec![0x83, 2]) } else { Answer::Split(2) }
    })
    .await;
    let registers: Vec<u16> = (0..40).collect();
    let mut bench =
        Bench::start(ModbusTcp::new(peer.address.clone(), vec![device(0, 1, &registers)]));
    let bad = |samples: &[anlan_drivers::driver::Sample]| {
        samples.iter().filter(|s| s.quality.is_bad()).count()
    };
    bench.scan_where("all but one", |_, s| bad(s) == 1).await;
    loading.store(true, Ordering::SeqCst);
    bench.scan_where("half", |_, s| bad(s) == 21).await;
    loading.store(false, Ordering::SeqCst);
    bench.scan_where("all but one again", |_, s| bad(s) == 1).await;
    let start = Instant::now();
    // Around the illegal address two requests are enough; it is asked for at times itself.
    while requests_of_a_scan(&mut bench, &peer).await > 2 {
        assert!(start.elapsed() < Duration::from_secs(30), "never joined again");
    }
    bench.stop().await;
}
