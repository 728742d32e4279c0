//! Files of a folder that somebody else can write to as well: no link is followed, nothing is read without bound, and a file is either
//! there with all its content or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Space set aside for a record, so that it can be written when the disk is full.
const RESERVE: usize = 16 * 1024;

/// The lock of a living process. The kernel opens it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lasts as long as its file is open")] File);

impl Lock {
    /// Takes the lock at `path`.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another process has it, else what the file system says.
    pub fn take(path: &Path) -> io::Result<Self> {
        let file = open(path, OpenOptions::new().read(true).write(true).create(true))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self(file))
    }

    /// Whether a living process holds the lock at `path`. A lock that was never made is not held.
    ///
    /// # Errors
    /// What the file system says.
    pub fn is_held(path: &Path) -> io::Result<bool> {
        let file = match open(path, OpenOptions::new().read(true)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// A file that will be written once, with its space set aside now.
#[derive(Debug)]
pub struct Reserved {
    file: File,
    draft: std::path::PathBuf,
    target: std::path::PathBuf,
}

impl Reserved {
    /// Sets the space aside beside `target`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(target: &Path) -> io::Result<Self> {
        let draft = target.with_extension("draft");
        let mut file = open(
            &draft,
            OpenOptions::new().write(true).create(true).truncate(true),
        )?;
        file.write_all(&[b' '; RESERVE])?;
        file.sync_all()?;
        Ok(Self {
            file,
            draft,
            target: target.to_owned(),
        })
    }

    /// Puts `bytes` at the target, all or nothing. White space follows up to the space set aside.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(mut self, bytes: &[u8]) -> io::Result<()> {
        io::Seek::rewind(&mut self.file)?;
        self.file.write_all(bytes)?;
        self.file.sync_all()?;
        std::fs::rename(&self.draft, &self.target)
    }
}

/// Writes `bytes` to `path`, all or nothing.
///
/// # Errors
/// What the file system says.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = open(
        &draft,
        OpenOptions::new().write(true).create(true).truncate(true),
    )?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}

/// Reads `path`; `None` when it is not there.
///
/// # Errors
/// When it is a link, not a plain file, longer than `limit` bytes, or cannot be read.
pub fn read(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a plain file",
        ));
    }
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {limit} bytes"),
        ));
    }
    Ok(Some(bytes))
}

/// Opens without following a link at `path` and without waiting for the other end of a pipe.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    options.custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_is_held_until_its_holder_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!Lock::is_held(&path).unwrap());
        let lock = Lock::take(&path).unwrap();
        assert!(Lock::is_held(&path).unwrap());
        assert_eq!(
            Lock::take(&path).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        drop(lock);
        assert!(!Lock::is_held(&path).unwrap());
    }

    #[test]
    fn reserved_file_appears_when_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ended.json");
        let reserved = Reserved::new(&path).unwrap();
        assert_eq!(read(&path, 100).unwrap(), None);
        reserved.write(b"{\"a\":1}").unwrap();
        let bytes = read(&path, 1 << 20).unwrap().unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap(),
            serde_json::json!({"a": 1})
        );
    }

    #[test]
    fn link_pipe_and_folder_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "s").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        assert!(read(&link, 100).is_err());
        assert!(
            write(&link, b"").is_ok(),
            "a rename replaces the link, it does not follow it"
        );
        assert_eq!(std::fs::read(&secret).unwrap(), b"s");
        assert!(read(folder.path(), 100).is_err());
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        assert!(read(&pipe, 100).is_err());
    }

    #[test]
    fn file_beyond_its_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap().unwrap(), b"12345");
        assert_eq!(
            read(&path, 4).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }
}
