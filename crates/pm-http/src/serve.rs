//! Answers each connection in a task of its own, and leaves when it is told to: what is being sent is finished, within a
//! limit shorter than the one after which a process manager kills.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::doorway::{ClientAddress, ClientStream, Doorway};

/// When no descriptor is left for a new client, until the next look.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// So many are served at once; others wait in the kernel's queue.
    pub most: usize,
    /// The head of a request must be there so long after the connection, or after the answer before.
    pub head: Duration,
    /// Longer heads are refused (bytes; at least 8192).
    pub head_size: usize,
    /// A client that takes not one byte for so long is gone, whatever its kernel says.
    pub stalled: Duration,
    /// What is being sent at the end gets so long; PM2's `kill_timeout` is 1.6 s.
    pub farewell: Duration,
}

/// Runs this on one thread; `disks` reads may block beside it, further ones queue.
pub fn block_on<F: Future>(disks: usize, serving: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(disks)
        .build()?;
    Ok(runtime.block_on(serving))
}

/// Serves until SIGINT or SIGTERM; `listening` is called once clients can come and these signals are heeded. An answer
/// without end must end when `leaving` (its third argument) changes.
pub async fn serve<A, F, B>(
    doorway: Doorway,
    deadlines: Deadlines,
    answer: A,
    listening: impl FnOnce(),
) -> io::Result<()>
where
    A: Fn(Request<Incoming>, ClientAddress, watch::Receiver<()>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    listening();
    let answer = Arc::new(answer);
    let mut clients = JoinSet::new();
    let (leave, leaving) = watch::channel(());
    loop {
        tokio::select! {
            biased;
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            Some(_) = clients.join_next() => {}
            client = doorway.accept(), if clients.len() < deadlines.most => match client {
                Ok((stream, from)) => {
                    let (answer, leaving) = (Arc::clone(&answer), leaving.clone());
                    let (telling, own) = (leaving.clone(), deadlines);
                    let answer = move |request| answer(request, from, telling.clone());
                    drop(clients.spawn(serve_client(stream, own, leaving, answer)));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop((doorway, leave));
    // Whoever is not done by then is cut off with the runtime.
    let done = async { while clients.join_next().await.is_some() {} };
    timeout(deadlines.farewell, done).await.ok();
    Ok(())
}

/// One client, until it goes or we do. What goes wrong with it is nobody else's business.
async fn serve_client<A, F, B>(
    stream: ClientStream,
    deadlines: Deadlines,
    mut leaving: watch::Receiver<()>,
    answer: A,
) where
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(deadlines.head);
    builder.max_buf_size(deadlines.head_size.max(8192));
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(deadlines.stalled));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Box::pin(stream)), service));
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        _ = leaving.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await.ok();
}
