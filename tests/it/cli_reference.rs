//! `docs/reference.md` says what the program says of itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use beadlet::cli::Cli;
use beadlet::plugin;
use clap::{Arg, Command, CommandFactory};
use metrics::metrics;

mod metrics;

const HEAD: &str = "<!-- Generated from src/: UPDATE=1 cargo test -p beadlet --test it reference -->\n\
    # Reference\n\n\
    What `beadlet COMMAND --help` says, in one place. A flag wins over its environment variable. Durations are written like `30s`, `5m`,\n\
    `1h30m` or `7d`. Secrets are never flags: `BEADLET_PASSWORD`, `BEADLET_TOKEN`, `BEADLET_SSH_PASSPHRASE` and `BEADLET_WEBHOOK_SECRET` hold\n\
    one each, for those who do not want a file.\n\n";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Commands with what they do and how they end.
fn commands(cli: &Command) -> String {
    let mut text =
        "## Commands\n\n| command | what it does | exit code |\n|---|---|---|\n".to_owned();
    for command in cli.get_subcommands() {
        let after = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let code = after
            .lines()
            .find_map(|line| line.strip_prefix("Exit code: "))
            .unwrap_or("0 printed, 2 wrong arguments");
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        writeln!(
            text,
            "| `{}` | {about} | {} |",
            usage(command),
            code.trim_end_matches('.')
        )
        .unwrap();
    }
    text
}

fn usage(command: &Command) -> String {
    let positional = command.get_positionals().map(|arg| {
        let name = arg
            .get_value_names()
            .and_then(|names| names.first())
            .map(ToString::to_string);
        let name = name.unwrap_or_else(|| arg.get_id().to_string().to_uppercase());
        if arg.is_required_set() {
            format!(" {name}")
        } else {
            format!(" [{name}]")
        }
    });
    format!("{}{}", command.get_name(), positional.collect::<String>())
}

/// Every command of the plugin, those of `convoy` by their full names, with the flags that only some have.
fn plugin_commands(cli: &Command) -> String {
    let mut text =
        "\n## kubectl bead\n\n| command | what it does | its flags |\n|---|---|---|\n".to_owned();
    let leaves = cli.get_subcommands().flat_map(|command| {
        let inner: Vec<_> = command
            .get_subcommands()
            .map(|inner| (format!("{} ", command.get_name()), inner))
            .collect();
        if inner.is_empty() {
            vec![(String::new(), command)]
        } else {
            inner
        }
    });
    for (outer, command) in leaves {
        let flags = command
            .get_arguments()
            .filter_map(|arg| Some(format!("`--{}`", arg.get_long()?)));
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        let flags = flags.collect::<Vec<_>>().join(", ");
        writeln!(text, "| `{outer}{}` | {about} | {flags} |", usage(command)).unwrap();
    }
    let everywhere = cli.get_arguments().filter(|arg| arg.get_long().is_some());
    let everywhere: Vec<_> = everywhere
        .map(|arg| {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            format!(
                "`--{}`: {}",
                arg.get_long().unwrap(),
                help.split(" [default").next().unwrap()
            )
        })
        .collect();
    writeln!(text, "\nEvery command has {}.", everywhere.join("; ")).unwrap();
    text
}

/// Flags by their heading; one that several commands have stands once.
fn flags(cli: &Command) -> String {
    let mut groups: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let all = cli.get_subcommands().chain(std::iter::once(cli));
    for command in all {
        let of = if command.get_name() == cli.get_name() {
            "all"
        } else {
            command.get_name()
        };
        for arg in command
            .get_arguments()
            .filter(|arg| arg.get_env().is_some() && arg.get_long().is_some())
        {
            let group = arg.get_help_heading().unwrap_or("General").to_owned();
            groups
                .entry(group)
                .or_default()
                .entry(row(arg))
                .or_default()
                .push(of.to_owned());
        }
    }
    let mut text = String::new();
    for (heading, rows) in groups {
        writeln!(text, "\n### {heading}\n\n| flag | environment variable | default | meaning | commands |\n|---|---|---|---|---|").unwrap();
        for (row, commands) in rows {
            writeln!(text, "{row} {} |", commands.join(", ")).unwrap();
        }
    }
    format!("\n## Flags\n{text}")
}

fn row(arg: &Arg) -> String {
    let short = arg
        .get_short()
        .map(|short| format!("`-{short}`, "))
        .unwrap_or_default();
    let value = if arg.get_action().takes_values() {
        let names = arg.get_value_names().unwrap_or_default();
        names
            .iter()
            .map(|name| format!(" {name}"))
            .collect::<String>()
    } else {
        String::new()
    };
    let defaults: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.display()))
        .collect();
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let (help, told_default) = match help.split_once(" [default: ") {
        Some((help, default)) => (help.to_owned(), default.trim_end_matches(']').to_owned()),
        None => (help, defaults.join(", ")),
    };
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let values = if values.is_empty() || !arg.get_action().takes_values() {
        String::new()
    } else {
        format!(": {}", values.join(", "))
    };
    let variable = arg.get_env().unwrap().display();
    let long = arg.get_long().unwrap();
    format!("| {short}`--{long}{value}` | `{variable}` | {told_default} | {help}{values} |")
        .replace(
            "key in (a,b), key notin (a,b), key, !key",
            "`key in (a,b)`, `key notin (a,b)`, `key`, `!key`",
        )
}

/// The table in the documentation at the top of a source file.
fn table(file: &str) -> String {
    let source = std::fs::read_to_string(repository().join(file)).unwrap();
    let lines = source.lines().filter_map(|line| line.strip_prefix("//! |"));
    lines.map(|line| format!("|{line}\n")).collect()
}

#[test]
fn reference_is_what_the_program_says() {
    let cli = Cli::command();
    let endpoints = format!(
        "\n## Endpoints of `--listen`\n\n{}\n## Answers of `--webhook-listen`\n\n{}\n## Traces of `sync` and `controller`\n\n{}",
        table("src/http.rs"),
        table("src/webhook.rs"),
        table("src/telemetry.rs")
    );
    let metrics = metrics();
    let wanted = format!(
        "{HEAD}{}{}{endpoints}{metrics}{}",
        commands(&cli),
        flags(&cli),
        plugin_commands(&plugin::cli::Cli::command())
    )
    .replace(", see [`crate::metrics`]", "");
    let path = repository().join("docs/reference.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is not what the program says: run the command in its first line",
        path.display()
    );
}
