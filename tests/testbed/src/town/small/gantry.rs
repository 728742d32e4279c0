//! Rig `gantry`: plans which ship lies where and which crane unloads it.

use super::{Bead, Calendar};

pub(super) fn beads(when: Calendar) -> Vec<Bead> {
    [late_vessels(when), cranes(when), upkeep(when)].concat()
}

fn late_vessels(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new("epic", "gy-8pd", "Berth planner copes with late vessels", when.ago(21, 310))
            .priority(1)
            .labelled(&["planner"])
            .says("A vessel that is more than two hours late blocks its berth for the whole shift, because the plan is only \
                   made at 06:00.\n\nThe planner should take a new ETA at any time and move only what has to move."),
        Bead::new("task", "gy-8pd.1", "Read ETA changes from the port feed", when.ago(20, 95))
            .priority(1)
            .under("gy-8pd")
            .says("Poll /v2/arrivals every minute, keep the last ETA per call sign, emit a change only above 10 minutes.")
            .closed(when.ago(13, 40), "Feed reader merged, 3 days of recorded arrivals as test data"),
        Bead::new("task", "gy-8pd.2", "Replan a single berth without touching its neighbours", when.ago(20, 90))
            .priority(1)
            .under("gy-8pd")
            .blocked_by("gy-8pd.1")
            .says("Input: plan, berth, new ETA. Output: the smallest set of moves. Fixed slots (reefers, hazardous cargo) stay.")
            .accepted_when("- [ ] a fixed slot never moves\n- [ ] a replan of 40 berths takes under 200 ms\n- [ ] undo gives the \
                            old plan back byte for byte"),
        Bead::new("task", "gy-8pd.3", "Tell the yard which containers to restack", when.ago(20, 84))
            .under("gy-8pd")
            .blocked_by("gy-8pd.2")
            .labelled(&["polecat"])
            .says("The yard system takes a list of (container, from, to). Send it once per replan, not once per move."),
        Bead::new("feature", "gy-8pd.4", "Show the reason for a moved vessel on the board", when.ago(19, 700))
            .under("gy-8pd")
            .blocked_by("gy-8pd.2")
            .by("gantry/crew/ines")
            .labelled(&["polecat"])
            .says("Dispatchers call the office because they cannot see why a ship moved. One line under the name is enough."),
    ]
}

fn cranes(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new("bug", "gy-3vq", "Crane 4 is planned during its maintenance window", when.ago(4, 222))
            .priority(0)
            .by("gantry/crew/ines")
            .labelled(&["planner", "customer"])
            .says("Seen on two nights. The window is stored in local time and compared in UTC, so from 22:00 to 00:00 the crane \
                   counts as free.\n\nSteps: set a window of 22:00-02:00, plan a vessel for 22:30, look at crane 4.")
            .commented("gantry/witness", when.ago(3, 610), "Reproduced with the plan of Tuesday. Only windows that cross midnight."),
        Bead::new("bug", "gy-k1z", "Two cranes may reach for the same bay", when.ago(9, 45))
            .priority(0)
            .says("The lock is taken per vessel, not per bay. With two plans open the second save wins.")
            .held("hooked", "gantry/polecats/nux"),
        Bead::new("task", "gy-5tc", "Keep crane telemetry for 30 days instead of 7", when.ago(8, 30))
            .priority(3)
            .labelled(&["storage"])
            .says("About 4 GB a day before compression. Partition by day so that dropping is cheap."),
        Bead::new("feature", "gy-w7h", "Warn the planner when wind closes a crane", when.ago(6, 400))
            .blocked_by("gy-5tc")
            .labelled(&["planner", "safety"])
            .says("Above 20 m/s a crane stops. Use the ten-minute mean of its own anemometer, and give the planner 15 minutes of \
                   notice from the trend."),
    ]
}

fn upkeep(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new("chore", "gy-n40", "Move the planner's integration tests off the shared database", when.ago(15, 10))
            .priority(3)
            .says("Every Monday somebody's migration breaks everybody's branch. One schema per test run.")
            .held("in_progress", "gantry/crew/ines"),
        Bead::new("chore", "gy-2ra", "Drop support for the 2019 berth file format", when.ago(40, 5))
            .priority(4)
            .shelved()
            .says("The last terminal that sends it switches over in spring."),
        Bead::new("task", "gy-b6m", "Switch the arrivals feed to the new API key", when.ago(2, 55))
            .priority(1)
            .not_before(when.ahead(9))
            .says("The key becomes valid with their next release. The old one keeps working for two weeks after that."),
        Bead::new("decision", "gy-d1x", "Plans are stored as full snapshots, not as diffs", when.ago(30, 0))
            .closed(when.ago(28, 0), "Snapshots: 60 KB each, and a restore needs no replay")
            .says("Diffs are smaller, but a restore has to replay up to 400 of them and every format change needs a migration."),
    ]
}
