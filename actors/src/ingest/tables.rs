//! Point tables of gateways: durable documents, so that an old frame is readable for as long as the journal holds it.
//!
//! A table is forgotten when nothing can ask for it any more. Each has the offset of the last journalled frame that refers to
//! it, and a frame on its way to the journal holds a [`Pin`] on its table until that offset is entered. So a table without a
//! pin whose offset lies before the journal's beginning has no frame to be replayed, handed to the history or shown. What
//! the gateway still has in its spool does not count: the center asks for the table again. The newest of each gateway stays,
//! so that a slow one is not asked at every scan.
//!
//! Forgetting waits a pass longer than that, for readers of frames that were being trimmed. What a start finds counts as used by
//! the newest record there is.
//!
//! How many tables a gateway may have is bounded all the same, because the journal is trimmed by the minute and a hostile gateway
//! can make thousands of tables in one: what no frame in the journal refers to makes place at once, and where every one is
//! needed the next is refused until the journal has gone on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anlan_domain::log::GatewayNo;
use anlan_domain::uplink::{Table, read_payload, write_payload};
use anlan_store::journal::{Journal, Offset};
use anlan_store::state::{StateError, StateStore};
use bytes::Bytes;

/// Tables that a gateway may have at once.
pub const TABLES_MAX: usize = 256;
/// And their bytes.
pub const BYTES_MAX: u64 = 32 << 20;
/// Tables of a gateway that are kept decoded in memory.
const DECODED_MAX: usize = 8;
/// Tables that are forgotten in one pass: one batch of the store, in front of which others wait.
const FORGET_MAX: usize = 1_024;

/// Where the documents are.
const PREFIX: &str = "table/";

/// Why a table was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The store failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The gateway has too many whose readings the center still works on.
    #[error(
        "this gateway has sent {tables} point tables of {bytes} bytes whose readings are still being worked on; at most {TABLES_MAX} and \
         {BYTES_MAX} bytes are kept: send this one again in a few minutes, and change the configuration less often"
    )]
    TooMany {
        /// How many it has.
        tables: usize,
        /// Their bytes.
        bytes: u64,
    },
}

/// Holds a table for a frame that is on its way to the journal.
#[derive(Debug)]
pub struct Pin(Arc<AtomicU64>);

impl Pin {
    /// The frame has got this offset.
    pub fn journalled(&self, offset: Offset) {
        self.0.fetch_max(offset.0, Ordering::Relaxed);
    }
}

/// One table.
struct Entry {
    /// In memory once asked for.
    table: Option<Arc<Table>>,
    bytes: u64,
    /// Offset of the last journalled frame that refers to it, 0 for none. A pin shares it.
    used: Arc<AtomicU64>,
    /// The journal's end when it came.
    came: Offset,
    /// It is being forgotten: no frame may be pinned to it any more.
    leaving: bool,
}

impl Entry {
    fn new(bytes: usize, used: Offset, came: Offset) -> Self {
        let used = Arc::new(AtomicU64::new(used.0));
        Self { table: None, bytes: bytes as u64, used, came, leaving: false }
    }

    /// Whether no frame refers to it, neither in a journal that begins at `first` nor on its way there.
    fn is_unused(&mut self, first: Offset) -> bool {
        // Being the only holder is certain here, and makes visible what was entered before a pin was dropped.
        Arc::get_mut(&mut self.used).is_some_and(|used| *used.get_mut() < first.0)
    }
}

#[derive(Default)]
struct OfGateway {
    entries: HashMap<u64, Entry>,
    /// The table that came or was used last.
    newest: AtomicU64,
}

impl OfGateway {
    fn bytes(&self) -> u64 {
        self.entries.values().map(|entry| entry.bytes).sum()
    }

