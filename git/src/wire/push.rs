//! Pushing (gitprotocol-pack(5)), without libgit2: its own cannot push from a clone that has not all of the history, and sends again
//! what the server has but does not name.

use std::collections::BTreeMap;

use git2::Oid;
use git2::transport::Service;

use super::pkt::{self, FLUSH, Pkt, lines};
use super::{ExchangeError, Limits, Wire, WireError, WireStream};

/// What changes on the server: one ref from where it was seen to where it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// `refs/heads/…`.
    pub reference: String,
    pub old: Option<Oid>,
    pub new: Oid,
}

/// How the server took an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    /// In its own words.
    Refused(String),
    /// None was sent.
    NotAsked,
}

/// Foreign words that are kept.
const MAX_WORDS: usize = 2 << 10;
/// Packs are sent in pieces of at most this size.
const PIECE: usize = 64 << 10;

/// What a server says first.
#[derive(Debug, Default, PartialEq, Eq)]
struct Greeting {
    refs: BTreeMap<String, Oid>,
    capabilities: Vec<String>,
}

impl Wire {
    /// Pushes one update. `decide` sees the server's refs and says what to send; the server takes it only if the ref is still where it was
    /// seen. `pack` writes a pack with every object that the server does not have.
    ///
    /// # Errors
    /// When the server, the way to it or our own disk failed.
    pub fn push(
        &self,
        limits: &Limits,
        decide: impl FnOnce(&BTreeMap<String, Oid>) -> Option<Update>,
        pack: impl FnOnce(&mut dyn FnMut(&[u8]) -> bool) -> Result<(), git2::Error>,
    ) -> Result<Answer, ExchangeError> {
        let mut stream = self
            .0
            .open(Service::ReceivePackLs, limits)
            .map_err(ExchangeError::Wire)?;
        let greeting = greeting(stream.as_mut()).map_err(ExchangeError::Wire)?;
        let Some(update) = decide(&greeting.refs) else {
            if !self.0.stateless() {
                // What matters has been said: the server may have gone already.
                let _ = stream.write(FLUSH);
            }
            return Ok(Answer::NotAsked);
        };
        let Some(capabilities) = capabilities(&greeting) else {
            return Err(ExchangeError::Wire(WireError::Protocol(
                "the server does not report what it did with a push".to_owned(),
            )));
        };
        if self.0.stateless() {
            stream = self
                .0
                .open(Service::ReceivePack, limits)
                .map_err(ExchangeError::Wire)?;
        }
        send(stream.as_mut(), &update, &capabilities, pack)?;
        answer(
            stream.as_mut(),
            &update.reference,
            capabilities.contains(&SIDE_BAND),
        )
        .map_err(ExchangeError::Wire)
    }
}

const SIDE_BAND: &str = "side-band-64k";
const REPORT: &str = "report-status";

/// What we ask for of what the server can do; `None` when it cannot even say how a push went.
fn capabilities(greeting: &Greeting) -> Option<Vec<&'static str>> {
    let has = |capability: &&str| {
        greeting
            .capabilities
            .iter()
            .any(|other| other == capability)
    };
    has(&REPORT).then(|| [REPORT, SIDE_BAND].into_iter().filter(has).collect())
}

/// The refs, with the capabilities behind the first of them. Over http a line that names the service stands before.
fn greeting(stream: &mut dyn WireStream) -> Result<Greeting, WireError> {
    let mut greeting = Greeting::default();
    let mut lines = lines(stream);
    let mut first = true;
    loop {
        match lines.next()? {
            None if first => return Err(pkt::broken()),
            None => return Ok(greeting),
            Some(Pkt::Flush) if first => {}
            Some(Pkt::Flush) => return Ok(greeting),
            Some(Pkt::Line(line)) if line.starts_with(b"# service=") => {}
            Some(Pkt::Line(line)) => {
                first = false;
                take(&mut greeting, &line)?;
            }
        }
    }
}

