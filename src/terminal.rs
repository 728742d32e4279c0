//! Standard output and what is known of it.

use std::io::{self, IsTerminal, Write};

use crate::cli::{Colour, OutputArgs};
use crate::view::paint::Paint;
use crate::view::table::Header;

/// Writes to standard output. A reader that has gone away (`| head`) is no error: nobody is left to tell.
///
/// # Errors
/// When the output cannot be written for any other reason, such as a full disk.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Writes a line for people to standard error, where it is in nobody's way.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether to use colours on standard output (<https://no-color.org>).
#[must_use]
pub fn paint(when: Colour) -> Paint {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match when {
        Colour::Always => Paint::Ansi,
        Colour::Auto if io::stdout().is_terminal() && !is_refused && !is_dumb => Paint::Ansi,
        Colour::Auto | Colour::Never => Paint::Plain,
    }
}

/// Whether tables have a header.
#[must_use]
pub fn header(args: &OutputArgs) -> Header {
    if args.no_headers {
        Header::Hidden
    } else {
        Header::Shown
    }
}
