//! A proxy between a client and a server that breaks off what passes through it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Listens on a free loopback port, as long as the test lives.
pub struct CuttingProxy {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Connections are refused.
    down: AtomicBool,
    /// So many answers to a COMMIT are lost, and their connections with them.
    commits_to_lose: AtomicU32,
    /// Where the server listens.
    server: Mutex<String>,
    open: Mutex<Vec<TcpStream>>,
}

impl CuttingProxy {
    pub fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State { server: Mutex::new(server), ..State::default() });
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.down.load(Ordering::SeqCst) {
                    continue;
                }
                let server = shared.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let Ok(server) = TcpStream::connect(&server) else { continue };
                shared.join(client, server);
            }
        });
        Self { address, state }
    }

    /// The server has moved.
    pub fn redirect(&self, server: String) {
        *self.state.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    /// Breaks every connection, and refuses new ones for so long.
    pub fn restart(&self, away: Duration) {
        self.state.down.store(true, Ordering::SeqCst);
        for stream in self.state.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let state = self.state.clone();
        thread::spawn(move || {
            thread::sleep(away);
            state.down.store(false, Ordering::SeqCst);
        });
    }

    /// The server hears so many of the next COMMITs, and their clients hear nothing of it.
    pub fn lose_commits(&self, times: u32) {
        self.state.commits_to_lose.store(times, Ordering::SeqCst);
    }

    pub fn commits_to_lose(&self) -> u32 {
        self.state.commits_to_lose.load(Ordering::SeqCst)
    }
}

impl State {
    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let clone = |stream: &TcpStream| stream.try_clone().expect("another handle of a connection");
        self.open.lock().unwrap_or_else(PoisonError::into_inner).extend([clone(&client), clone(&server)]);
        let deaf = Arc::new(AtomicBool::new(false));
        let (from_server, to_client, muted) = (clone(&server), clone(&client), deaf.clone());
        thread::spawn(move || pass(from_server, to_client, |_| !muted.load(Ordering::SeqCst)));
        let state = self.clone();
        thread::spawn(move || {
            pass(client, server, |bytes| {
                let commits = bytes.windows(6).any(|word| word == b"COMMIT");
                let lose = |left: u32| left.checked_sub(1);
                if commits && state.commits_to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose).is_ok() {
                    deaf.store(true, Ordering::SeqCst);
                }
                true
            });
        });
    }
}

/// Passes bytes on until one side ends, or `may` forbids it; then both ends are closed.
fn pass(mut from: TcpStream, mut to: TcpStream, may: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        if !may(&buffer[..bytes]) || to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
