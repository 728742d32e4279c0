//! A town of any size. Issues come in families of twenty: an epic, its children, loose issues, and now and then a convoy.

use jiff::{SignedDuration, Timestamp};

use super::bead::Bead;
use super::dice::Dice;
use super::{RIGS, Rig, words};

const FAMILY: usize = 20;
/// One family in this many is followed by a convoy that tracks some of it.
const FAMILIES_PER_CONVOY: usize = 5;

/// `count` issues, the oldest three years before `now`.
pub(super) fn beads(count: usize, now: Timestamp) -> Vec<Bead> {
    let mut grower = Grower {
        dice: Dice::new(20_26),
        now,
        count,
        beads: Vec::with_capacity(count),
    };
    while grower.beads.len() < count {
        grower.grow_family();
    }
    grower.beads
}

struct Grower {
    dice: Dice,
    now: Timestamp,
    count: usize,
    beads: Vec<Bead>,
}

impl Grower {
    fn grow_family(&mut self) {
        let first = self.beads.len();
        let rig = RIGS[(first / FAMILY) % RIGS.len()];
        let size = FAMILY.min(self.count - first);
        let epic_id = bead_id(rig, first);
        for place in 0..size {
            let created_at = self.created_at(first + place);
            let bead = match place {
                0 => self.epic(&epic_id, created_at),
                _ if self.wants_convoy(first, place) => self.convoy(first, created_at),
                1..=8 => {
                    let child = self
                        .work(&format!("{epic_id}.{place}"), created_at)
                        .under(&epic_id);
                    self.maybe_blocked(child, first)
                }
                _ => {
                    let loose = self.work(&bead_id(rig, first + place), created_at);
                    self.maybe_blocked(loose, first)
                }
            };
            let bead = self.lived(bead, rig);
            self.beads.push(bead);
        }
    }

    fn wants_convoy(&self, first: usize, place: usize) -> bool {
        place == FAMILY - 1 && (first / FAMILY).is_multiple_of(FAMILIES_PER_CONVOY)
    }

    /// Spread evenly over three years.
    fn created_at(&self, index: usize) -> Timestamp {
        let minutes_back = 3 * 365 * 24 * 60 * (self.count - index) / self.count;
        let seconds = i64::try_from(minutes_back).unwrap_or(0) * 60 + (index % 60) as i64;
        self.now
            .saturating_sub(SignedDuration::from_secs(seconds))
            .unwrap_or(self.now)
    }

    fn epic(&mut self, id: &str, created_at: Timestamp) -> Bead {
        let title = format!("Rework of the {}", self.dice.pick(&words::THINGS));
        Bead::new("epic", id, &title, created_at)
            .says(self.sentences(3, 8))
            .priority(1)
    }

    fn convoy(&mut self, first: usize, created_at: Timestamp) -> Bead {
        let size = self.dice.between(3, 8);
        let members: Vec<String> = (0..size)
            .map(|place| self.beads[first + 1 + place].id.clone())
            .collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        Bead::new(
            "convoy",
            &format!("hq-cv-{}", base36(first, 5)),
            &format!("Batch: {size} beads"),
            created_at,
        )
        .says(format!(
            "Auto-created convoy tracking {}",
            members.join(", ")
        ))
        .tracks(&members)
    }

    fn work(&mut self, id: &str, created_at: Timestamp) -> Bead {
        let thing = self.dice.pick(&words::THINGS);
        let (issue_type, title) = match self.dice.below(10) {
            0..=3 => (
                "bug",
                format!("{} {}", capitalised(thing), self.dice.pick(&words::BUGS)),
            ),
            4..=5 => (
                "feature",
                format!("{} the {thing}", self.dice.pick(&words::TASKS)),
            ),
            6 => ("chore", format!("Clean up the {thing}")),
            _ => (
                "task",
                format!("{} the {thing}", self.dice.pick(&words::TASKS)),
            ),
        };
        let priority = [0, 1, 1, 2, 2, 2, 2, 3, 3, 4][self.dice.below(10)];
        let bead = Bead::new(issue_type, id, &title, created_at).priority(priority);
        self.described(bead)
    }

    /// Most issues say little; a few are essays.
    fn described(&mut self, bead: Bead) -> Bead {
        match self.dice.below(100) {
            0..=29 => bead,
            30..=69 => bead.says(self.sentences(1, 3)),
            70..=92 => bead
                .says(self.sentences(4, 10))
                .accepted_when(self.criteria()),
            _ => bead.says(self.essay()).accepted_when(self.criteria()),
        }
    }

    fn maybe_blocked(&mut self, bead: Bead, first: usize) -> Bead {
        if self.dice.chance(30) && self.beads.len() > first + 1 {
            let blocker = self.dice.between(first + 1, self.beads.len() - 1);
            return bead.blocked_by(&self.beads[blocker].id);
        }
        bead
    }

    /// What time has done to the issue: labels, comments, a status.
    fn lived(&mut self, mut bead: Bead, rig: Rig) -> Bead {
        if self.dice.chance(20) {
            bead = bead.labelled(&[self.dice.pick(&words::LABELS)]);
        }
        if self.dice.chance(8) {
            let text = self.sentences(1, 4);
            let at = bead.created_at;
            bead = bead.commented(&format!("{}/witness", rig.name), at, text);
        }
        match self.dice.below(100) {
            0..=54 => {
                let at = bead
                    .created_at
                    .saturating_add(SignedDuration::from_hours(30))
                    .unwrap_or(self.now)
                    .min(self.now);
                bead.closed(at, self.dice.pick(&words::REASONS))
            }
            55..=57 => bead.held(
                "hooked",
                &format!("{}/polecats/{}", rig.name, self.dice.pick(&words::POLECATS)),
            ),
            58..=59 => bead.held("in_progress", &format!("{}/crew/ines", rig.name)),
            60..=61 => bead.shelved(),
            62 => {
                let days = self.dice.between(2, 400) as i64;
                bead.not_before(
                    self.now
                        .saturating_add(SignedDuration::from_hours(24 * days))
                        .unwrap_or(self.now),
                )
            }
            _ => bead,
        }
    }

    fn sentences(&mut self, low: usize, high: usize) -> String {
        let count = self.dice.between(low, high);
        (0..count)
            .map(|_| self.dice.pick(&words::SENTENCES))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn criteria(&mut self) -> String {
        let count = self.dice.between(2, 5);
        (0..count)
            .map(|_| format!("- [ ] {}", self.dice.pick(&words::CRITERIA)))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn essay(&mut self) -> String {
        ["Problem", "What was tried", "Plan"]
            .map(|heading| format!("## {heading}\n{}", self.sentences(5, 24)))
            .join("\n\n")
    }
}

/// Five characters that differ for every `number` and look drawn by lot.
fn bead_id(rig: Rig, number: usize) -> String {
    format!("{}-{}", rig.prefix, base36(number, 5))
}

/// The last `digits` base 36 digits of `number` after a shuffle that is one-to-one below 36^`digits`.
fn base36(number: usize, digits: u32) -> String {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = (number as u64).wrapping_mul(29_986_577) % 36_u64.pow(digits);
    let mut text: Vec<char> = Vec::new();
    for _ in 0..digits {
        text.push(char::from(ALPHABET[(rest % 36) as usize]));
        rest /= 36;
    }
    text.into_iter().rev().collect()
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + rest.as_str()
    })
}
