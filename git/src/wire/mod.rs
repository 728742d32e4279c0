//! The way to a server: our own connections underneath libgit2's smart protocol.
//!
//! libgit2 brings connections of its own, which are not used, for what they share across a process or leave out: one set of certificate
//! authorities and one timeout for all repositories, host keys preferred by the `known_hosts` of whoever runs the process, no bound on a
//! call as a whole, and a new connection for every look at the refs. Ours are kept between calls, so that a look costs one exchange, and
//! follow a redirect without taking the credentials to another server.

mod dial;
mod error;
mod http;
mod limits;
mod pkt;
mod push;
mod ssh;
mod tls;

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, Once, PoisonError};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};

pub use error::WireError;
pub use http::authorization;
pub use limits::Limits;
pub use push::{Answer, Update};

use crate::Access;
use crate::access::SettingsError;
use crate::url::{RemoteUrl, Scheme};

/// Where libgit2 is told to go. It never sees the real URL.
const URL: &str = "beadlet://server/";

/// A server and what is needed to talk to it. Connects when it is first used, and keeps the connection.
pub struct Wire(Arc<dyn Opener>);

/// Opens the streams that libgit2's smart protocol asks for.
trait Opener: Send + Sync {
    /// Whether every request stands for itself, as over http.
    fn stateless(&self) -> bool;
    fn open(&self, service: Service, limits: &Limits) -> Result<Box<dyn WireStream>, WireError>;
}

trait WireStream: Send {
    /// Gives 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, WireError>;
    fn write(&mut self, bytes: &[u8]) -> Result<(), WireError>;
}

/// Why an exchange with a server failed.
#[derive(Debug)]
pub enum ExchangeError {
    Wire(WireError),
    /// On our side: disk, object database, refs.
    Local(git2::Error),
}

impl Wire {
    /// Touches neither disk nor network.
    ///
    /// # Errors
    /// When the settings do not go together.
    pub fn new(access: &Access, url: &RemoteUrl) -> Result<Self, SettingsError> {
        let dialer = dial::Dialer::new(&access.proxy, url)?;
        Ok(Self(match url.scheme {
            Scheme::Https | Scheme::Http => Arc::new(http::Http::new(access, url, dialer)?),
            Scheme::Ssh => Arc::new(ssh::Ssh::new(access, url, dialer)?),
        }))
    }

    /// Connects to fetch, lets `talk` use the connection and disconnects. Only to look at the refs, no repository is needed.
    ///
    /// # Errors
    /// When the server, the way to it or our own disk failed.
    pub fn exchange<T>(
        &self,
        repository: Option<&git2::Repository>,
        limits: &Limits,
        talk: impl FnOnce(&mut git2::Remote<'_>) -> Result<T, git2::Error>,
    ) -> Result<T, ExchangeError> {
        register();
        let exchange = Exchange {
            opener: Arc::clone(&self.0),
            limits: limits.clone(),
            failure: Arc::default(),
        };
        let failure = Arc::clone(&exchange.failure);
        let before = CURRENT.replace(Some(exchange));
        let remote = repository.map_or_else(
            || git2::Remote::create_detached(URL),
            |repository| repository.remote_anonymous(URL),
        );
        let result = remote.and_then(|mut remote| {
            remote.connect(git2::Direction::Fetch)?;
            let result = talk(&mut remote);
            // What matters has been said: a server that fails at the farewell has still answered.
            let _ = remote.disconnect();
            result
        });
        CURRENT.set(before);
        result.map_err(|error| take(&failure).map_or_else(|| by_class(error), ExchangeError::Wire))
    }
}

fn take(failure: &Mutex<Option<WireError>>) -> Option<WireError> {
    failure
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

/// An error of libgit2 itself, when our connection did not fail.
fn by_class(error: git2::Error) -> ExchangeError {
    let message = error.message();
    if let Some(said) = message.strip_prefix("remote error: ") {
        return ExchangeError::Wire(WireError::said(said));
    }
    if message.starts_with("server doesn't support shallow") {
        return ExchangeError::Wire(WireError::NotShallow);
    }
    if is_disk_full(&error) {
        return ExchangeError::Local(error);
    }
    match error.class() {
        git2::ErrorClass::Net | git2::ErrorClass::Http | git2::ErrorClass::Indexer => {
            ExchangeError::Wire(WireError::Protocol(message.to_owned()))
        }
        _ => ExchangeError::Local(error),
    }
}

/// libgit2 passes the system's error on as text only.
#[must_use]
pub fn is_disk_full(error: &git2::Error) -> bool {
    let message = error.message();
    message.contains("No space left on device") || message.contains("Disk quota exceeded")
}

thread_local! {
    /// The exchange that this thread is about to connect: libgit2 makes a transport from a URL and nothing else.
    static CURRENT: RefCell<Option<Exchange>> = const { RefCell::new(None) };
}

#[derive(Clone)]
struct Exchange {
    opener: Arc<dyn Opener>,
    limits: Limits,
    /// libgit2 carries the text of an error at most.
    failure: Arc<Mutex<Option<WireError>>>,
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the list of transports of libgit2 has no lock, so nobody may look a transport up meanwhile. All our lookups come after
        // this call, which happens once.
        #[expect(unsafe_code, reason = "libgit2 knows no other way to add a transport")]
        let registered = unsafe {
            git2::transport::register("beadlet", |remote| {
                let exchange = CURRENT
                    .with_borrow(Clone::clone)
                    .ok_or_else(|| git2::Error::from_str("no exchange is under way"))?;
                Transport::smart(remote, exchange.opener.stateless(), exchange)
            })
        };
        if let Err(error) = registered {
            tracing::error!(%error, "cannot register with libgit2");
        }
    });
}

impl Exchange {
    fn failed(&self, error: WireError) -> String {
        let text = error.to_string();
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        // The first failure is the cause of those after it.
        failure.get_or_insert(error);
        text
    }
}

impl SmartSubtransport for Exchange {
    fn action(
        &self,
        _url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        match self.opener.open(service, &self.limits) {
            Ok(stream) => Ok(Box::new(Stream {
                stream,
                exchange: self.clone(),
            })),
            Err(error) => Err(git2::Error::new(
                git2::ErrorCode::GenericError,
                git2::ErrorClass::Net,
                self.failed(error),
            )),
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

struct Stream {
    stream: Box<dyn WireStream>,
    exchange: Exchange,
}

impl io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream
            .read(buffer)
            .map_err(|error| io::Error::other(self.exchange.failed(error)))
    }
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream
            .write(bytes)
            .map_err(|error| io::Error::other(self.exchange.failed(error)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
