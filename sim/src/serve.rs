//! Runs the park in real time behind its field servers, with its control.
//!
//! One task keeps the time: every 200 ms it moves the world on, shows the new values to the servers and notes what crossed a
//! limit at the instant from which it can be read. Everything is on loopback. What the simulator cannot do itself, cutting
//! a gateway's link or setting its clock wrong, goes through [`SimHooks`] to the process that runs the gateways.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anlan_domain::ids::GatewayId;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::control;
use crate::field::front::{Front, ServerFault};
use crate::field::image::FieldImage;
use crate::field::opcua::{OpcUaError, OpcUaServer};
use crate::field::{modbus, opcua};
use crate::model::{Park, Replay, ReplayError, SensorFault};
use crate::plant::{Plant, Protocol, ServerAddress};
use crate::recorder::Crossing;
use crate::world::{Effect, Run, StartError, World};

/// How often the world moves.
const TICK: Duration = Duration::from_millis(200);
/// OPC UA values are pushed in every so many ticks, as a control system's own scan would.
const OPC_UA_EVERY: u64 = 2;
/// The enterprise that recorded data drives where nothing is said: it has only a DCS and no model of its own worth keeping.
pub const REPLAYED: &str = "410205010";

/// What the simulator asks of the process that runs the gateways.
pub trait SimHooks: Send + Sync + 'static {
    /// Cuts (`false`) or joins the link between a gateway and the center.
    fn gateway_link(&self, gateway: &GatewayId, up: bool);
    /// Sets the clock of a gateway wrong by so many milliseconds; zero sets it right.
    fn clock_offset(&self, gateway: &GatewayId, offset_ms: i64);
}

/// No gateways in this process: a scenario that needs them says so in the log and does nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoGateways;

impl SimHooks for NoGateways {
    fn gateway_link(&self, gateway: &GatewayId, up: bool) {
        tracing::warn!(gateway.id = %gateway, up, "the simulator runs no gateways: their link cannot be cut here");
    }

    fn clock_offset(&self, gateway: &GatewayId, offset_ms: i64) {
        tracing::warn!(gateway.id = %gateway, offset_ms, "the simulator runs no gateways: their clock cannot be set here");
    }
}

/// How the simulator is run.
pub struct Options {
    /// Same seed, same park.
    pub seed: u64,
    /// Where keys of the OPC UA servers are kept.
    pub data_dir: PathBuf,
    /// Where the HTTP control listens; port 0 takes a free one. Loopback only.
    pub control: SocketAddr,
    /// Recorded data, and the code of the enterprise that it drives.
    pub replay: Option<(PathBuf, String)>,
    /// How many of the ten enterprises are there, the first ones.
    pub enterprises: usize,
    /// Simulated seconds a second.
    pub speed: f64,
    /// What is asked of the gateways.
    pub hooks: Arc<dyn SimHooks>,
    /// The wall clock, milliseconds since 1970 UTC.
    pub clock: fn() -> i64,
}

impl Options {
    /// The usual run: seed 1, real time, a control on a free port, no gateways.
    #[must_use]
    pub fn new(data_dir: PathBuf, clock: fn() -> i64) -> Self {
        Self {
            seed: 1,
            data_dir,
            control: ([127, 0, 0, 1], 0).into(),
            replay: None,
            enterprises: Plant::kaifeng().enterprises.len(),
            speed: 1.0,
            hooks: Arc::new(NoGateways),
            clock,
        }
    }
}

