//! Where in its device each point is read.
//!
//! Register maps are made as untidy as real ones: eight values, then a hole that the device does not answer for;
//! states far away from values; detectors in input registers. A reader that joins requests blindly across holes is told
//! exception 2.

use super::description::{NumberForm, WordOrder};
use super::{Address, Form, Point, Table};

/// Values between two holes, and registers a hole.
const RUN: u16 = 8;
const HOLE: u16 = 6;
/// State numbers begin here in the holding registers.
const STATES_AT: u16 = 2_000;

/// Hands out the registers of one Modbus device.
pub struct RegisterMap {
    order: WordOrder,
    number: NumberForm,
    /// Detectors stand in input registers.
    table: Table,
    next: u16,
    in_run: u16,
    next_state: u16,
    next_bit: u16,
}

impl RegisterMap {
    pub const fn new(order: WordOrder, number: NumberForm, table: Table) -> Self {
        Self { order, number, table, next: 0, in_run: 0, next_state: STATES_AT, next_bit: 0 }
    }

    /// The address of the next point of this device.
    pub fn place(&mut self, range: (f64, f64), states: usize) -> Address {
        match states {
            0 => {
                if self.in_run == RUN {
                    self.next += HOLE;
                    self.in_run = 0;
                }
                let number = self.next;
                let (width, form) = match self.number {
                    NumberForm::F32 => (2, Form::F32(self.order)),
                    NumberForm::U16 => {
                        let scale = (range.1 - range.0) / f64::from(super::ADC_STEPS);
                        (1, Form::Raw { scale, offset: range.0 })
                    }
                };
                self.next += width;
                self.in_run += 1;
                Address::Modbus { table: self.table, number, form }
            }
            2 => {
                let number = self.next_bit;
                self.next_bit += 1;
                Address::Modbus { table: Table::Discrete, number, form: Form::Bit }
            }
            _ => {
                let number = self.next_state;
                self.next_state += 1;
                Address::Modbus { table: Table::Holding, number, form: Form::State }
            }
        }
    }
}

impl Point {
    /// Registers that the point takes.
    #[must_use]
    pub fn register_count(&self) -> u16 {
        match self.address {
            Address::Modbus { form: Form::F32(_), .. } => 2,
            Address::Modbus { .. } => 1,
            Address::OpcUa { .. } => 0,
        }
    }
}
