//! What is to be looked at again: each thing once, however often it was asked for.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use futures::Stream;
use futures::stream::unfold;
use tokio::sync::Notify;

/// A queue without repeats. Holds at most as many items as there are different ones. Clones are the same queue.
#[derive(Debug)]
pub(crate) struct Triggers<T> {
    inner: Arc<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    queue: Mutex<Queue<T>>,
    filled: Notify,
}

#[derive(Debug)]
struct Queue<T> {
    order: VecDeque<T>,
    known: HashSet<T>,
}

impl<T> Clone for Triggers<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<T> Default for Triggers<T> {
    fn default() -> Self {
        let queue = Mutex::new(Queue {
            order: VecDeque::new(),
            known: HashSet::new(),
        });
        Self {
            inner: Arc::new(Inner {
                queue,
                filled: Notify::new(),
            }),
        }
    }
}

impl<T: Clone + Eq + Hash> Triggers<T> {
    /// Asks for a look at `item`. Nothing happens when it waits already.
    pub(crate) fn push(&self, item: T) {
        let mut queue = self
            .inner
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if queue.known.insert(item.clone()) {
            queue.order.push_back(item);
            self.inner.filled.notify_one();
        }
    }

    fn pop(&self) -> Option<T> {
        let mut queue = self
            .inner
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let item = queue.order.pop_front()?;
        queue.known.remove(&item);
        Some(item)
    }

    /// The items in the order in which they were asked for; never ends. For one reader.
    pub(crate) fn stream(&self) -> impl Stream<Item = T> + use<T> {
        unfold(self.clone(), |triggers| async move {
            loop {
                if let Some(item) = triggers.pop() {
                    return Some((item, triggers));
                }
                // What is pushed between the two lines leaves a permit.
                triggers.inner.filled.notified().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn what_was_asked_for_twice_comes_once_and_again_when_asked_again() {
        let triggers = Triggers::default();
        ["a", "b", "a"]
            .into_iter()
            .for_each(|item| triggers.push(item));
        let mut stream = Box::pin(triggers.stream());
        assert_eq!(stream.next().await, Some("a"));
        triggers.push("a");
        assert_eq!(
            (stream.next().await, stream.next().await),
            (Some("b"), Some("a"))
        );
    }

    #[tokio::test]
    async fn reader_that_waits_is_woken() {
        let triggers = Triggers::default();
        let reader = tokio::spawn({
            let triggers = triggers.clone();
            async move { Box::pin(triggers.stream()).next().await }
        });
        tokio::task::yield_now().await;
        triggers.push(7);
        assert_eq!(reader.await.unwrap(), Some(7));
    }
}
