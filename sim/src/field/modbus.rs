//! Modbus TCP servers of the enterprises, on tokio-modbus' server half.
//!
//! They answer as strict devices do: exception 2 for any register that the map does not have, exception 3 for a read longer
//! than the device allows, exception 0x0B for a unit id that is not there, exception 1 for everything but reading.
//! Nothing can be written: the gateway is on the safe side of the plant.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_util::sync::CancellationToken;

use crate::plant::{Address, Form, Plant, Protocol, Table, WordOrder};

use super::image::FieldImage;

/// What the standard allows in one request (Modbus application protocol V1.1b3, 6.2–6.4).
const REGISTERS_MAX: u16 = 125;
const BITS_MAX: u16 = 2_000;

/// Starts one server on a free loopback port.
///
/// # Errors
/// When the system gives no port.
pub async fn start(
    plant: &'static Plant,
    server: usize,
    image: FieldImage,
    stop: CancellationToken,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let device = Arc::new(Devices::new(plant, server, image));
    let name = plant.servers[server].name.as_str();
    tokio::spawn(async move {
        let new_service = |_| Ok(Some(Arc::clone(&device)));
        let on_connected =
            |stream, peer| async move { accept_tcp_connection(stream, peer, new_service) };
        let on_error = move |error: io::Error| tracing::debug!(%error, server = name, "a Modbus connection ended");
        let running = Server::new(listener)
            .serve_until(&on_connected, on_error, stop.cancelled_owned())
            .await;
        if let Err(error) = running {
            tracing::error!(%error, server = name, "a Modbus server ended");
        }
    });
    Ok(address)
}

/// One register or bit: which point, and which of its words.
#[derive(Clone, Copy, Debug)]
struct Cell {
    point: usize,
    word: usize,
    form: Form,
}

/// The units behind one TCP server.
struct Devices {
    units: HashMap<u8, HashMap<(Table, u16), Cell>>,
    reads_up_to: u16,
    image: FieldImage,
}

impl Devices {
    fn new(plant: &Plant, server: usize, image: FieldImage) -> Self {
        let mut units: HashMap<u8, HashMap<(Table, u16), Cell>> = HashMap::new();
        for (index, point) in plant.points.iter().enumerate() {
            let device = &plant.devices[point.device];
            if device.server != server {
                continue;
            }
            if let Address::Modbus { table, number, form } = point.address {
                let cells = units.entry(device.unit_id).or_default();
                for word in 0..point.register_count() {
                    cells.insert(
                        (table, number + word),
                        Cell { point: index, word: usize::from(word), form },
                    );
                }
            }
        }
        let reads_up_to = match plant.servers[server].protocol {
            Protocol::Modbus { reads_up_to: Some(most) } => most,
            _ => REGISTERS_MAX,
        };
        Self { units, reads_up_to, image }
    }

    fn answer(&self, unit: u8, request: &Request<'_>) -> Result<Response, ExceptionCode> {
        let cells = self.units.get(&unit).ok_or(ExceptionCode::GatewayTargetDevice)?;
        match *request {
            Request::ReadHoldingRegisters(first, count) => Ok(Response::ReadHoldingRegisters(
                self.words(cells, Table::Holding, first, count)?,
            )),
            Request::ReadInputRegisters(first, count) => {
                Ok(Response::ReadInputRegisters(self.words(cells, Table::Input, first, count)?))
            }
            Request::ReadDiscreteInputs(first, count) => {
                let bits = self.words_up_to(cells, Table::Discrete, first, count, BITS_MAX)?;
                Ok(Response::ReadDiscreteInputs(bits.into_iter().map(|word| word != 0).collect()))
            }
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }

    fn words(
        &self,
        cells: &HashMap<(Table, u16), Cell>,
        table: Table,
        first: u16,
        count: u16,
    ) -> Result<Vec<u16>, ExceptionCode> {
        self.words_up_to(cells, table, first, count, self.reads_up_to)
    }

    fn words_up_to(
        &self,
        cells: &HashMap<(Table, u16), Cell>,
        table: Table,
        first: u16,
        count: u16,
        most: u16,
    ) -> Result<Vec<u16>, ExceptionCode> {
        if count == 0 || count > most {
            return Err(ExceptionCode::IllegalDataValue);
        }
        let end = first.checked_add(count).ok_or(ExceptionCode::IllegalDataAddress)?;
        // Both words of a number must be of the same value, or a reader would see one that never was.
        let mut last = None;
        (first..end)
            .map(|number| {
                let cell = cells.get(&(table, number)).ok_or(ExceptionCode::IllegalDataAddress)?;
                let value = match last {
                    Some((point, value)) if point == cell.point => value,
                    _ => self.image.get(cell.point),
                };
                last = Some((cell.point, value));
                Ok(word_of(cell, value))
            })
            .collect()
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a register is what it is"
)]
fn word_of(cell: &Cell, value: f64) -> u16 {
    match cell.form {
        Form::F32(order) => words_of(value as f32, order)[cell.word],
        Form::Raw { scale, offset } => {
            ((value - offset) / scale).round().clamp(0.0, f64::from(u16::MAX)) as u16
        }
        Form::State | Form::Bit => value.round().clamp(0.0, f64::from(u16::MAX)) as u16,
    }
}

/// The two registers of a single in one of the four orders that makers use.
fn words_of(value: f32, order: WordOrder) -> [u16; 2] {
    let [a, b, c, d] = value.to_be_bytes();
    let (first, second) = match order {
        WordOrder::ABCD => ([a, b], [c, d]),
        WordOrder::CDAB => ([c, d], [a, b]),
        WordOrder::BADC => ([b, a], [d, c]),
        WordOrder::DCBA => ([d, c], [b, a]),
    };
    [u16::from_be_bytes(first), u16::from_be_bytes(second)]
}

impl Service for Devices {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        ready(self.answer(request.slave, &request.request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_stands_in_four_orders() {
        // 1.0e-3 is 3A 83 12 6F.
        for (order, words) in [
            (WordOrder::ABCD, [0x3A83, 0x126F]),
            (WordOrder::CDAB, [0x126F, 0x3A83]),
            (WordOrder::BADC, [0x833A, 0x6F12]),
            (WordOrder::DCBA, [0x6F12, 0x833A]),
        ] {
            assert_eq!(words_of(1.0e-3, order), words, "{order:?}");
        }
    }
}
