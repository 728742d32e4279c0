//! Waiting for a condition, with a deadline and a message worth reading.

use std::{
    fmt::Display,
    panic::Location,
    time::{Duration, Instant},
};

/// What a probe of [`eventually`] answers: `bool`, `Option<T>` or `Result<T, E>`.
pub trait Answer {
    type Value;

    /// # Errors
    /// Not yet, and what was seen instead.
    fn into_result(self) -> Result<Self::Value, String>;
}

impl Answer for bool {
    type Value = ();

    fn into_result(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("not so".into()) }
    }
}

impl<T> Answer for Option<T> {
    type Value = T;

    fn into_result(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".into())
    }
}

impl<T, E: Display> Answer for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:#}"))
    }
}

/// Asks until the answer is `true`, `Some` or `Ok`, and gives what is in it.
///
/// # Panics
/// At the deadline: says what was waited for, where, and what the last answer was.
#[track_caller]
pub fn eventually<A: Answer>(
    deadline: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> A,
) -> impl Future<Output = A::Value> {
    let caller = Location::caller();
    async move {
        let end = Instant::now() + deadline;
        let mut pause = Duration::from_millis(5);
        loop {
            // The last probe starts at the deadline and gets a moment, however little time is left.
            let left = end
                .saturating_duration_since(Instant::now())
                .max(Duration::from_secs(1));
            let seen = match tokio::time::timeout(left, probe())
                .await
                .map(Answer::into_result)
            {
                Ok(Ok(value)) => return value,
                Ok(Err(seen)) => seen,
                Err(_) => "(the question is not answered)".into(),
            };
            assert!(
                Instant::now() < end,
                "{caller}: after {deadline:?} still not: {what}; seen last: {seen}"
            );
            tokio::time::sleep(pause.min(end.saturating_duration_since(Instant::now()))).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn value_of_the_first_good_answer_is_given() {
        let mut asked = 0;
        let third = eventually(Duration::from_secs(5), "asked thrice", async || {
            asked += 1;
            (asked == 3).then_some(asked)
        });
        assert_eq!(third.await, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "still not: the sun is green; seen last: yellow")]
    async fn deadline_says_what_was_waited_for_and_what_was_seen() {
        eventually(Duration::from_millis(10), "the sun is green", async || {
            Err::<(), _>("yellow")
        })
        .await;
    }
}
