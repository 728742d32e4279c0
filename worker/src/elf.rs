//! Whether a program runs in any image: an ELF file (System V ABI, chapter 4) that asks for no dynamic linker.

/// Why a file is not such a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStatic {
    #[error("it is not an ELF program")]
    NotElf,
    #[error(
        "it needs a dynamic linker, which another image may not have: build it with the C library linked in"
    )]
    Dynamic,
}

const MAGIC: &[u8] = b"\x7fELF";
const PT_INTERP: u32 = 3;

/// How the fields of a file are laid out.
struct Layout {
    wide: bool,
    little: bool,
}

/// Checks the head of a program file; `bytes` must hold all program headers, which stand at its beginning.
///
/// # Errors
/// When the program cannot run on its own.
pub fn check_static(bytes: &[u8]) -> Result<(), NotStatic> {
    match segment_types(bytes) {
        None => Err(NotStatic::NotElf),
        Some(types) if types.contains(&PT_INTERP) => Err(NotStatic::Dynamic),
        Some(_) => Ok(()),
    }
}

/// The type of each program header; `None` when this is no ELF file or its headers are not all there.
fn segment_types(bytes: &[u8]) -> Option<Vec<u32>> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let layout = Layout {
        wide: *rest.first()? == 2,
        little: *rest.get(1)? == 1,
    };
    let (table, size, count) = if layout.wide {
        (0x20, 0x36, 0x38)
    } else {
        (0x1c, 0x2a, 0x2c)
    };
    let offset = layout.number(bytes, table, if layout.wide { 8 } else { 4 })?;
    let size = layout.number(bytes, size, 2)?;
    let count = layout.number(bytes, count, 2)?;
    (0..count)
        .map(|index| {
            let at = offset.checked_add(index.checked_mul(size)?)?;
            u32::try_from(layout.number(bytes, usize::try_from(at).ok()?, 4)?).ok()
        })
        .collect()
}

impl Layout {
    fn number(&self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.little {
            field.iter().rev().fold(0, add)
        } else {
            field.iter().fold(0, add)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit little-endian file with program headers of these types.
    fn elf(types: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 0x40];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[0x20] = 0x40;
        bytes[0x36] = 0x38;
        bytes[0x38] = u8::try_from(types.len()).unwrap();
        for kind in types {
            bytes.extend(kind.to_le_bytes());
            bytes.extend([0; 0x34]);
        }
        bytes
    }

    #[test]
    fn program_without_a_linker_is_static() {
        assert_eq!(check_static(&elf(&[1, 1, 2])), Ok(()));
    }

    #[test]
    fn program_that_names_a_linker_is_not() {
        assert_eq!(
            check_static(&elf(&[6, PT_INTERP, 1])),
            Err(NotStatic::Dynamic)
        );
    }

    #[test]
    fn anything_else_is_no_program() {
        for bytes in [
            b"".as_slice(),
            b"#!/bin/sh\n",
            b"\x7fELF",
            &elf(&[1, 1])[..0x50],
        ] {
            assert_eq!(check_static(bytes), Err(NotStatic::NotElf));
        }
    }

    #[test]
    fn this_test_itself_needs_a_linker() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(check_static(&own), Err(NotStatic::Dynamic));
    }
}
