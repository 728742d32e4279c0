//! What the agent is asked to do, as one text.

use std::path::Path;

use crate::bead::{Bead, Comment};
use crate::contract::Earlier;

/// The longest single argument that Linux passes to a program is 128 KiB with its end mark (`MAX_ARG_STRLEN`); this leaves room for
/// the words that an agent's own argument may have around the prompt.
pub const LONGEST_ARGUMENT: usize = 120 * 1024;

/// All that one attempt is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// The issue's id; empty for a Polecat that was given only a description.
    pub id: String,
    /// The issue, where the cluster has it.
    pub bead: Option<Bead>,
    /// What a person wrote into the Polecat.
    pub description: String,
    pub convoy: Option<Convoy>,
    /// The branch that the work will be pushed to.
    pub branch: String,
    /// What is on the branch already.
    pub earlier: Option<Earlier>,
}

/// The batch that the issue belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Convoy {
    pub name: String,
    pub description: String,
}

/// The text for the agent, in Markdown. It never starts with a hyphen, so no program takes it for an option, and has no NUL, which an
/// argument cannot hold. Empty when nothing was asked for.
#[must_use]
pub fn prompt(task: &Task, repository: &Path) -> String {
    let sections = sections(task);
    if sections.is_empty() {
        return String::new();
    }
    let mut text = heading(task);
    text.push_str(&rules(task, repository));
    for (title, body) in sections {
        text.push_str(&format!("\n## {title}\n\n{}\n", body.trim_end()));
    }
    text.replace('\0', "\u{fffd}")
}

/// What goes into an argument: the prompt, or, where that is too long for one, where to find it.
#[must_use]
pub fn argument(prompt: &str, file: &Path) -> String {
    if prompt.len() <= LONGEST_ARGUMENT {
        return prompt.to_owned();
    }
    format!(
        "Your task is too long for this message. Read the file {} first, all of it, then do what it says.",
        file.display()
    )
}

fn heading(task: &Task) -> String {
    match &task.bead {
        Some(bead) => format!(
            "# Issue {}: {}\n",
            one_line(&bead.id),
            one_line(&bead.title)
        ),
        None if task.id.is_empty() => "# Task\n".to_owned(),
        None => format!("# Issue {}\n", one_line(&task.id)),
    }
}

fn rules(task: &Task, repository: &Path) -> String {
    let branch = if task.branch.is_empty() {
        String::new()
    } else {
        format!(" on the branch `{}`", task.branch)
    };
    format!(
        "\nYou work alone in the git repository at `{}`{branch}. Nobody can answer questions: decide, and finish the work. \
         Commit if you like; what you leave uncommitted is committed when you end, and the branch is pushed then. \
         You cannot push yourself.\n{}",
        repository.display(),
        task.earlier.as_ref().map(begun).unwrap_or_default()
    )
}

fn begun(earlier: &Earlier) -> String {
    let Earlier {
        commit,
        base_branch,
    } = earlier;
    format!(
        "\nThere is work on the branch already, up to commit {commit}, by an attempt that did not finish or by a person. Look at it \
         first, keep what is good, and go on from there: `git diff origin/{base_branch} HEAD` shows it, and what {base_branch} got \
         meanwhile as if it had been taken away.\n"
    )
}

/// The parts that have something to say, in reading order.
fn sections(task: &Task) -> Vec<(&'static str, String)> {
    let mut sections = Vec::new();
    if let Some(bead) = &task.bead {
        sections.push((
            "Description",
            if bead.description.trim().is_empty() {
                bead.title.clone()
            } else {
                bead.description.clone()
            },
        ));
        sections.push(("Design", bead.design.clone()));
        sections.push(("Acceptance criteria", bead.acceptance_criteria.clone()));
        sections.push(("Notes", bead.notes.clone()));
        sections.push((
            "Comments",
            bead.comments
                .iter()
                .map(comment)
                .collect::<Vec<_>>()
                .join("\n"),
        ));
    } else if !task.id.is_empty() {
        sections.push(("Description", unmirrored(&task.id)));
    }
    if let Some(convoy) = &task.convoy {
        sections.push(("Convoy", convoy_text(convoy)));
    }
    sections.push(("Instructions for this attempt", task.description.clone()));
    sections.retain(|(_, body)| !body.trim().is_empty());
    let is_asked = task.bead.is_some() || !task.id.is_empty();
    if !is_asked && task.description.trim().is_empty() {
        sections.clear();
    }
    sections
}

/// What can be said of an issue that nobody mirrors: a project that keeps its issues beside its code has it all the same.
fn unmirrored(id: &str) -> String {
    format!(
        "Nothing but the id of this issue is known here. The tracker keeps issues in the repository itself, as lines of JSON: \
         look in `.beads/issues.jsonl` for the line with the id `{}`, and do what it says.",
        one_line(id)
    )
}

fn comment(comment: &Comment) -> String {
    format!(
        "### {}, {}\n\n{}\n",
        one_line(&comment.author),
        one_line(&comment.created_at),
        comment.text.trim_end()
    )
}

fn convoy_text(convoy: &Convoy) -> String {
    let name = one_line(&convoy.name);
    match convoy.description.trim() {
        "" => format!("This is one part of the convoy {name}."),
        description => format!("This is one part of the convoy {name}:\n\n{description}"),
    }
}

