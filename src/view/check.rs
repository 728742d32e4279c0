//! What is wrong in a file, for people.

use crate::check::{Findings, Problem, Severity};

use super::paint::Tone;
use super::table::{Cell, Table};
use super::text::count;

/// The problems as a table.
#[must_use]
pub fn table(findings: &Findings) -> Table {
    Table {
        header: vec!["LINE", "SEVERITY", "KIND", "ISSUE", "MESSAGE"],
        rows: findings.problems.iter().map(row).collect(),
    }
}

fn row(problem: &Problem) -> Vec<Cell> {
    let (severity, tone) = match problem.severity {
        Severity::Error => ("error", Tone::Bad),
        Severity::Warning => ("warning", Tone::Attention),
    };
    vec![
        Cell::new(
            &problem
                .line
                .map(|line| line.to_string())
                .unwrap_or_default(),
        ),
        Cell::toned(severity, tone),
        Cell::new(problem.kind.name()),
        Cell::new(problem.id.as_deref().unwrap_or_default()),
        Cell::new(&problem.message),
    ]
}

/// One line about the whole file.
#[must_use]
pub fn summary(origin: &str, findings: &Findings) -> String {
    let of = |severity| {
        findings
            .problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    };
    let problems = match (of(Severity::Error), of(Severity::Warning)) {
        (0, 0) => "nothing is wrong".to_owned(),
        (errors, warnings) => {
            format!(
                "{}, {}",
                count(errors, "error", "errors"),
                count(warnings, "warning", "warnings")
            )
        }
    };
    format!(
        "{origin}: {} read, {problems}\n",
        count(findings.issues, "issue", "issues")
    )
}
