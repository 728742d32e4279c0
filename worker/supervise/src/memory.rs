//! How often the kernel ended a process of this container for want of memory.

use std::path::Path;

/// Where cgroup v2 and v1 count it, as a container sees its own cgroup.
const COUNTERS: [&str; 2] = [
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
];

/// The count so far; 0 where the kernel does not say.
#[must_use]
pub(crate) fn kills() -> u64 {
    COUNTERS
        .iter()
        .find_map(|file| count(&std::fs::read_to_string(Path::new(file)).ok()?))
        .unwrap_or_default()
}

fn count(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_is_found_in_both_forms() {
        assert_eq!(
            count("low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n"),
            Some(1)
        );
        assert_eq!(
            count("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
            Some(4)
        );
        assert_eq!(count("under_oom 0\n"), None);
    }
}
