//! Lines with their length in front (gitprotocol-common(5)).

use super::{WireError, WireStream};

/// The longest line that may be sent, with its length.
const LONGEST: usize = 65_520;

/// One line, or the mark that ends a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pkt {
    Line(Vec<u8>),
    Flush,
}

/// `content` as a line. It must be shorter than [`LONGEST`].
pub(super) fn line(content: &[u8]) -> Vec<u8> {
    let mut line = format!("{:04x}", content.len() + 4).into_bytes();
    line.extend_from_slice(content);
    line
}

pub(super) const FLUSH: &[u8] = b"0000";

/// Reads line by line; what comes after the last line stays in the stream.
pub(super) struct Lines<R> {
    read: R,
    buffer: Vec<u8>,
}

impl<R: FnMut(&mut [u8]) -> Result<usize, WireError>> Lines<R> {
    pub(super) fn new(read: R) -> Self {
        Self {
            read,
            buffer: Vec::new(),
        }
    }

    /// The next line; `None` at the end of the stream.
    pub(super) fn next(&mut self) -> Result<Option<Pkt>, WireError> {
        if !self.fill(4)? {
            return Ok(None);
        }
        let length = length(&self.buffer[..4]);
        match length {
            Some(0) => {
                self.buffer.drain(..4);
                Ok(Some(Pkt::Flush))
            }
            Some(length @ 4..=LONGEST) => {
                if !self.fill(length)? {
                    return Err(broken());
                }
                let content = self.buffer[4..length].to_vec();
                self.buffer.drain(..length);
                Ok(Some(Pkt::Line(content)))
            }
            _ => Err(WireError::Protocol("a line has no length".to_owned())),
        }
    }

    /// Whether at least `wanted` bytes are there; false at the end of the stream.
    fn fill(&mut self, wanted: usize) -> Result<bool, WireError> {
        let mut part = [0; 8 << 10];
        while self.buffer.len() < wanted {
            match (self.read)(&mut part)? {
                0 if self.buffer.is_empty() => return Ok(false),
                0 => return Err(broken()),
                length => self.buffer.extend_from_slice(&part[..length]),
            }
        }
        Ok(true)
    }
}

/// Four hexadecimal digits, and nothing that Rust would take for a number beside them.
fn length(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    usize::from_str_radix(text, 16).ok()
}

pub(super) fn broken() -> WireError {
    WireError::Broken("the answer ends in the middle".to_owned())
}

/// A reader of a stream.
pub(super) fn lines(
    stream: &mut dyn WireStream,
) -> Lines<impl FnMut(&mut [u8]) -> Result<usize, WireError>> {
    Lines::new(|buffer: &mut [u8]| stream.read(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of `bytes` when they arrive `step` at a time.
    fn read(bytes: &[u8], step: usize) -> Result<Vec<Pkt>, WireError> {
        let mut rest = bytes;
        let mut lines = Lines::new(move |buffer: &mut [u8]| {
            let length = step.min(rest.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            rest = &rest[length..];
            Ok(length)
        });
        let mut found = Vec::new();
        while let Some(pkt) = lines.next()? {
            found.push(pkt);
        }
        Ok(found)
    }

    #[test]
    fn lines_are_read_however_they_arrive() {
        let bytes = [line(b"hello\n"), FLUSH.to_vec(), line(b""), line(b"x")].concat();
        let expected = [
            Pkt::Line(b"hello\n".to_vec()),
            Pkt::Flush,
            Pkt::Line(Vec::new()),
            Pkt::Line(b"x".to_vec()),
        ];
        for step in 1..bytes.len() {
            assert_eq!(
                read(&bytes, step).unwrap(),
                expected,
                "{step} bytes at a time"
            );
        }
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for bytes in [
            b"xxxx".as_slice(),
            b"0003",
            b"ffff",
            b"+004",
            b"00",
            b"0008abc",
        ] {
            assert!(read(bytes, 100).is_err(), "{bytes:?}");
        }
    }
}