/// A heading must not run into the text below it.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(bead: Bead) -> Task {
        Task {
            bead: Some(bead),
            branch: "polecat/a".into(),
            ..Task::default()
        }
    }

    #[test]
    fn prompt_holds_every_part_of_the_issue_in_reading_order() {
        let bead = Bead {
            id: "gt-1".into(),
            title: "Mend the gate".into(),
            description: "It squeaks.".into(),
            design: "Oil.".into(),
            acceptance_criteria: "Silence.".into(),
            notes: "Left hinge.".into(),
            comments: vec![Comment {
                author: "ann".into(),
                created_at: "2026-01-01".into(),
                text: "Still squeaks.".into(),
            }],
            ..Bead::default()
        };
        let convoy = Some(Convoy {
            name: "hq-cv-1".into(),
            description: "All gates.".into(),
        });
        let text = prompt(
            &Task {
                convoy,
                description: "Be quick.".into(),
                ..task(bead)
            },
            Path::new("/workspace/repo"),
        );
        let mut rest = text.as_str();
        for part in [
            "# Issue gt-1: Mend the gate",
            "`/workspace/repo` on the branch `polecat/a`",
            "## Description\n\nIt squeaks.",
            "## Design\n\nOil.",
            "## Acceptance criteria\n\nSilence.",
            "## Notes\n\nLeft hinge.",
            "## Comments\n\n### ann, 2026-01-01\n\nStill squeaks.",
            "## Convoy\n\nThis is one part of the convoy hq-cv-1:\n\nAll gates.",
            "## Instructions for this attempt\n\nBe quick.",
        ] {
            let at = rest
                .find(part)
                .unwrap_or_else(|| panic!("{part:?} is missing or out of order in\n{text}"));
            rest = &rest[at + part.len()..];
        }
    }

    #[test]
    fn work_that_is_on_the_branch_already_is_pointed_out() {
        let bead = Bead {
            id: "a".into(),
            title: "T".into(),
            ..Bead::default()
        };
        let first = task(bead);
        assert!(!prompt(&first, Path::new("/r")).contains("already"));
        let earlier = Some(Earlier {
            commit: "abc".into(),
            base_branch: "trunk".into(),
        });
        let second = prompt(&Task { earlier, ..first }, Path::new("/r"));
        let (rules, description) = second.split_once("## Description").unwrap();
        assert!(rules.contains("up to commit abc"), "{second}");
        assert!(rules.contains("`git diff origin/trunk HEAD`"), "{second}");
        assert_eq!(description, "\n\nT\n");
    }

    #[test]
    fn part_that_is_empty_has_no_heading() {
        let text = prompt(
            &task(Bead {
                id: "a".into(),
                title: "T".into(),
                design: " \n".into(),
                ..Bead::default()
            }),
            Path::new("/r"),
        );
        assert!(
            !text.contains("## Design")
                && !text.contains("## Comments")
                && !text.contains("## Convoy"),
            "{text}"
        );
    }

    #[test]
    fn issue_without_a_description_asks_for_its_title() {
        let text = prompt(
            &task(Bead {
                id: "a".into(),
                title: "Mend it".into(),
                ..Bead::default()
            }),
            Path::new("/r"),
        );
        assert!(text.contains("## Description\n\nMend it\n"), "{text}");
    }

    #[test]
    fn task_without_an_issue_is_its_description() {
        let text = prompt(
            &Task {
                description: "Do it.".into(),
                ..Task::default()
            },
            Path::new("/r"),
        );
        assert!(
            text.starts_with("# Task\n") && text.contains("Do it."),
            "{text}"
        );
    }

    #[test]
    fn issue_that_nobody_mirrors_is_looked_for_in_the_repository() {
        let unmirrored = Task {
            id: "gt-1".into(),
            ..Task::default()
        };
        let text = prompt(&unmirrored, Path::new("/r"));
        assert!(
            text.starts_with("# Issue gt-1\n") && text.contains("`.beads/issues.jsonl`"),
            "{text}"
        );
    }

    #[test]
    fn nothing_asked_is_an_empty_prompt() {
        let convoy = Some(Convoy {
            name: "c".into(),
            ..Convoy::default()
        });
        assert_eq!(
            prompt(
                &Task {
                    convoy,
                    ..Task::default()
                },
                Path::new("/r")
            ),
            ""
        );
    }

    #[test]
    fn title_that_looks_like_an_option_does_not_start_the_prompt() {
        let text = prompt(
            &task(Bead {
                id: "-x".into(),
                title: "--help\n\n# Other".into(),
                ..Bead::default()
            }),
            Path::new("/r"),
        );
        assert!(text.starts_with("# Issue -x: --help # Other\n"), "{text}");
    }

    #[test]
    fn text_stays_as_it_was_written_but_for_nul() {
        let odd = "a \"b\" 'c' `d` $(e) ${f} \\ \u{1b}[0m\r\n--flag\n\n中\0文";
        let text = prompt(
            &task(Bead {
                id: "a".into(),
                description: odd.into(),
                ..Bead::default()
            }),
            Path::new("/r"),
        );
        assert!(text.contains(&odd.replace('\0', "\u{fffd}")));
    }

    #[test]
    fn prompt_too_long_for_an_argument_is_named_by_its_file() {
        let long = "x".repeat(LONGEST_ARGUMENT + 1);
        assert!(argument(&long, Path::new("/w/prompt.md")).contains("/w/prompt.md"));
        assert_eq!(argument(&long[1..], Path::new("/w/prompt.md")), &long[1..]);
    }
}