    /// Keeps a decoded table, in the place of the one that was used the longest ago.
    fn remember(&mut self, hash: u64, table: &Arc<Table>) {
        let decoded = self.entries.iter().filter(|(_, entry)| entry.table.is_some());
        if decoded.clone().count() >= DECODED_MAX
            && let Some(oldest) = decoded
                .min_by_key(|(_, entry)| entry.used.load(Ordering::Relaxed))
                .map(|(&oldest, _)| oldest)
            && let Some(entry) = self.entries.get_mut(&oldest)
        {
            entry.table = None;
        }
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.table = Some(table.clone());
        }
    }
}

type Books = HashMap<GatewayNo, OfGateway>;

/// The tables of all gateways. What is not here is not in the store either.
pub struct Tables {
    state: Arc<dyn StateStore>,
    journal: Arc<dyn Journal>,
    books: RwLock<Books>,
    /// Who holds it changes what is in the store; in it, where the journal began at the last pass.
    changing: tokio::sync::Mutex<Offset>,
}

impl Tables {
    /// Tables kept in `state` for frames of `journal`. Reads their documents once. Blocks.
    ///
    /// # Errors
    /// When the store cannot be read, or a document has no name of a table.
    pub fn open(state: Arc<dyn StateStore>, journal: Arc<dyn Journal>) -> Result<Self, StateError> {
        let (_, next) = journal.bounds();
        let mut books = Books::new();
        for (key, document) in state.scan(PREFIX)? {
            let Some((gateway, hash)) = parse_key(&key) else {
                let why = "it is named like a point table, but for no gateway and hash".to_owned();
                return Err(StateError::Damaged { what: key, why });
            };
            let entry = Entry::new(document.len(), next, next);
            books.entry(gateway).or_default().entries.insert(hash, entry);
        }
        Ok(Self { state, journal, books: RwLock::new(books), changing: Default::default() })
    }

    fn read(&self) -> RwLockReadGuard<'_, Books> {
        self.books.read().expect("no code panics while it holds the tables")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Books> {
        self.books.write().expect("no code panics while it holds the tables")
    }

    /// Holds a table for a frame that is about to be journalled; `None` when the gateway has to send it first.
    #[must_use]
    pub fn pin(&self, gateway: GatewayNo, hash: u64) -> Option<Pin> {
        let books = self.read();
        let of_gateway = books.get(&gateway)?;
        let entry = of_gateway.entries.get(&hash).filter(|entry| !entry.leaving)?;
        of_gateway.newest.store(hash, Ordering::Relaxed);
        Some(Pin(entry.used.clone()))
    }

    /// A table, `None` when it was never received or is forgotten. Reads the store the first time: a document of a few kilobytes.
    ///
    /// # Errors
    /// When the store cannot be read or the document is damaged.
    pub fn get(&self, gateway: GatewayNo, hash: u64) -> Result<Option<Arc<Table>>, StateError> {
        let books = self.read();
        let Some(entry) = books.get(&gateway).and_then(|of| of.entries.get(&hash)) else {
            return Ok(None);
        };
        if let Some(table) = &entry.table {
            return Ok(Some(table.clone()));
        }
        drop(books);
        let key = key(gateway, hash);
        let Some(bytes) = self.state.get(&key)? else { return Ok(None) };
        let table: Table = read_payload(&bytes)
            .map_err(|error| StateError::Damaged { what: key, why: error.to_string() })?;
        let table = Arc::new(table);
        if let Some(of_gateway) = self.write().get_mut(&gateway) {
            of_gateway.remember(hash, &table);
        }
        Ok(Some(table))
    }

    /// Makes a table durable and known.
    ///
    /// # Errors
    /// When it could not be written, or the gateway has too many.
    pub async fn put(&self, gateway: GatewayNo, table: Table) -> Result<(), TableError> {
        let hash = table.hash();
        let first = self.changing.lock().await;
        // One that was left marked by a task that ended meanwhile is gone from the store, or goes before what is written now.
        let is_kept = |of: &&OfGateway| of.entries.get(&hash).is_some_and(|entry| !entry.leaving);
        if let Some(of_gateway) = self.read().get(&gateway).filter(is_kept) {
            of_gateway.newest.store(hash, Ordering::Relaxed);
            return Ok(());
        }
        let document = Bytes::from(write_payload(&table));
        self.make_place(gateway, document.len() as u64, *first).await?;
        let bytes = document.len();
        self.state.put(&key(gateway, hash), document).await?;
        let mut books = self.write();
        let of_gateway = books.entry(gateway).or_default();
        of_gateway.entries.insert(hash, Entry::new(bytes, Offset(0), self.journal.bounds().1));
        of_gateway.remember(hash, &Arc::new(table));
        of_gateway.newest.store(hash, Ordering::Relaxed);
        Ok(())
    }

