//! The town's convoys: batches that cross rigs.

use super::{Bead, Calendar};

pub(super) fn beads(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new(
            "convoy",
            "hq-cv-7ma2q",
            "Nothing urgent left before the audit",
            when.ago(4, 20),
        )
        .priority(1)
        .tracks(&["gy-3vq", "gy-k1z", "lg-0fu", "tp-z0d"])
        .says("All four P0 bugs. The auditors come on the first."),
        Bead::new(
            "convoy",
            "hq-cv-x30fd",
            "Late vessels, end to end",
            when.ago(12, 200),
        )
        .tracks(&["gy-8pd.1", "gy-8pd.2", "gy-8pd.3", "gy-8pd.4"])
        .labelled(&["gt:owned"])
        .by("gantry/crew/ines")
        .says("merge: mr\n\nLands together, when the yard says so."),
        Bead::new(
            "convoy",
            "hq-cv-b81ke",
            "Batch: 3 beads to tidepool",
            when.ago(5, 5),
        )
        .tracks(&["tp-6lw", "tp-a9c", "tp-o5j"])
        .says("Auto-created convoy tracking tp-6lw, tp-a9c, tp-o5j"),
        Bead::new(
            "convoy",
            "hq-cv-e04hs",
            "Work: Upgrade the time-series database to the next major version",
            when.ago(21, 3),
        )
        .tracks(&["tp-v1f"])
        .says("Auto-created convoy tracking tp-v1f")
        .closed(when.ago(2, 295), "All tracked issues completed"),
    ]
}
