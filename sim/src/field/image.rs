//! What the instruments show now: one number a point, written by the model and read by the servers without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Shown values by point. Cheap to clone: all clones are the same image.
#[derive(Clone, Debug)]
pub struct FieldImage(Arc<[AtomicU64]>);

impl FieldImage {
    /// An image of `values`.
    #[must_use]
    pub fn new(values: &[f64]) -> Self {
        Self(values.iter().map(|v| AtomicU64::new(v.to_bits())).collect())
    }

    /// The value of a point.
    #[must_use]
    pub fn get(&self, point: usize) -> f64 {
        f64::from_bits(self.0[point].load(Ordering::Relaxed))
    }

    /// Shows a new value. Points are independent: nobody may read an order between two of them out of this.
    pub fn set(&self, point: usize, value: f64) {
        self.0[point].store(value.to_bits(), Ordering::Relaxed);
    }
}
