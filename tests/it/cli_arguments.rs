//! Flags, environment variables, help and what wrong arguments get.

use beadlet::cli::Cli;
use clap::CommandFactory;

use crate::cli::{answer, beadlet, command, fixture_text};

#[test]
fn every_flag_is_an_environment_variable_of_the_same_name() {
    let cli = Cli::command();
    for command in std::iter::once(&cli).chain(cli.get_subcommands()) {
        for arg in command.get_arguments() {
            let Some(flag) = arg
                .get_long()
                .filter(|flag| !matches!(*flag, "help" | "version"))
            else {
                continue;
            };
            let expected = format!("BEADLET_{}", flag.to_uppercase().replace('-', "_"));
            let variable = arg
                .get_env()
                .map(|name| name.to_string_lossy().into_owned());
            assert_eq!(
                variable.as_deref(),
                Some(expected.as_str()),
                "{} --{flag}",
                command.get_name()
            );
        }
    }
}

#[test]
fn every_flag_says_what_it_does() {
    for command in Cli::command().get_subcommands() {
        for arg in command.get_arguments() {
            assert!(
                arg.get_help().is_some(),
                "{} {}",
                command.get_name(),
                arg.get_id()
            );
        }
    }
}

#[test]
fn arguments_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_flag_wins_over_its_environment_variable() {
    let town = fixture_text("town.jsonl");
    let count = |args: &[&str]| {
        let mut list = command(&[&["list", &town, "-o", "name"], args].concat());
        list.env("BEADLET_LIMIT", "2");
        answer(list, b"").lines().len()
    };
    assert_eq!(count(&[]), 2);
    assert_eq!(count(&["--limit", "3"]), 3);
}

#[test]
fn the_target_can_come_from_the_environment() {
    let mut list = command(&["list", "-o", "name", "--limit", "1"]);
    list.env("BEADLET_REPO", fixture_text("town.jsonl"));
    assert_eq!(answer(list, b"").good(), "gt-0001\n");
}

#[test]
fn help_names_units_defaults_and_examples() {
    for command in [
        "sync", "ready", "list", "show", "why", "check", "render", "diff",
    ] {
        let help = beadlet(&[command, "--help"]);
        assert!(help.good().contains("Examples:\n  beadlet "), "{command}");
        assert!(help.stdout.contains("Exit code: 0 "), "{command}");
    }
    insta::assert_snapshot!("help_sync", beadlet(&["sync", "--help"]).good());
    insta::assert_snapshot!("help", beadlet(&["--help"]).good());
}

#[test]
fn version_is_that_of_the_package() {
    assert_eq!(
        beadlet(&["--version"]).good(),
        concat!("beadlet ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn completion_scripts_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = beadlet(&["completion", shell]);
        assert!(script.good().contains("skip-rejected-lines"), "{shell}");
    }
}

#[test]
fn wrong_arguments_are_told_what_is_right() {
    for (args, expected) in [
        (
            &["ready", "-", "--now", "yesterday"] as &[&str],
            "not an RFC 3339 instant; write it like 2026-11-24T00:00:00Z",
        ),
        (
            &["ready", "-", "--profile", "bd-2"],
            "possible values: bd-1.1, bd-1.0.5, bd-0.49, br-0.1",
        ),
        (
            &["ready", "-", "-o", "xml"],
            "possible values: table, wide, name, json, yaml",
        ),
        (&["ready", "-", "--limit=-1"], "--limit"),
        (
            &["ready", ""],
            "name a repository (path or URL), a .jsonl file, or - for standard input",
        ),
        (
            &["list", "-", "-l", "a=b=c"],
            "'a=b=c' is not a requirement; write key=value",
        ),
        (
            &["list", "-", "-l", "a in (b"],
            "a parenthesis in 'a in (b' is not closed",
        ),
        (&["list", "-", "-l", "a,,b"], "a requirement is empty"),
        (
            &["list", "-", "--color", "sometimes"],
            "possible values: auto, always, never",
        ),
        (&["render", "-", "--store=-x"], "must be a label value"),
        (
            &["render", "-", "--closed-retention", "1mo"],
            "months and years have no fixed length",
        ),
        (&["sync"], "--repo <REPO>"),
        (
            &["sync", "--repo", "x", "--sync-interval", "0s"],
            "must be more than zero",
        ),
        (
            &["sync", "--repo", "x", "--sync-interval", "5"],
            "not a duration; write it like 30s, 5m, 1h30m or 7d",
        ),
        (
            &["sync", "--repo", "x", "--max-delete-percent", "101"],
            "101 is not in 0..=100",
        ),
        (
            &["sync", "--repo", "x", "--concurrency", "0"],
            "--concurrency",
        ),
        (&["sync", "--repo", "x", "--listen", "8080"], "--listen"),
        (
            &["sync", "--repo", "x", "--allow-delete", "main"],
            "at least 7 hexadecimal digits of a commit",
        ),
        (
            &["sync", "--repo", "x", "--rejected-lines", "drop"],
            "possible values: keep-last-good, skip",
        ),
        (
            &[
                "sync",
                "--repo",
                "x",
                "--password-file",
                "a",
                "--token-file",
                "b",
            ],
            "cannot be used with",
        ),
        (
            &["completion", "tcsh"],
            "possible values: bash, zsh, fish, powershell",
        ),
        (&["frobnicate"], "unrecognized subcommand"),
    ] {
        let answer = beadlet(args);
        assert!(
            answer.failed(2).contains(expected),
            "{args:?} says:\n{}",
            answer.stderr
        );
    }
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let answer = beadlet(&["list", "-", "--log-level", "loud=very"]);
    assert!(
        answer
            .failed(1)
            .contains("cannot use the log filter \"loud=very\""),
        "{}",
        answer.stderr
    );
}

#[test]
fn files_with_secrets_are_named_when_they_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let repo = folder.path().to_str().unwrap();
    for (flags, expected) in [
        (
            &["--token-file", "/nowhere/token"] as &[&str],
            "cannot read the file /nowhere/token given by --token-file",
        ),
        (
            &["--ssh-key-file", empty.to_str().unwrap()],
            "given by --ssh-key-file is empty",
        ),
        (
            &["--known-hosts-file", "/nowhere/hosts"],
            "cannot read the file /nowhere/hosts given by --known-hosts-file",
        ),
        (
            &["--ca-file", "/nowhere/ca"],
            "cannot read the file /nowhere/ca given by --ca-file",
        ),
        (
            &["--username", "ann"],
            "a user name without a password or an ssh key",
        ),
        (&["--proxy", "://"], "cannot use the proxy"),
    ] {
        let answer = beadlet(&[&["list", repo], flags].concat());
        assert!(
            answer.failed(1).contains(expected),
            "{flags:?} says:\n{}",
            answer.stderr
        );
    }
}