/// Why the simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// No port.
    #[error("cannot listen for {what}")]
    Listen {
        /// For whom.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The control would be open to others.
    #[error("the simulator's control listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// An OPC UA server did not start.
    #[error(transparent)]
    OpcUa(#[from] OpcUaError),
    /// The recording cannot be used.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The recording is for nobody.
    #[error("no enterprise {0:?} is there to be driven by the recording")]
    ReplayedEnterprise(String),
}

/// The running simulator. Ends with the shutdown token that it was started with.
pub struct RunningSim {
    /// What stands there.
    pub plant: &'static Plant,
    /// Field servers, in the order of [`Plant::servers`].
    pub servers: Vec<ServerAddress>,
    /// The HTTP control.
    pub control: SocketAddr,
    /// The same control, called directly.
    pub handle: SimHandle,
}

/// What the HTTP control, the tests and the demo do to a running simulator.
#[derive(Clone)]
pub struct SimHandle(Arc<Shared>);

struct Shared {
    plant: &'static Plant,
    world: Mutex<World>,
    fronts: Vec<Front>,
    hooks: Arc<dyn SimHooks>,
    clock: fn() -> i64,
}

/// Starts field servers, world and control; they run until `shutdown`.
///
/// # Errors
/// When a port, a key or the recording is not to be had.
pub async fn serve(options: Options, shutdown: CancellationToken) -> Result<RunningSim, SimError> {
    if !options.control.ip().is_loopback() {
        return Err(SimError::NotLoopback(options.control));
    }
    let plant = Plant::kaifeng_first(options.enterprises);
    let mut park = Park::new(plant, options.seed);
    if let Some((path, code)) = &options.replay {
        let enterprise =
            plant.enterprise(code).ok_or_else(|| SimError::ReplayedEnterprise(code.clone()))?;
        park = park.with_replay(Replay::read(path, plant, enterprise)?);
    }
    let image = FieldImage::new(park.all_shown());
    let mut world = World::new(park);
    world.set_speed(options.speed);
    let network = start_network(plant, &image, &options.data_dir, &shutdown).await?;
    let shared = Arc::new(Shared {
        plant,
        world: Mutex::new(world),
        fronts: network.fronts,
        hooks: options.hooks,
        clock: options.clock,
    });
    let handle = SimHandle(Arc::clone(&shared));
    let control = control::start(handle.clone(), options.control, shutdown.clone()).await.map_err(
        |source| SimError::Listen { what: "the simulator's control".to_owned(), source },
    )?;
    tokio::spawn(keep_time(shared, image, network.opcua, shutdown));
    Ok(RunningSim { plant, servers: network.addresses, control, handle })
}

struct Network {
    addresses: Vec<ServerAddress>,
    fronts: Vec<Front>,
    opcua: Vec<(usize, OpcUaServer)>,
}

async fn start_network(
    plant: &'static Plant,
    image: &FieldImage,
    data_dir: &std::path::Path,
    shutdown: &CancellationToken,
) -> Result<Network, SimError> {
    let pki = data_dir.join("opcua");
    let mut network = Network { addresses: Vec::new(), fronts: Vec::new(), opcua: Vec::new() };
    for (index, server) in plant.servers.iter().enumerate() {
        let failed = |source| SimError::Listen { what: server.name.clone(), source };
        let (front, listener) = Front::bind().await.map_err(failed)?;
        let mut certificate = None;
        let upstream = match server.protocol {
            Protocol::Modbus { .. } => modbus::start(plant, index, image.clone(), shutdown.clone())
                .await
                .map_err(failed)?,
            Protocol::OpcUa { .. } => {
                let mut started =
                    opcua::start(plant, index, front.address, &pki, shutdown.clone()).await?;
                started.publish(plant, image);
                certificate = Some(started.certificate.clone());
                let address = started.address;
                network.opcua.push((index, started));
                address
            }
        };
        front.relay(listener, upstream, shutdown.clone());
        network.addresses.push(ServerAddress {
            server: server.name.clone(),
            address: front.address,
            certificate,
        });
        network.fronts.push(front);
    }
    Ok(network)
}

/// Moves the world, shows it, notes what crossed.
async fn keep_time(
    shared: Arc<Shared>,
    image: FieldImage,
    mut opcua: Vec<(usize, OpcUaServer)>,
    shutdown: CancellationToken,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = Instant::now();
    let mut number = 0u64;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = Instant::now();
        // A machine that slept must not make the plant leap.
        let real_s = now.duration_since(last).as_secs_f64().min(2.0);
        last = now;
        number += 1;
        let with_opcua = number.is_multiple_of(OPC_UA_EVERY);
        let effects = shared.tick(&image, real_s, with_opcua, &mut opcua);
        for effect in effects {
            shared.carry_out(&effect);
        }
    }
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        // A panic inside the models is a bug that must be seen, but the other half of the park goes on.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(
        &self,
        image: &FieldImage,
        real_s: f64,
        with_opcua: bool,
        opcua: &mut [(usize, OpcUaServer)],
    ) -> Vec<Effect> {
        let mut world = self.world();
        let effects = world.tick(real_s, (self.clock)());
        let is_shown = |point: usize| {
            let server = self.plant.devices[self.plant.points[point].device].server;
            let Some(front) = self.fronts.get(server) else { return false };
            let in_turn = with_opcua
                || matches!(self.plant.servers[server].protocol, Protocol::Modbus { .. });
            in_turn && front.fault() != Some(ServerFault::Freeze)
        };
        let shown: Vec<usize> = (0..self.plant.points.len()).filter(|&p| is_shown(p)).collect();
        for &point in &shown {
            image.set(point, world.park.shown(point));
        }
        if with_opcua {
            for (_, server) in opcua.iter_mut() {
                server.publish(self.plant, image);
            }
        }
        let now = (self.clock)();
        for point in shown {
            world.published(point, now);
        }
        effects
    }

    fn carry_out(&self, effect: &Effect) {
        match *effect {
            Effect::Server(server, fault) => {
                if let Some(front) = self.fronts.get(server) {
                    front.set_fault(fault);
                }
            }
            Effect::GatewayLink(enterprise, up) => {
                self.hooks.gateway_link(&self.plant.enterprises[enterprise].gateway, up);
            }
            Effect::ClockOffset(enterprise, ms) => {
                self.hooks.clock_offset(&self.plant.enterprises[enterprise].gateway, ms);
            }
        }
    }
}

