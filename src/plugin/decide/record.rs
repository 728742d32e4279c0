//! Commands that write into the issue file: what is asked for, whose repository is meant, and what is said of it.

use beadlet_store::kinds::BeadStore;
use beadlet_sync::by_hand::Written;
use beadlet_sync::decide::by_hand::{
    DEFAULT_REASON, Fields, Insistence, NewBead, NewEdge, Request,
};
use kube::ResourceExt;
use serde_json::Value;

use crate::plugin::cli::RecordCommand;
use crate::plugin::cli::record::{
    BookArgs, CreateArgs, DepCommand, FieldArgs, LabelCommand, RecordForm, UpdateArgs,
};
use crate::view::json::{FormError, pretty, yaml};

/// A command that writes, in the file's own terms.
#[derive(Debug)]
pub struct Errand<'a> {
    pub request: Request,
    pub book: &'a BookArgs,
    /// Of a new id.
    pub prefix: Option<&'a str>,
    /// The bead that is there already.
    pub bead: Option<&'a str>,
    /// What was done, after the bead's id.
    pub verb: &'static str,
}

/// Why a command is not tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTried {
    #[error(
        "{what} cannot be taken away in the issue file: an import of the tracker only adds them, and its next export would bring it back; take it away with the tracker itself"
    )]
    OnlyAdded { what: &'static str },
    #[error("{0:?} names no dependency: write ID or TYPE:ID")]
    Dependency(String),
    #[error(
        "no BeadStore is in namespace {namespace}: name another one with -n, or a clone with --repo"
    )]
    NoStore { namespace: String },
    #[error("no BeadStore {name} is in namespace {namespace}; there is {}", known.join(", "))]
    OtherStore {
        name: String,
        namespace: String,
        known: Vec<String>,
    },
    #[error("several BeadStores are in namespace {namespace} ({}): name one with --store", known.join(", "))]
    Stores {
        namespace: String,
        known: Vec<String>,
    },
    #[error(
        "nobody says who you are: give --author, or set user.name and user.email of git (`git config --global user.name …`)"
    )]
    Nobody,
}

/// What a command asks for.
///
/// # Errors
/// When it asks for what cannot be.
pub fn errand(command: &RecordCommand) -> Result<Errand<'_>, NotTried> {
    let (request, book, verb) = match command {
        RecordCommand::Create(args) => {
            let new = Request::Create(Box::new(new_bead(args)?));
            return Ok(Errand {
                request: new,
                book: &args.book,
                prefix: args.prefix.as_deref(),
                bead: command.bead(),
                verb: "created",
            });
        }
        RecordCommand::Claim(args) => {
            let id = args.id.clone();
            (Request::Claim { id }, &args.book, "claimed")
        }
        RecordCommand::Close(args) => {
            let reason = args.reason.as_deref().unwrap_or(DEFAULT_REASON).to_owned();
            let insistence = if args.force {
                Insistence::Force
            } else {
                Insistence::Ask
            };
            let id = args.id.clone();
            let request = Request::Close {
                id,
                reason,
                insistence,
            };
            (request, &args.book, "closed")
        }
        RecordCommand::Update(args) => {
            let id = args.id.clone();
            let fields = Box::new(updated(args));
            (Request::Update { id, fields }, &args.book, "updated")
        }
        RecordCommand::Dep { command } => match command {
            DepCommand::Add(args) => {
                let (id, on) = (args.id.clone(), args.on.clone());
                let kind = kind(&args.kind).to_owned();
                let edge = NewEdge { on, kind };
                (Request::Link { id, edge }, &args.book, "linked")
            }
            DepCommand::Remove(_) => {
                return Err(NotTried::OnlyAdded {
                    what: "a dependency",
                });
            }
        },
        RecordCommand::Label { command } => match command {
            LabelCommand::Add(args) => {
                let (id, labels) = (args.id.clone(), vec![args.label.clone()]);
                (Request::Label { id, labels }, &args.book, "labelled")
            }
            LabelCommand::Remove(_) => return Err(NotTried::OnlyAdded { what: "a label" }),
        },
        RecordCommand::Comment(args) => {
            let (id, text) = (args.id.clone(), args.text.clone());
            (Request::Comment { id, text }, &args.book, "commented on")
        }
    };
    Ok(Errand {
        request,
        book,
        prefix: None,
        bead: command.bead(),
        verb,
    })
}

