//! `beadlet ready` gives the ids that the real tracker gave.

use std::path::Path;

use serde_json::Value;

use crate::cli::{answer, beadlet, command, fixture, fixture_text, shared};

/// The tracker versions that were observed, and our names for them.
const OBSERVED: [(&str, &str); 2] = [("bd-0.49.6", "bd-0.49"), ("bd-1.0.5", "bd-1.0.5")];

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn ready(file: &Path, profile: &str, now: &str, more: &[&str]) -> crate::cli::Answer {
    let file = file.to_str().unwrap();
    let args = [
        "ready",
        file,
        "--profile",
        profile,
        "--now",
        now,
        "-o",
        "name",
    ];
    beadlet(&[&args, more].concat())
}

fn ids(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect()
}

#[test]
fn conformance_cases_give_what_the_tracker_gave() {
    let folder = shared("conformance/ready");
    let cases = json(&folder.join("expected.json"));
    let config = tempfile::tempdir().unwrap();
    let mut checked = 0;
    for (name, case) in cases.as_object().unwrap() {
        let yaml = config.path().join("config.yaml");
        let config = serde_json::to_string(
            case.get("config")
                .unwrap_or(&Value::Object(Default::default())),
        )
        .unwrap();
        std::fs::write(&yaml, config).unwrap();
        let more = ["--tracker-config", yaml.to_str().unwrap()];
        for (version, profile) in OBSERVED {
            let observed = ids(&case["must-match"])
                .contains(&version)
                .then(|| &case[version]);
            let Some(expected) = observed.or_else(|| case["as-the-file-stands"].get(version))
            else {
                continue;
            };
            let file = folder.join(format!("{name}.jsonl"));
            let answer = ready(&file, profile, case["now"].as_str().unwrap(), &more);
            assert_eq!(
                answer.lines(),
                ids(expected),
                "{name} by {version}: {}",
                case["rule"]
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 2 * cases.as_object().unwrap().len());
}

#[test]
fn corpus_files_give_what_the_tracker_gave() {
    let folder = shared("corpus");
    for (name, case) in json(&folder.join("expected-ready.json"))
        .as_object()
        .unwrap()
    {
        for (version, profile) in OBSERVED {
            let answer = ready(&folder.join(name), profile, "2026-11-24T00:00:00Z", &[]);
            match &case[version] {
                Value::Null => assert!(
                    answer.failed(1).contains("is refused"),
                    "{name}: {}",
                    answer.stderr
                ),
                expected => assert_eq!(answer.lines(), ids(expected), "{name} by {version}"),
            }
        }
    }
}

#[test]
fn a_refused_file_is_told_with_its_lines() {
    let now = "2026-11-24T00:00:00Z";
    let conflict = ready(
        &shared("corpus/beads-2025-11-23-conflict54.jsonl"),
        "bd-1.1",
        now,
        &[],
    );
    assert!(
        conflict
            .failed(1)
            .contains("merge conflict markers on lines 51, "),
        "{}",
        conflict.stderr
    );
    let truncated = ready(
        &shared("corpus/beads-2025-10-16-truncated-line.jsonl"),
        "bd-1.1",
        now,
        &[],
    );
    let message = truncated.failed(1);
    assert!(
        message.contains("\n  line 430: ") && message.contains("--skip-rejected-lines"),
        "{message}"
    );
}

#[test]
fn rejected_lines_can_be_left_out() {
    let file = shared("corpus/beads-2025-10-16-truncated-line.jsonl");
    let answer = ready(
        &file,
        "bd-1.0.5",
        "2026-11-24T00:00:00Z",
        &["--skip-rejected-lines"],
    );
    assert!(!answer.lines().is_empty());
}

#[test]
fn standard_input_is_read_like_a_file() {
    let bytes = std::fs::read(fixture("town.jsonl")).unwrap();
    let args = ["ready", "-", "--now", "2026-01-10T00:00:00Z", "-o", "name"];
    let answer = answer(command(&args), &bytes);
    assert_eq!(answer.lines(), ["gt-0005", "gt-0001", "gt-0008"]);
}

#[test]
fn a_deferred_issue_is_ready_when_its_instant_has_come() {
    let ready_at = |now: &str| ready(&fixture("town.jsonl"), "bd-1.1", now, &[]).stdout;
    assert!(!ready_at("2026-11-30T23:59:59Z").contains("gt-0007"));
    assert!(ready_at("2026-12-01T00:00:00Z").contains("gt-0007"));
}

#[test]
fn limit_and_selection_keep_the_order() {
    let town = fixture_text("town.jsonl");
    let ids = |more: &[&str]| {
        let args = [
            "ready",
            &town,
            "--now",
            "2026-01-10T00:00:00Z",
            "-o",
            "name",
        ];
        beadlet(&[&args, more].concat()).stdout
    };
    assert_eq!(ids(&["--limit", "2"]), "gt-0005\ngt-0001\n");
    assert_eq!(ids(&["--type", "task,bug"]), "gt-0005\ngt-0008\n");
    assert_eq!(ids(&["--label", "urgent"]), "gt-0005\n");
    assert_eq!(ids(&["-l", "bead-priority in (1,4)"]), "gt-0001\ngt-0008\n");
    assert_eq!(
        ids(&["--profile", "bd-1.0.5", "--type", "task"]),
        "gt-0006\ngt-0008\n"
    );
}

#[test]
fn nothing_ready_is_said_on_standard_error() {
    let args = ["ready", &fixture_text("town.jsonl"), "--type", "spike"];
    let answer = beadlet(&args);
    assert_eq!(
        (answer.code, answer.stdout.as_str(), answer.stderr.as_str()),
        (0, "", "no issue is ready\n")
    );
}