fn take(greeting: &mut Greeting, line: &[u8]) -> Result<(), WireError> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches('\n');
    if let Some(words) = text.strip_prefix("ERR ") {
        return Err(WireError::said(words));
    }
    let (text, capabilities) = text.split_once('\0').unwrap_or((text, ""));
    greeting
        .capabilities
        .extend(capabilities.split_whitespace().map(str::to_owned));
    if text.starts_with("version ") || text.starts_with("shallow ") {
        return Ok(());
    }
    let (id, name) = text
        .split_once(' ')
        .ok_or_else(|| WireError::Protocol("a ref has no name".to_owned()))?;
    let id =
        Oid::from_str(id).map_err(|_| WireError::Protocol("a ref names no commit".to_owned()))?;
    if name.starts_with("refs/") {
        greeting.refs.insert(name.to_owned(), id);
    }
    Ok(())
}

fn send(
    stream: &mut dyn WireStream,
    update: &Update,
    capabilities: &[&str],
    pack: impl FnOnce(&mut dyn FnMut(&[u8]) -> bool) -> Result<(), git2::Error>,
) -> Result<(), ExchangeError> {
    let old = update.old.unwrap_or(Oid::ZERO_SHA1);
    let command = format!(
        "{old} {} {}\0 {}",
        update.new,
        update.reference,
        capabilities.join(" ")
    );
    let head = [pkt::line(command.as_bytes()), FLUSH.to_vec()].concat();
    stream.write(&head).map_err(ExchangeError::Wire)?;
    let mut failure = None;
    let mut write = |bytes: &[u8]| {
        let sent = bytes
            .chunks(PIECE)
            .try_for_each(|piece| stream.write(piece));
        sent.map_err(|error| failure = Some(error)).is_ok()
    };
    let packed = pack(&mut write);
    match failure {
        Some(error) => Err(ExchangeError::Wire(error)),
        None => packed.map_err(ExchangeError::Local),
    }
}

/// The server's report (`unpack ok`, then `ok REF` or `ng REF REASON`), and what its hooks printed.
fn answer(
    stream: &mut dyn WireStream,
    reference: &str,
    side_band: bool,
) -> Result<Answer, WireError> {
    let (report, words) = if side_band {
        unbanded(stream)?
    } else {
        (all(stream)?, Vec::new())
    };
    let mut rest = report.as_slice();
    let mut report = pkt::Lines::new(move |buffer: &mut [u8]| {
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        rest = &rest[length..];
        Ok(length)
    });
    let mut unpacked = String::new();
    while let Some(Pkt::Line(line)) = report.next()? {
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\n');
        if let Some(result) = line.strip_prefix("unpack ") {
            unpacked = result.to_owned();
        } else if line == format!("ok {reference}") {
            return Ok(Answer::Accepted);
        } else if let Some(reason) = line.strip_prefix(&format!("ng {reference} ")) {
            return Ok(Answer::Refused(refusal(reason, &words)));
        }
    }
    if unpacked.is_empty() || unpacked == "ok" {
        Err(pkt::broken())
    } else {
        Ok(Answer::Refused(refusal(&unpacked, &words)))
    }
}

fn refusal(reason: &str, words: &[u8]) -> String {
    let words = WireError::one_line(&String::from_utf8_lossy(words));
    let reason = WireError::one_line(reason);
    if words.is_empty() {
        reason
    } else {
        format!("{reason} (the server says: {words})")
    }
}

/// The report out of band 1, and as much of the words in band 2 as is worth keeping. Band 3 is a failure.
fn unbanded(stream: &mut dyn WireStream) -> Result<(Vec<u8>, Vec<u8>), WireError> {
    let (mut report, mut words) = (Vec::new(), Vec::new());
    let mut lines = lines(stream);
    while let Some(Pkt::Line(line)) = lines.next()? {
        match line.split_first() {
            Some((1, content)) => report.extend_from_slice(content),
            Some((2, content)) => words.extend_from_slice(
                &content[..content.len().min(MAX_WORDS.saturating_sub(words.len()))],
            ),
            Some((3, content)) => return Err(WireError::said(&String::from_utf8_lossy(content))),
            _ => return Err(WireError::Protocol("a line is in no band".to_owned())),
        }
    }
    Ok((report, words))
}

fn all(stream: &mut dyn WireStream) -> Result<Vec<u8>, WireError> {
    let (mut bytes, mut part) = (Vec::new(), [0; 8 << 10]);
    loop {
        match stream.read(&mut part)? {
            0 => return Ok(bytes),
            length => bytes.extend_from_slice(&part[..length]),
        }
        if bytes.ends_with(FLUSH) {
            return Ok(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
