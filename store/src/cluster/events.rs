//! Events: what happened to an object, for `kubectl describe`.
//!
//! The same thing said again counts up the Event that said it. Things of one kind (commits of a store, beads of a convoy) are an Event each
//! while they are few; after ten within ten minutes one Event stands for all that follow, and counts.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::Mutex;

use crate::keys::FIELD_MANAGER;

/// Events of one kind about one object within [`WINDOW`], before one stands for all.
const EACH: usize = 10;
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// The API server takes 1,024 bytes.
const LONGEST: usize = 1000;

/// Something to tell of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// CamelCase, of a closed set.
    pub reason: String,
    pub note: String,
    pub is_warning: bool,
    /// What was being done.
    pub action: &'static str,
}

/// Writes Events.
pub struct Chronicle {
    client: Client,
    reporter: Reporter,
    told: Mutex<HashMap<Kind, Told>>,
}

/// What is an Event of one kind: the object, the reason, and whether it is a warning.
type Kind = (String, String, bool);

/// What was told of one kind.
struct Told {
    /// Counts up the last of them.
    recorder: Recorder,
    history: History,
}

impl Chronicle {
    /// `instance` is the process that writes.
    #[must_use]
    pub fn new(client: Client, instance: Option<String>) -> Self {
        let reporter = Reporter {
            controller: FIELD_MANAGER.into(),
            instance,
        };
        Self {
            client,
            reporter,
            told: Mutex::default(),
        }
    }

    /// Tells one thing about an object.
    ///
    /// # Errors
    /// What the API server says. It is not tried again.
    pub async fn tell(&self, about: &ObjectReference, news: News) -> Result<(), kube::Error> {
        let (recorder, note) = self.place(about, &news).await;
        let event = Event {
            type_: if news.is_warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: news.reason,
            note: Some(shortened(note)),
            action: news.action.into(),
            secondary: None,
        };
        recorder.publish(&event, about).await
    }

    /// Which Event says it: a recorder without a past makes a new one.
    async fn place(&self, about: &ObjectReference, news: &News) -> (Recorder, String) {
        let object = about.uid.clone().or_else(|| about.name.clone());
        let kind = (
            object.unwrap_or_default(),
            news.reason.clone(),
            news.is_warning,
        );
        let now = Timestamp::now();
        let mut told = self.told.lock().await;
        told.retain(|_, told| !told.history.is_over(now));
        let anew = || Recorder::new(self.client.clone(), self.reporter.clone());
        let told = told.entry(kind).or_insert_with(|| Told {
            recorder: anew(),
            history: History::default(),
        });
        let place = told.history.place(&news.note, now);
        if place != Place::Again {
            told.recorder = anew();
        }
        let note = match place {
            Place::Sum => "more of this kind happened, one after the other".to_owned(),
            Place::Again | Place::Own => news.note.clone(),
        };
        (told.recorder.clone(), note)
    }
}

/// Where something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In an Event of its own.
    Own,
    /// In the Event that was written last.
    Again,
    /// In the first Event that stands for many.
    Sum,
}

/// What was told of one kind lately.
#[derive(Debug, Default)]
struct History {
    last: String,
    /// When something was told that was not told just before, within the window.
    times: Vec<Timestamp>,
    sums: bool,
}

impl History {
    fn place(&mut self, note: &str, now: Timestamp) -> Place {
        let is_first = self.times.is_empty();
        if !is_first && self.last == note {
            return Place::Again;
        }
        self.times.retain(|at| now.duration_since(*at) < WINDOW);
        note.clone_into(&mut self.last);
        self.times.push(now);
        if self.times.len() <= EACH {
            self.sums = false;
            return Place::Own;
        }
        // As many as are needed to see that there are too many.
        self.times.remove(0);
        if std::mem::replace(&mut self.sums, true) {
            Place::Again
        } else {
            Place::Sum
        }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let last = self.times.last();
        last.is_some_and(|at| now.duration_since(*at) >= WINDOW)
    }
}

fn shortened(mut note: String) -> String {
    if note.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| note.is_char_boundary(*at));
        note.truncate(end.unwrap_or(0));
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn same_thing_said_again_is_counted() {
        let mut history = History::default();
        let places: Vec<Place> = ["a", "a", "b", "b", "a"]
            .map(|note| history.place(note, at(0)))
            .into();
        use Place::{Again, Own};
        assert_eq!(places, [Own, Again, Own, Again, Own]);
    }

    #[test]
    fn flood_is_one_event_after_ten() {
        let mut history = History::default();
        let mut told = |n: i64| history.place(&n.to_string(), at(n));
        assert!((0..10).all(|n| told(n) == Place::Own));
        assert_eq!(told(10), Place::Sum);
        assert!((11..500).all(|n| told(n) == Place::Again));
        // And when it is over, each is worth an Event again.
        assert_eq!(told(500 + WINDOW.as_secs()), Place::Own);
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let mut history = History::default();
        history.place("a", at(0));
        assert!(!history.is_over(at(WINDOW.as_secs() - 1)));
        assert!(history.is_over(at(WINDOW.as_secs())));
    }

    #[test]
    fn long_note_is_cut_between_characters() {
        let note = shortened("ä".repeat(LONGEST));
        assert!(note.len() <= 1024 && note.ends_with("ä…"));
    }
}