fn new_bead(args: &CreateArgs) -> Result<NewBead, NotTried> {
    let CreateArgs {
        title,
        fields,
        labels,
        parent,
        deps,
        id,
        prefix: _,
        book: _,
    } = args;
    let mut new = NewBead {
        id: id.clone(),
        parent: parent.clone(),
        title: title.clone(),
        fields: texts(fields),
        labels: labels.clone(),
        ..NewBead::default()
    };
    for dep in deps {
        match dependency(dep)? {
            Dependency::On(edge) => new.edges.push(edge),
            Dependency::Of(id) => new.blocks.push(id),
        }
    }
    Ok(new)
}

enum Dependency {
    On(NewEdge),
    /// The other one waits.
    Of(String),
}

/// `ID`, or `TYPE:ID`. As the tracker has it, `blocks:ID` turns the other way round.
fn dependency(text: &str) -> Result<Dependency, NotTried> {
    let text = text.trim();
    let (type_, id) = match text.split_once(':') {
        Some((type_, id)) if type_ != "external" => (type_.trim(), id.trim()),
        _ => ("depends-on", text),
    };
    if id.is_empty() || type_.is_empty() {
        return Err(NotTried::Dependency(text.to_owned()));
    }
    let id = id.to_owned();
    Ok(match type_ {
        "blocks" => Dependency::Of(id),
        other => Dependency::On(NewEdge {
            on: id,
            kind: kind(other).to_owned(),
        }),
    })
}

/// What the tracker's own commands call a type of dependency.
fn kind(text: &str) -> &str {
    match text {
        "depends-on" | "blocked-by" => "blocks",
        other => other,
    }
}

fn updated(args: &UpdateArgs) -> Fields {
    let UpdateArgs {
        id: _,
        status,
        title,
        fields,
        book: _,
    } = args;
    Fields {
        status: status.clone(),
        title: title.clone(),
        ..texts(fields)
    }
}

fn texts(args: &FieldArgs) -> Fields {
    let FieldArgs {
        description,
        design,
        acceptance,
        notes,
        priority,
        issue_type,
        assignee,
    } = args.clone();
    Fields {
        description,
        design,
        acceptance_criteria: acceptance,
        notes,
        priority,
        issue_type,
        assignee,
        ..Fields::default()
    }
}

/// The BeadStore that is meant: the one that is named, the one that mirrors the bead (`of_bead`), or the only one.
///
/// # Errors
/// When that is none, or not one.
pub fn store<'s>(
    stores: &'s [BeadStore],
    namespace: &str,
    named: Option<&str>,
    of_bead: Option<&str>,
) -> Result<&'s BeadStore, NotTried> {
    let namespace = namespace.to_owned();
    let known = || stores.iter().map(ResourceExt::name_any).collect();
    let find = |name: &str| stores.iter().find(|store| store.name_any() == name);
    match (named, stores) {
        (Some(name), _) => find(name).ok_or_else(|| NotTried::OtherStore {
            name: name.to_owned(),
            namespace,
            known: known(),
        }),
        (None, []) => Err(NotTried::NoStore { namespace }),
        (None, [only]) => Ok(only),
        (None, _) => of_bead.and_then(find).ok_or_else(|| NotTried::Stores {
            namespace,
            known: known(),
        }),
    }
}

