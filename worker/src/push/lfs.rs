//! Files in Git LFS as the agent left them: in the work tree stands the content, in git its pointer (git-lfs specification, version 1).

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use git2::{AttrCheckFlags, Index, Repository};
use sha2::{Digest, Sha256};

use super::leftover::Why;

const VERSION: &str = "version https://git-lfs.github.com/spec/v1\n";

/// Whether the project keeps this file in Git LFS.
pub(super) fn is_kept(repository: &Repository, path: &Path) -> bool {
    repository
        .get_attr(path, "filter", AttrCheckFlags::FILE_THEN_INDEX)
        .is_ok_and(|filter| filter == Some("lfs"))
}

/// Puts a pointer that the agent wrote, or left alone, into the index. New content cannot go there: it would have to be uploaded first.
pub(super) fn add(
    repository: &Repository,
    index: &mut Index,
    root: &Path,
    path: &Path,
) -> Result<(), Why> {
    let (size, head, hash) = digest(&root.join(path)).map_err(|_| Why::Unreadable)?;
    if head.starts_with(VERSION.as_bytes()) {
        return index.add_path(path).map_err(|_| Why::Unreadable);
    }
    let pointer = repository
        .blob(pointer(&hash, size).as_bytes())
        .map_err(|_| Why::Unreadable)?;
    if index
        .get_path(path, 0)
        .is_some_and(|entry| entry.id == pointer)
    {
        Ok(())
    } else {
        Err(Why::Lfs)
    }
}

fn pointer(hash: &str, size: u64) -> String {
    format!("{VERSION}oid sha256:{hash}\nsize {size}\n")
}

/// The file's size, its first bytes and its SHA-256 in hexadecimal digits.
fn digest(path: &Path) -> io::Result<(u64, Vec<u8>, String)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut head, mut size) = (Sha256::new(), Vec::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        if head.is_empty() {
            head = buffer[..length.min(VERSION.len())].to_vec();
        }
        hasher.update(&buffer[..length]);
        size += length as u64;
    }
    let hash = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((size, head, hash))
}
