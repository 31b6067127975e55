//! A Modbus TCP device whose register 0 and 1 hold a number that grows by one with every request: a lost reading is a
//! missing number.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub struct CountingDevice {
    pub address: SocketAddr,
    /// Numbers handed out so far.
    pub count: Arc<AtomicU32>,
    _tasks: JoinSet<()>,
}

impl CountingDevice {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicU32::new(0));
        let mut tasks = JoinSet::new();
        let counter = Arc::clone(&count);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&counter)));
            }
        });
        Self { address, count, _tasks: tasks }
    }

    pub fn count(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, count: Arc<AtomicU32>) {
    let mut request = [0u8; 12];
    while stream.read_exact(&mut request).await.is_ok() {
        assert_eq!(
            (request[7], &request[8..12]),
            (3, &[0, 0, 0, 2][..]),
            "reads holding registers 0 and 1"
        );
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let mut answer = vec![request[0], request[1], 0, 0, 0, 7, request[6], 3, 4];
        answer.extend_from_slice(&number.to_be_bytes());
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}
