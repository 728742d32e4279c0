//! One read for all who ask for the same at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::Mutex as Turn;

/// What a read gave; `None` when it failed.
pub(crate) type Answer<T> = Option<Arc<T>>;

type Read<T> = Shared<BoxFuture<'static, Answer<T>>>;
type Gathering<T> = Mutex<HashMap<String, Read<T>>>;

/// Reads by name, one of each name at a time. Who asks while one is under way gets the next, which begins after all who share it have
/// asked: for each of them it is a read of its own.
pub(crate) struct Together<T> {
    /// Reads that have not begun.
    gathering: Arc<Gathering<T>>,
    /// Held by the read that is under way. Holds as many as there are different names.
    turns: Mutex<HashMap<String, Arc<Turn<()>>>>,
}

impl<T> Default for Together<T> {
    fn default() -> Self {
        Self {
            gathering: Arc::default(),
            turns: Mutex::default(),
        }
    }
}

impl<T: Send + Sync + 'static> Together<T> {
    /// The answer to a `read` that begins after this call.
    pub(crate) async fn read(
        &self,
        name: &str,
        read: impl Future<Output = Option<T>> + Send + 'static,
    ) -> Answer<T> {
        self.join(name, read).await
    }

    fn join(&self, name: &str, read: impl Future<Output = Option<T>> + Send + 'static) -> Read<T> {
        let turn = self.turn(name);
        let mut gathering = self
            .gathering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let next = || begin(name.to_owned(), turn, Arc::downgrade(&self.gathering), read);
        gathering
            .entry(name.to_owned())
            .or_insert_with(|| next().boxed().shared())
            .clone()
    }

    fn turn(&self, name: &str) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(name.to_owned()).or_default())
    }
}

async fn begin<T: Send + Sync + 'static>(
    name: String,
    turn: Arc<Turn<()>>,
    gathering: Weak<Gathering<T>>,
    read: impl Future<Output = Option<T>> + Send + 'static,
) -> Answer<T> {
    let _turn = turn.lock().await;
    if let Some(gathering) = gathering.upgrade() {
        // From here on it is too late to share this one.
        let mut gathering = gathering.lock().unwrap_or_else(PoisonError::into_inner);
        gathering.remove(&name);
    }
    read.await.map(Arc::new)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn who_asks_during_a_read_gets_the_next_and_shares_it() {
        let (together, open, begun) = (
            Together::default(),
            Arc::new(Notify::new()),
            Arc::new(AtomicUsize::new(0)),
        );
        let read = || {
            let (open, begun) = (Arc::clone(&open), Arc::clone(&begun));
            async move {
                let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
                open.notified().await;
                Some(number)
            }
        };
        let mut first = Box::pin(together.read("a", read()));
        assert!(first.as_mut().now_or_never().is_none());
        let (second, third) = (together.read("a", read()), together.read("a", read()));
        let all = futures::future::join3(first, second, third);
        let open = async {
            open.notify_one();
            while begun.load(Ordering::Relaxed) < 2 {
                tokio::task::yield_now().await;
            }
            open.notify_one();
        };
        let ((first, second, third), ()) = futures::future::join(all, open).await;
        assert_eq!(
            (first, second, third),
            (Some(1.into()), Some(2.into()), Some(2.into()))
        );
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn read_that_nobody_waits_for_any_more_does_not_hold_up_the_next() {
        let together = Together::default();
        let mut given_up = Box::pin(together.read("a", std::future::pending::<Option<u8>>()));
        assert!(given_up.as_mut().now_or_never().is_none());
        drop(given_up);
        assert_eq!(together.read("a", async { Some(7) }).await, Some(7.into()));
    }
}
