//! What the text of a grown town is put together from.

pub(super) const THINGS: [&str; 28] = [
    "berth plan",
    "crane lock",
    "arrivals feed",
    "yard message",
    "tide table",
    "wind trend",
    "invoice export",
    "tariff import",
    "payment match",
    "reminder run",
    "credit note",
    "fee table",
    "sample buffer",
    "gateway listener",
    "chart axis",
    "zoom cache",
    "alarm rule",
    "frame decoder",
    "session token",
    "audit trail",
    "migration step",
    "retry queue",
    "config loader",
    "health check",
    "release script",
    "search index",
    "rate limiter",
    "access log",
];

pub(super) const BUGS: [&str; 10] = [
    "loses the last record",
    "fails when the input is empty",
    "counts the same entry twice",
    "blocks for 30 s on a dead peer",
    "ignores the time zone",
    "leaks a file handle per call",
    "panics on a name with a dot",
    "shows yesterday's value",
    "answers 500 instead of 404",
    "never gives up on a refused login",
];

pub(super) const TASKS: [&str; 10] = [
    "Split",
    "Cover with tests:",
    "Document",
    "Cache",
    "Validate",
    "Make configurable:",
    "Measure",
    "Move out of the web process:",
    "Add a dry run to",
    "Log the cause in",
];

pub(super) const SENTENCES: [&str; 30] = [
    "It happens about once a day and only under load.",
    "The old behaviour was never written down, so ask before changing it.",
    "A second run over the same input must not change anything.",
    "See the thread of last week: three people hit the same wall.",
    "The lock is held while the network is read.",
    "Reproduced on a laptop with the recorded traffic of Tuesday.",
    "Nothing else depends on the return value, I looked.",
    "Keep the public signature; the refinery builds four consumers.",
    "The upstream library fixed this two releases ago.",
    "We agreed on a timeout of 10 s and two retries with jitter.",
    "Start with the smallest case and grow from there.",
    "There is a TODO in the code that says exactly this.",
    "The error message names the wrong file.",
    "Please do not solve this with another background job.",
    "A test that fails today is attached at the end.",
    "Half of the rows have no value there, which is fine.",
    "The dashboard shows the sum, people read it as the mean.",
    "Roll out behind a flag, remove the flag in the next milestone.",
    "It worked until the clock change.",
    "Memory grows by 40 MB an hour and is never given back.",
    "The customer's proxy cuts idle connections after 60 s.",
    "All names are case-sensitive on the server and not in the client.",
    "The migration takes 20 minutes and may be interrupted.",
    "Write the result once, at the end, or a crash leaves half of it.",
    "This is the third report, so let us fix the cause and not the symptom.",
    "Prefer deleting code over adding a condition.",
    "The limit of 500 comes from a test and has no other reason.",
    "Numbers: 1.2 s before, target 200 ms, measured with `hey -n 1000`.",
    "Ordering matters here although the type says it is a set.",
    "Back-fill is not needed, old data expires by itself.",
];

pub(super) const CRITERIA: [&str; 8] = [
    "a test fails without the change",
    "`make check` passes on a clean clone",
    "the old flag still works and warns",
    "p99 stays below 200 ms under the recorded load",
    "the change log has a line for it",
    "no new dependency",
    "a restart in the middle leaves nothing half done",
    "the error says what to do",
];

pub(super) const REASONS: [&str; 6] = [
    "Fixed and covered by a test",
    "Merged in the nightly train",
    "Completed, see the comment for the numbers",
    "Superseded by the rewrite",
    "Could not be reproduced after the upgrade",
    "Direct merge to main",
];

pub(super) const LABELS: [&str; 10] = [
    "backend",
    "docs",
    "flaky",
    "customer",
    "performance",
    "security",
    "storage",
    "ux",
    "area:api",
    "gt:owned",
];

pub(super) const POLECATS: [&str; 8] = [
    "nux", "slit", "rictus", "toast", "capable", "dag", "cheedo", "furiosa",
];
