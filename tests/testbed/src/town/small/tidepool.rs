//! Rig `tidepool`: collects sensor data and draws it.

use super::{Bead, Calendar};

pub(super) fn beads(when: Calendar) -> Vec<Bead> {
    [charts(when), ingestion(when), upkeep(when)].concat()
}

fn charts(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new("epic", "tp-r2g", "Charts stay smooth with a year of data", when.ago(18, 420))
            .says("A year at one sample a second is 31 million points. The browser gets at most two per pixel."),
        Bead::new("task", "tp-r2g.1", "Downsample on the server, keeping peaks", when.ago(18, 400))
            .priority(1)
            .under("tp-r2g")
            .says("Largest triangle three buckets per series; the alarm threshold must never vanish from the curve.")
            .accepted_when("- [ ] 31 million points to 2,000 in under 300 ms\n- [ ] every sample above the threshold survives"),
        Bead::new("task", "tp-r2g.2", "Load the next zoom level before it is asked for", when.ago(18, 390))
            .under("tp-r2g")
            .blocked_by("tp-r2g.1")
            .says("One level in each direction, cancelled when the user moves on."),
        Bead::new("bug", "tp-h8n", "Chart of buoy 12 jumps back an hour in October", when.ago(13, 333))
            .priority(1)
            .labelled(&["time"])
            .says("The axis is built in local time. On the night of the change two points share a label and the line folds back."),
        Bead::new("feature", "tp-4yk", "Share a chart as a link that shows the same minute", when.ago(10, 9))
            .priority(3)
            .blocked_by("tp-h8n")
            .by("tidepool/crew/mara")
            .says("Range, series and zoom in the fragment. Absolute instants, no 'last 24 hours'."),
    ]
}

fn ingestion(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new("bug", "tp-z0d", "Gateway drops samples while its certificate is renewed", when.ago(1, 205))
            .priority(0)
            .labelled(&["ingest"])
            .says("The listener is closed and opened again: 2 to 4 seconds of loss, once every 60 days per gateway, which is daily \
                   for somebody.\n\nKeep the listener, swap the certificate behind it.")
            .commented("tidepool/witness", when.ago(1, 60), "Seen today on three gateways at 04:00."),
        Bead::new("task", "tp-6lw", "Accept samples up to two days late", when.ago(16, 111))
            .says("A buoy without network keeps its samples. Today everything older than ten minutes is refused with 422."),
        Bead::new("task", "tp-a9c", "Count what each gateway loses", when.ago(16, 101))
            .blocked_by("tp-6lw")
            .labelled(&["ingest", "metrics"])
            .says("Sequence numbers are in the frame already. A gap that a late sample fills is not a loss."),
        Bead::new("feature", "tp-o5j", "Alarm when a sensor goes silent", when.ago(16, 95))
            .priority(1)
            .blocked_by("tp-a9c")
            .says("Silent means: nothing for three times its own interval, and its gateway is alive."),
        Bead::new("task", "tp-3ei", "Import the hand-written tide logs of 1998 to 2004", when.ago(50, 30))
            .priority(4)
            .shelved()
            .says("Scans exist. Somebody has to type them or teach a model to."),
    ]
}

fn upkeep(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new(
            "chore",
            "tp-v1f",
            "Upgrade the time-series database to the next major version",
            when.ago(22, 18),
        )
        .says("Dump, restore and compare counts per day on a copy first.")
        .closed(
            when.ago(2, 300),
            "Done on the copy and in production, counts equal for all 1,461 days",
        ),
        Bead::new(
            "chore",
            "tp-8ub",
            "Delete the old polling collector",
            when.ago(14, 250),
        )
        .priority(3)
        .blocked_by("tp-v1f")
        .says("Nothing has talked to it since May. About 2,300 lines."),
        Bead::new(
            "task",
            "tp-k7q",
            "Document the frame format for the buoy vendor",
            when.ago(6, 66),
        )
        .priority(3)
        .by("tidepool/crew/mara")
        .labelled(&["docs"])
        .says("One page: header, sequence number, CRC, three example frames in hex."),
    ]
}