impl SimHandle {
    /// What stands there.
    #[must_use]
    pub fn plant(&self) -> &'static Plant {
        self.0.plant
    }

    /// Starts a scenario and says what it will do.
    ///
    /// # Errors
    /// When it is unknown, runs already, or a parameter cannot be.
    pub fn start(
        &self,
        name: &str,
        parameters: BTreeMap<String, Value>,
    ) -> Result<Run, StartError> {
        self.0.world().start(name, parameters, (self.0.clock)()).cloned()
    }

    /// Stops a scenario; false where it does not run.
    #[must_use]
    pub fn stop(&self, name: &str) -> bool {
        self.0.world().stop(name, (self.0.clock)())
    }

    /// Runs so far, oldest first.
    #[must_use]
    pub fn runs(&self) -> Vec<Run> {
        self.0.world().runs().to_vec()
    }

    /// Crossings after the one numbered `after`.
    #[must_use]
    pub fn crossings_since(&self, after: u64) -> Vec<Crossing> {
        self.0.world().recorder.since(after).cloned().collect()
    }

    /// What is true and what is shown at a point; `None` where there is no such point.
    #[must_use]
    pub fn value(&self, point: &str) -> Option<(f64, f64)> {
        let index = self.0.plant.point(point)?;
        let world = self.0.world();
        Some((world.park.truth(index), world.park.shown(index)))
    }

    /// Lets a field server misbehave, or behave; false where there is no such server.
    #[must_use]
    pub fn set_server_fault(&self, server: &str, fault: Option<ServerFault>) -> bool {
        let found = self.0.plant.servers.iter().zip(&self.0.fronts).find(|(s, _)| s.name == server);
        if let Some((_, front)) = found {
            front.set_fault(fault);
        }
        found.is_some()
    }

    /// Breaks an instrument, or mends it; false where there is no such point.
    #[must_use]
    pub fn set_instrument_fault(&self, point: &str, fault: Option<SensorFault>) -> bool {
        let found = self.0.plant.point(point);
        if let Some(index) = found {
            self.0.world().set_instrument_fault(index, fault);
        }
        found.is_some()
    }

    /// Faults of field servers: name, address and fault.
    #[must_use]
    pub fn server_faults(&self) -> Vec<(String, SocketAddr, Option<ServerFault>)> {
        let fronts = self.0.plant.servers.iter().zip(&self.0.fronts);
        fronts.map(|(server, front)| (server.name.clone(), front.address, front.fault())).collect()
    }

    /// Broken instruments.
    #[must_use]
    pub fn instrument_faults(&self) -> Vec<(String, SensorFault)> {
        let world = self.0.world();
        let faults = world.instrument_faults().iter();
        faults.map(|(point, fault)| (self.0.plant.points[*point].id.to_string(), *fault)).collect()
    }

    /// Simulated seconds a second.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.0.world().speed()
    }

    /// Lets time run faster or slower.
    pub fn set_speed(&self, speed: f64) {
        self.0.world().set_speed(speed);
    }

    /// Simulated seconds since the start, wind speed and where it comes from.
    #[must_use]
    pub fn weather(&self) -> (f64, f64, f64) {
        let world = self.0.world();
        let (speed, from) = world.park.wind();
        (world.park.elapsed_s(), speed, from)
    }
}
