//! The serial port: claimed by one process at a time, opened and left without holding up anything else.

use tokio_serial::{ErrorKind, FlowControl, SerialPortBuilderExt, SerialStream};

use super::ModemConfig;
use super::at::At;

/// Opens and claims the port (TIOCEXCL and flock, so that a superuser's program meets a closed door as well).
pub async fn open(config: &ModemConfig) -> Result<SerialStream, String> {
    let place = config.port.display().to_string();
    let flow = if config.hardware_flow { FlowControl::Hardware } else { FlowControl::None };
    let builder = tokio_serial::new(place.clone(), config.baud).flow_control(flow);
    // A driver may hold whoever opens the port of a device that is half gone.
    let opening = tokio::task::spawn_blocking(move || builder.open_native_async());
    let opened = match tokio::time::timeout(config.timeout, opening).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return Err(format!("cannot open {place}: {error}")),
        Err(_) => {
            return Err(format!("cannot open {place}: no answer within {:?}", config.timeout));
        }
    };
    opened.map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::NoDevice => "; another program has it, or the modem is gone",
            ErrorKind::Io(std::io::ErrorKind::NotFound) => "; is the modem plugged in?",
            ErrorKind::Io(std::io::ErrorKind::PermissionDenied) => {
                "; take this program's user into the port's group, mostly dialout"
            }
            _ => "",
        };
        format!("cannot open {place}: {error}{remedy}")
    })
}

/// Leaves a line. Closing waits for what the modem does not take any more, up to half a minute.
pub fn leave(at: At<SerialStream>) {
    drop(tokio::task::spawn_blocking(move || drop(at)));
}