    /// Makes place for one more table of a gateway by forgetting what no journalled frame refers to.
    async fn make_place(
        &self,
        gateway: GatewayNo,
        more: u64,
        first: Offset,
    ) -> Result<(), TableError> {
        let gone = {
            let mut books = self.write();
            let Some(of_gateway) = books.get_mut(&gateway) else { return Ok(()) };
            let (mut tables, mut bytes) = (of_gateway.entries.len(), of_gateway.bytes());
            let mut gone = Vec::new();
            for (&hash, entry) in &mut of_gateway.entries {
                if tables < TABLES_MAX && bytes + more <= BYTES_MAX {
                    break;
                }
                // One that came and was never used has no frame before any beginning.
                if entry.is_unused(Offset(first.0.max(1))) {
                    entry.leaving = true;
                    tables -= 1;
                    bytes -= entry.bytes;
                    gone.push((gateway, hash));
                }
            }
            if tables >= TABLES_MAX || bytes + more > BYTES_MAX {
                for (_, hash) in gone {
                    if let Some(entry) = of_gateway.entries.get_mut(&hash) {
                        entry.leaving = false;
                    }
                }
                metrics::counter!("anlan_ingest_tables_refused_total").increment(1);
                return Err(TableError::TooMany {
                    tables: of_gateway.entries.len(),
                    bytes: of_gateway.bytes(),
                });
            }
            gone
        };
        Ok(self.remove(gone).await?)
    }

    /// The journal begins at `first` now: forgets the tables that were in nobody's use when it was so at the last pass. Says
    /// how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_before(&self, first: Offset) -> Result<usize, StateError> {
        let mut passed = self.changing.lock().await;
        let before = std::mem::replace(&mut *passed, first);
        let mut gone = Vec::new();
        for (&gateway, of_gateway) in self.write().iter_mut() {
            let newest = *of_gateway.newest.get_mut();
            for (&hash, entry) in &mut of_gateway.entries {
                let old = entry.came < before && hash != newest && entry.is_unused(before);
                if old && gone.len() < FORGET_MAX {
                    entry.leaving = true;
                    gone.push((gateway, hash));
                }
            }
        }
        let count = gone.len();
        self.remove(gone).await?;
        Ok(count)
    }

    /// Forgets tables that are marked as leaving. Only when they are gone from the store may they come anew.
    async fn remove(&self, gone: Vec<(GatewayNo, u64)>) -> Result<(), StateError> {
        if gone.is_empty() {
            return Ok(());
        }
        self.state.remove(gone.iter().map(|&(gateway, hash)| key(gateway, hash)).collect()).await?;
        metrics::counter!("anlan_ingest_tables_forgotten_total").increment(gone.len() as u64);
        let mut books = self.write();
        for (gateway, hash) in gone {
            if let Some(of_gateway) = books.get_mut(&gateway) {
                of_gateway.entries.remove(&hash);
            }
        }
        Ok(())
    }
}

fn key(gateway: GatewayNo, hash: u64) -> String {
    format!("{PREFIX}{}/{hash:016x}", gateway.0)
}

fn parse_key(key: &str) -> Option<(GatewayNo, u64)> {
    let (gateway, hash) = key.strip_prefix(PREFIX)?.split_once('/')?;
    Some((GatewayNo(gateway.parse().ok()?), u64::from_str_radix(hash, 16).ok()?))
}
