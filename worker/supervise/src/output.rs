//! What the agent prints: passed on line by line without the key, with the time of the last output kept.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::process::{ChildStderr, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::agent::ApiKey;
use crate::contract::Usage;
use crate::report::{Format, Reader};

/// A longer line of plain text is passed on in pieces.
const LONGEST_TEXT: usize = 64 * 1024;
/// A longer event is passed on unread.
const LONGEST_EVENT: usize = 16 * 1024 * 1024;
/// As much of the end of the output is kept for the report, in bytes.
const LAST_WORDS: usize = 1024;

/// The two streams of a running agent, each read by a thread of its own.
#[derive(Debug)]
pub(crate) struct Output {
    started: Instant,
    printed: Arc<AtomicU64>,
    stdout: Receiver<Said>,
    stderr: Receiver<Said>,
}

/// What was learned from a stream.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) usage: Usage,
    pub(crate) error: Option<String>,
    pub(crate) last_words: String,
}

impl Output {
    /// Starts to pass on; `started` is the zero of [`Output::printed`].
    pub(crate) fn follow(
        stdout: ChildStdout,
        stderr: ChildStderr,
        format: Format,
        key: Option<&ApiKey>,
        started: Instant,
    ) -> Self {
        let printed = Arc::new(AtomicU64::new(0));
        let follow_one = |stream: Box<dyn Read + Send>, to: Box<dyn Write + Send>, format| {
            let (sender, receiver) = channel();
            let mut relay = Relay::new(format, key.cloned(), to);
            let printed = Arc::clone(&printed);
            std::thread::spawn(move || {
                relay.run(stream, || printed.store(millis(started), Ordering::Relaxed));
                // Nobody waits for a stream that outlived its agent.
                let _ = sender.send(relay.said());
            });
            receiver
        };
        Self {
            started,
            stdout: follow_one(Box::new(stdout), Box::new(std::io::stdout()), format),
            stderr: follow_one(Box::new(stderr), Box::new(std::io::stderr()), Format::Text),
            printed,
        }
    }

    /// When something was printed last, since the start.
    pub(crate) fn printed(&self) -> Duration {
        Duration::from_millis(self.printed.load(Ordering::Relaxed)).min(self.started.elapsed())
    }

    /// What was said on both streams; waits at most `patience` for each to end.
    pub(crate) fn said(&self, patience: Duration) -> Said {
        let stdout = self.stdout.recv_timeout(patience).unwrap_or_default();
        let stderr = self.stderr.recv_timeout(patience).unwrap_or_default();
        let last_words = if stderr.last_words.trim().is_empty() {
            stdout.last_words
        } else {
            stderr.last_words
        };
        Said {
            last_words,
            ..stdout
        }
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// One stream on its way.
struct Relay {
    reader: Reader,
    longest: usize,
    key: Option<ApiKey>,
    to: Box<dyn Write + Send>,
    line: Vec<u8>,
    last_words: VecDeque<u8>,
}

impl Relay {
    fn new(format: Format, key: Option<ApiKey>, to: Box<dyn Write + Send>) -> Self {
        let longest = if format == Format::Text {
            LONGEST_TEXT
        } else {
            LONGEST_EVENT
        };
        Self {
            reader: Reader::new(format),
            longest,
            key,
            to,
            line: Vec::new(),
            last_words: VecDeque::new(),
        }
    }

    /// Reads to the end, also when nobody takes what is written: an agent must never wait for its reader.
    fn run(&mut self, mut stream: impl Read, printed: impl Fn()) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    printed();
                    self.take(&buffer[..length]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        if !self.line.is_empty() {
            self.pass_on();
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.line.extend_from_slice(&bytes[..end]);
            self.pass_on();
            bytes = &bytes[end + 1..];
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() > self.longest {
            self.pass_on();
        }
    }

    fn pass_on(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let Some(shown) = self.reader.read(text.trim_end_matches('\r')) else {
            return;
        };
        let mut shown = self.redacted(shown);
        shown.push('\n');
        self.last_words.extend(shown.bytes());
        self.last_words
            .drain(..self.last_words.len().saturating_sub(LAST_WORDS));
        // A log that nobody reads any more is no reason to end the agent.
        let _ = self
            .to
            .write_all(shown.as_bytes())
            .and_then(|()| self.to.flush());
    }

    fn redacted(&self, text: String) -> String {
        match &self.key {
            Some(key) => text.replace(key.reveal(), "***"),
            None => text,
        }
    }

    fn said(self) -> Said {
        let error = self
            .reader
            .error()
            .map(|error| self.redacted(error.to_owned()));
        let last_words: Vec<u8> = self.last_words.into_iter().collect();
        Said {
            usage: self.reader.usage(),
            error,
            last_words: String::from_utf8_lossy(&last_words).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn relayed(format: Format, key: Option<&str>, input: &[u8]) -> (String, Said) {
        let log = Log::default();
        let mut relay = Relay::new(format, key.and_then(ApiKey::new), Box::new(log.clone()));
        relay.run(input, || {});
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        (text, relay.said())
    }

    #[test]
    fn lines_are_passed_on_and_the_last_ones_kept() {
        let (text, said) = relayed(Format::Text, None, b"one\r\ntwo\n\nthree");
        assert_eq!(text, "one\ntwo\n\nthree\n");
        assert_eq!(said.last_words, text);
    }

    #[test]
    fn key_is_not_passed_on() {
        let (text, said) = relayed(Format::Text, Some("sk-1"), b"env: KEY=sk-1 sk-1\n");
        assert_eq!(text, "env: KEY=*** ***\n");
        assert!(!said.last_words.contains("sk-1"));
    }

    #[test]
    fn key_is_not_in_the_reported_error() {
        let event = br#"{"type":"error","error":{"data":{"message":"bad key sk-1"}}}"#;
        let (_, said) = relayed(Format::Opencode, Some("sk-1"), event);
        assert_eq!(said.error.as_deref(), Some("bad key ***"));
    }

    #[test]
    fn endless_line_is_passed_on_in_pieces() {
        let (text, _) = relayed(Format::Text, None, &vec![b'x'; 5 * LONGEST_TEXT]);
        assert!(text.lines().count() > 1);
        assert_eq!(text.matches('x').count(), 5 * LONGEST_TEXT);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        assert_eq!(relayed(Format::Text, None, b"a\xffb\n").0, "a\u{fffd}b\n");
    }
}
