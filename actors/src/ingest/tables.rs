//! Point tables of gateways: durable documents, so that an old frame is readable for as long as the journal holds it.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use anlan_domain::log::GatewayNo;
use anlan_domain::uplink::{Table, read_payload, write_payload};
use anlan_store::state::{StateError, StateStore};
use bytes::Bytes;

/// Tables by gateway and hash, in memory once asked for.
pub struct Tables {
    state: Arc<dyn StateStore>,
    known: RwLock<HashMap<(GatewayNo, u64), Arc<Table>>>,
}

impl Tables {
    /// Tables kept in `state`.
    #[must_use]
    pub fn new(state: Arc<dyn StateStore>) -> Self {
        Self { state, known: RwLock::default() }
    }

    fn key(gateway: GatewayNo, hash: u64) -> String {
        format!("table/{}/{hash:016x}", gateway.0)
    }

    /// A table, `None` when it was never received. Reads the store the first time: a document of a few kilobytes.
    ///
    /// # Errors
    /// When the store cannot be read or the document is damaged.
    pub fn get(&self, gateway: GatewayNo, hash: u64) -> Result<Option<Arc<Table>>, StateError> {
        let known = self.known.read().expect("no code panics while it holds the tables");
        if let Some(table) = known.get(&(gateway, hash)) {
            return Ok(Some(table.clone()));
        }
        drop(known);
        let key = Self::key(gateway, hash);
        let Some(bytes) = self.state.get(&key)? else { return Ok(None) };
        let table: Table = read_payload(&bytes)
            .map_err(|error| StateError::Damaged { what: key, why: error.to_string() })?;
        Ok(Some(self.remember(gateway, hash, table)))
    }

    fn remember(&self, gateway: GatewayNo, hash: u64, table: Table) -> Arc<Table> {
        let table = Arc::new(table);
        self.known
            .write()
            .expect("no code panics while it holds the tables")
            .insert((gateway, hash), table.clone());
        table
    }

    /// Makes a table durable and known.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn put(&self, gateway: GatewayNo, table: Table) -> Result<Arc<Table>, StateError> {
        let hash = table.hash();
        if let Some(table) = self.get(gateway, hash)? {
            return Ok(table);
        }
        let bytes = Bytes::from(write_payload(&table));
        self.state.put(&Self::key(gateway, hash), bytes).await?;
        Ok(self.remember(gateway, hash, table))
    }
}
