//! Mutations of a seed for tests on stable Rust: the same ones on every run.

/// What breaks readers: ends of tokens and lines, markers, bytes that are not UTF-8.
const TOKENS: [&[u8]; 18] = [
    b"\n",
    b"\r\n",
    b"\0",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b",",
    b":",
    b"null",
    b"-1",
    b"\\ud800",
    b"\xEF\xBB\xBF",
    b"\xFF",
    b"<<<<<<< ",
    b"#",
    b" ",
];

/// `count` mutations, each of one of `seeds`.
pub fn mutations(seeds: &[Vec<u8>], count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    (0..count).map(move |_| {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut bytes, seeds, &mut random);
        }
        bytes
    })
}

fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let start = random.below(bytes.len() + 1);
    let end = (start + random.below(16)).min(bytes.len());
    match random.below(6) {
        0 => bytes.truncate(start),
        1 => drop(bytes.drain(start..end)),
        2 => drop(bytes.splice(
            start..start,
            TOKENS[random.below(TOKENS.len())].iter().copied(),
        )),
        3 => drop(bytes.splice(
            start..end,
            TOKENS[random.below(TOKENS.len())].iter().copied(),
        )),
        4 => bytes[start..end]
            .iter_mut()
            .take(1)
            .for_each(|byte| *byte ^= 1 << random.below(8)),
        _ => {
            let other = &seeds[random.below(seeds.len())];
            bytes.splice(
                start..end,
                other[random.below(other.len() + 1)..].iter().copied(),
            );
        }
    }
}

/// Xorshift: enough to wander, and never different.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit.max(1) as u64)).unwrap_or_default()
    }
}
