//! The names under which polecats sign their commits.

use sha2::{Digest, Sha256};

/// Themes by name, with names of our own choosing.
const THEMES: [(&str, &[&str]); 3] = [
    (
        "mad-max",
        &[
            "furiosa", "nux", "slit", "rictus", "capable", "toast", "dag", "cheedo", "valkyrie",
            "keeper", "ace", "morsov",
        ],
    ),
    (
        "minerals",
        &[
            "agate",
            "beryl",
            "cobalt",
            "dolomite",
            "feldspar",
            "garnet",
            "jasper",
            "malachite",
            "onyx",
            "quartz",
            "topaz",
            "zircon",
        ],
    ),
    (
        "wasteland",
        &[
            "cinder",
            "drifter",
            "dust",
            "ember",
            "flint",
            "gravel",
            "mirage",
            "raven",
            "rust",
            "scrap",
            "tumbleweed",
            "vulture",
        ],
    ),
];

/// A name from `theme` for a polecat: always the same for the same polecat. An unknown theme is used as the name itself.
#[must_use]
pub fn alias(theme: Option<&str>, polecat: &str) -> String {
    let Some(theme) = theme else {
        return polecat.to_owned();
    };
    let digest = Sha256::digest(polecat.as_bytes());
    let number = usize::from(digest[0]) << 8 | usize::from(digest[1]);
    match THEMES.iter().find(|(name, _)| *name == theme) {
        Some((_, names)) => names[number % names.len()].to_owned(),
        None => format!("{theme}-{:02}", number % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::alias;

    #[test]
    fn polecat_keeps_its_alias() {
        assert_eq!(
            alias(Some("minerals"), "gt-1-1"),
            alias(Some("minerals"), "gt-1-1")
        );
    }

    #[test]
    fn theme_gives_the_names_and_no_theme_gives_the_polecats_own() {
        assert_eq!(alias(None, "gt-1-1"), "gt-1-1");
        assert!(alias(Some("jazz"), "gt-1-1").starts_with("jazz-"));
        let names: std::collections::BTreeSet<_> = (0..200)
            .map(|n| alias(Some("mad-max"), &format!("p-{n}")))
            .collect();
        assert_eq!(names.len(), 12);
    }
}