/// What is printed.
///
/// # Errors
/// When the record has no such form.
pub fn answer(
    written: &Written,
    verb: &str,
    form: Option<RecordForm>,
) -> Result<String, FormError> {
    let Written {
        bead,
        record,
        branch,
        commit,
    } = written;
    let record = || serde_json::from_slice::<Value>(record);
    match form {
        Some(RecordForm::Name) => Ok(format!("{bead}\n")),
        Some(RecordForm::Json) => pretty(&record()?),
        Some(RecordForm::Yaml) => yaml(&record()?),
        None => Ok(match commit {
            Some(commit) => format!(
                "{bead} {verb} (commit {:.7} on {branch})\n",
                commit.to_string()
            ),
            None => format!("{bead} is so already on {branch}: nothing was committed\n"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::{from_value, json};

    use super::*;
    use crate::plugin::cli::{Cli, Command};

    fn command(arguments: &[&str]) -> RecordCommand {
        let arguments = std::iter::once(&"kubectl-bead").chain(arguments);
        match Cli::try_parse_from(arguments).unwrap().command {
            Command::Record(command) => command,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn new_bead_is_asked_for_in_the_words_of_bd() {
        let arguments = [
            "create",
            "Mend it",
            "-t",
            "bug",
            "-p",
            "P1",
            "-d",
            "soon",
            "-a",
            "ann",
            "-l",
            "x,y z",
            "--deps",
            "gt-1,discovered-from:gt-2,blocks:gt-3,blocked-by:gt-4,external:a:b",
        ];
        let Request::Create(new) = errand(&command(&arguments)).unwrap().request else {
            panic!()
        };
        let edge = |on: &str, kind: &str| NewEdge {
            on: on.to_owned(),
            kind: kind.to_owned(),
        };
        assert_eq!(
            new.edges,
            [
                edge("gt-1", "blocks"),
                edge("gt-2", "discovered-from"),
                edge("gt-4", "blocks"),
                edge("external:a:b", "blocks")
            ]
        );
        assert_eq!(
            (new.blocks, new.labels),
            (
                vec!["gt-3".to_owned()],
                vec!["x".to_owned(), "y z".to_owned()]
            )
        );
        assert_eq!(
            (new.title.as_str(), new.fields.priority),
            ("Mend it", Some(1))
        );
        assert_eq!(new.fields.issue_type.as_deref(), Some("bug"));
        let wrong = command(&["create", "t", "--deps", "blocks:"]);
        assert!(matches!(errand(&wrong), Err(NotTried::Dependency(_))));
    }

    #[test]
    fn what_an_import_does_not_take_away_is_not_tried() {
        for arguments in [
            ["dep", "remove", "gt-1", "gt-2"],
            ["label", "remove", "gt-1", "x"],
        ] {
            let error = errand(&command(&arguments)).unwrap_err();
            assert!(
                error.to_string().contains("with the tracker itself"),
                "{error}"
            );
        }
    }

    #[test]
    fn store_is_the_named_or_the_only_one_or_that_of_the_bead() {
        let stores = ["a", "b"].map(|name| -> BeadStore {
            from_value(json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "BeadStore", "metadata": {"name": name}, "spec": {}})).unwrap()
        });
        let found = |stores: &[BeadStore], named, of_bead| {
            store(stores, "ns", named, of_bead)
                .map(ResourceExt::name_any)
                .map_err(|error| error.to_string())
        };
        assert_eq!(found(&stores, Some("b"), Some("a")), Ok("b".to_owned()));
        assert_eq!(found(&stores[..1], None, None), Ok("a".to_owned()));
        assert_eq!(found(&stores, None, Some("b")), Ok("b".to_owned()));
        let said = [
            found(&stores, None, None),
            found(&stores, Some("c"), None),
            found(&[], None, None),
        ];
        let said = said.map(|answer| answer.unwrap_err());
        assert!(
            said[0].ends_with("(a, b): name one with --store"),
            "{}",
            said[0]
        );
        assert!(said[1].ends_with("there is a, b"), "{}", said[1]);
        assert!(said[2].contains("--repo"), "{}", said[2]);
    }
}
