//! Journal and state in memory. `open` gives the door of one life; `kill` closes it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anlan_domain::log::HostNo;
use anlan_domain::time::UtcMillis;
use anlan_store::journal::{Journal, JournalError, Offset, Record, Segment};
use anlan_store::state::{AlarmRecord, AlarmSeq, HostCommit, StateError, StateStore};
use async_trait::async_trait;
use bytes::Bytes;

/// What would be on disk.
#[derive(Default)]
pub struct Disk {
    pub records: Mutex<Vec<Record>>,
    pub alarms: Mutex<Vec<Arc<AlarmRecord>>>,
    pub checkpoints: Mutex<BTreeMap<HostNo, (Offset, Bytes)>>,
    pub documents: Mutex<BTreeMap<String, Bytes>>,
    pub full: AtomicBool,
    /// Records that were trimmed: nobody may read them any more.
    pub trimmed: AtomicU64,
}

/// The door of one life.
#[derive(Clone)]
pub struct Door {
    pub disk: Arc<Disk>,
    alive: Arc<AtomicBool>,
}

impl Door {
    pub fn open(disk: &Arc<Disk>) -> Self {
        Self { disk: disk.clone(), alive: Arc::new(AtomicBool::new(true)) }
    }

    pub fn kill(&self) {
        self.alive.store(false, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), JournalError> {
        if self.alive.load(Ordering::SeqCst) { Ok(()) } else { Err(JournalError::Failed) }
    }

    fn check_state(&self) -> Result<(), StateError> {
        self.check().map_err(|error| StateError::Write(Box::new(error)))
    }
}

#[async_trait]
impl Journal for Door {
    async fn append(&self, batch: Vec<Record>) -> Result<Offset, JournalError> {
        self.check()?;
        // An fsync: others run meanwhile, and the life may end before or after the write.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.check()?;
        if self.disk.full.load(Ordering::SeqCst) {
            return Err(JournalError::NoRoom { free: 0, reserved: 1 });
        }
        let first = {
            let mut records = self.disk.records.lock().unwrap();
            let first = records.len() as u64 + 1;
            records.extend(batch);
            first
        };
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.check()?;
        Ok(Offset(first))
    }

    fn read(
        &self,
        from: Offset,
        max_records: usize,
        _: usize,
    ) -> Result<Vec<(Offset, Record)>, JournalError> {
        let first = Offset(self.disk.trimmed.load(Ordering::SeqCst) + 1);
        if from < first {
            return Err(JournalError::Trimmed { first, asked: from });
        }
        let records = self.disk.records.lock().unwrap();
        let from = from.0;
        let records = records.iter().skip(from as usize - 1).take(max_records.max(1));
        Ok((from..).map(Offset).zip(records.cloned()).collect())
    }

    fn bounds(&self) -> (Offset, Offset) {
        let first = self.disk.trimmed.load(Ordering::SeqCst) + 1;
        (Offset(first), Offset(self.disk.records.lock().unwrap().len() as u64 + 1))
    }

    fn segments(&self) -> Vec<Segment> {
        let (first, next) = self.bounds();
        vec![Segment { id: 1, first, next, sealed: false, bytes: 0 }]
    }

    async fn seal(&self) -> Result<(), JournalError> {
        Ok(())
    }

    async fn trim(&self, keep_from: Offset) -> Result<(), JournalError> {
        self.check()?;
        let (_, next) = self.bounds();
        let before = keep_from.min(next).0.saturating_sub(1);
        self.disk.trimmed.fetch_max(before, Ordering::SeqCst);
        Ok(())
    }
}

#[async_trait]
impl StateStore for Door {
    async fn commit(
        &self,
        batch: Vec<HostCommit>,
        decided_time: UtcMillis,
    ) -> Result<(AlarmSeq, AlarmSeq), StateError> {
        self.check_state()?;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.check_state()?;
        let range = {
            let mut alarms = self.disk.alarms.lock().unwrap();
            let mut checkpoints = self.disk.checkpoints.lock().unwrap();
            let from = alarms.len() as u64 + 1;
            for commit in batch {
                for entry in commit.entries {
                    let seq = AlarmSeq(alarms.len() as u64 + 1);
                    alarms.push(Arc::new(AlarmRecord {
                        seq,
                        host: commit.host,
                        decided_time,
                        entry,
                    }));
                }
                checkpoints.insert(commit.host, (commit.folded, commit.checkpoint));
            }
            (AlarmSeq(from), AlarmSeq(alarms.len() as u64 + 1))
        };
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.check_state()?;
        Ok(range)
    }

    fn alarms_after(
        &self,
        after: AlarmSeq,
        limit: usize,
    ) -> Result<Vec<Arc<AlarmRecord>>, StateError> {
        let alarms = self.disk.alarms.lock().unwrap();
        Ok(alarms.iter().skip(after.0 as usize).take(limit).cloned().collect())
    }

    fn last_alarm(&self) -> AlarmSeq {
        AlarmSeq(self.disk.alarms.lock().unwrap().len() as u64)
    }

    fn checkpoint(&self, host: HostNo) -> Result<Option<(Offset, Bytes)>, StateError> {
        Ok(self.disk.checkpoints.lock().unwrap().get(&host).cloned())
    }

    fn oldest_folded(&self) -> Result<Option<Offset>, StateError> {
        Ok(self.disk.checkpoints.lock().unwrap().values().map(|(folded, _)| *folded).min())
    }

    fn newest_folded(&self) -> Result<Option<Offset>, StateError> {
        Ok(self.disk.checkpoints.lock().unwrap().values().map(|(folded, _)| *folded).max())
    }

    async fn put(&self, key: &str, value: Bytes) -> Result<(), StateError> {
        self.check_state()?;
        self.disk.documents.lock().unwrap().insert(key.to_owned(), value);
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Option<Bytes>, StateError> {
        Ok(self.disk.documents.lock().unwrap().get(key).cloned())
    }

    fn scan(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, StateError> {
        let documents = self.disk.documents.lock().unwrap();
        let found = documents.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    async fn remove(&self, keys: Vec<String>) -> Result<(), StateError> {
        self.check_state()?;
        let mut documents = self.disk.documents.lock().unwrap();
        for key in keys {
            documents.remove(&key);
        }
        Ok(())
    }

    async fn forget(&self, host: HostNo) -> Result<(), StateError> {
        self.disk.checkpoints.lock().unwrap().remove(&host);
        Ok(())
    }
}
