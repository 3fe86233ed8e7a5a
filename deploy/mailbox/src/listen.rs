//! One thread that accepts, one thread per connection, all ended by dropping the listener.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// More connections than this at once are closed unheard.
const MOST: usize = 256;
/// A client that says nothing this long is hung up on.
const SILENCE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Listener {
    addr: SocketAddr,
    open: Arc<Open>,
    thread: Option<JoinHandle<()>>,
}

/// The connections being served, so that they can be cut.
#[derive(Debug, Default)]
struct Open {
    ended: AtomicBool,
    streams: Mutex<HashMap<u64, TcpStream>>,
}

impl Listener {
    pub(crate) fn start(
        addr: SocketAddr,
        name: &str,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        let open = Arc::new(Open::default());
        let accepting = Arc::clone(&open);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || accept(&listener, &accepting, &Arc::new(serve)))?;
        Ok(Self {
            addr,
            open,
            thread: Some(thread),
        })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.open.ended.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it has ended.
        drop(TcpStream::connect_timeout(
            &self.addr,
            Duration::from_secs(1),
        ));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        self.open.cut();
    }
}

impl Open {
    fn add(&self, number: u64, stream: &TcpStream) -> bool {
        let Ok(handle) = stream.try_clone() else {
            return false;
        };
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let room = streams.len() < MOST;
        if room {
            streams.insert(number, handle);
        }
        room
    }

    fn remove(&self, number: u64) {
        self.streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&number);
    }

    fn cut(&self) {
        for stream in self
            .streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn accept<F: Fn(TcpStream) + Send + Sync + 'static>(
    listener: &TcpListener,
    open: &Arc<Open>,
    serve: &Arc<F>,
) {
    for (number, stream) in (0..).zip(listener.incoming()) {
        if open.ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if stream.set_read_timeout(Some(SILENCE)).is_err() || !open.add(number, &stream) {
            continue;
        }
        let (served, serve) = (Arc::clone(open), Arc::clone(serve));
        let begun = thread::Builder::new().spawn(move || {
            serve(stream);
            served.remove(number);
        });
        if begun.is_err() {
            open.remove(number);
        }
    }
}
