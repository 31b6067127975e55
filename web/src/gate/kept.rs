//! A figure that is asked for often and may be some seconds old, so that no number of askers makes more than one query of it.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How old a figure may be where nobody said that it changed: another process may have imported a plant.
const FRESH_FOR: Duration = Duration::from_secs(10);

/// A figure as it was read last.
pub(super) struct Kept<T> {
    fresh_for: Duration,
    read: Mutex<Option<(Instant, T)>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { fresh_for: FRESH_FOR, read: Mutex::new(None) }
    }
}

impl<T: Clone> Kept<T> {
    /// The figure, read anew where it is too old. Whoever asks meanwhile waits for the same reading.
    pub(super) async fn get<E>(&self, read: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut kept = self.read.lock().await;
        if let Some((at, value)) = &*kept
            && at.elapsed() < self.fresh_for
        {
            return Ok(value.clone());
        }
        let value = read.await?;
        *kept = Some((Instant::now(), value.clone()));
        Ok(value)
    }

    /// What it counts has changed.
    pub(super) async fn forget(&self) {
        *self.read.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_figure_is_read_once_until_it_is_old_or_forgotten() {
        let kept = Kept::default();
        let read = |n: u32| async move { Ok::<u32, ()>(n) };
        assert_eq!(kept.get(read(1)).await, Ok(1));
        assert_eq!(kept.get(read(2)).await, Ok(1));
        assert_eq!(kept.get(async { Err(()) }).await, Ok(1), "nothing was read");
        kept.forget().await;
        assert_eq!(kept.get(async { Err(()) }).await, Err(()));
        assert_eq!(kept.get(read(3)).await, Ok(3));
        let old = Kept { fresh_for: Duration::ZERO, ..Kept::default() };
        assert_eq!((old.get(read(1)).await, old.get(read(2)).await), (Ok(1), Ok(2)));
    }
}
