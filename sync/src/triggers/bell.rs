//! A bell that anybody may ring as often as they like.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

/// The first ring is answered at once, and those that come during the pause after an answer by one more at its end: a flood is as many
/// answers as there are pauses, and no ring is lost. Cheap to clone; the last one that is dropped ends it.
#[derive(Clone, Debug)]
pub struct Bell {
    rung: Arc<Notify>,
    _answering: Arc<AbortOnDropHandle<()>>,
}

impl Bell {
    /// Between two of them, where looking costs a request to the git server.
    pub const PAUSE: Duration = Duration::from_millis(200);

    /// A bell that is answered by what `answer` does; it gives how long the pause after it is.
    pub fn new<F>(answer: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Duration> + Send,
    {
        let rung = Arc::new(Notify::new());
        let heard = Arc::clone(&rung);
        let answering = tokio::spawn(async move {
            loop {
                heard.notified().await;
                let pause = answer().await;
                tokio::time::sleep(pause).await;
            }
        });
        Self {
            rung,
            _answering: Arc::new(AbortOnDropHandle::new(answering)),
        }
    }

    /// Never waits.
    pub fn ring(&self) {
        self.rung.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn flood_is_one_answer_a_pause_and_the_last_ring_is_heard() {
        let answers = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&answers);
        let bell = Bell::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Bell::PAUSE)
        });
        let begin = tokio::time::Instant::now();
        while begin.elapsed() < Bell::PAUSE * 10 {
            (0..100).for_each(|_| bell.ring());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let during = answers.load(Ordering::Relaxed);
        assert!((10..=11).contains(&during), "{during}");
        tokio::time::sleep(Bell::PAUSE * 2).await;
        let after = answers.load(Ordering::Relaxed);
        assert!((during..=during + 1).contains(&after), "{after}");
        bell.ring();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(answers.load(Ordering::Relaxed), after + 1, "at once");
    }
}
