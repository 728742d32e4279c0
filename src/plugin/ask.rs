//! The commands that only look.

use beadlet_store::kinds::Convoy;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde::Serialize;

use super::cli::{
    BeadArgs, ConvoyArgs, ConvoysArgs, Form, ListArgs, OutputArgs, QueueArgs, ScopeArgs,
};
use super::decide::form::{Answer, Look, list as as_list};
use super::decide::rows::{self, Namespaces, Width};
use super::decide::select::is_selected;
use super::decide::sheet::sheet;
use super::decide::standing::{Placed, Standing, standing, standings};
use super::decide::town::Town;
use super::decide::why;
use super::{PluginError, Seat, read};
use crate::terminal;
use crate::view::json::FormError;
use crate::view::table::{Header, Table};

type Done = Result<(), PluginError>;

fn look(output: &OutputArgs) -> Look {
    let header = if output.no_headers {
        Header::Hidden
    } else {
        Header::Shown
    };
    Look {
        header,
        paint: terminal::paint(output.color),
    }
}

fn width(output: &OutputArgs) -> Width {
    match output.output {
        Some(Form::Wide) => Width::Wide,
        _ => Width::Normal,
    }
}

fn namespaces(scope: ScopeArgs) -> Namespaces {
    if scope.all_namespaces {
        Namespaces::Shown
    } else {
        Namespaces::Hidden
    }
}

/// Prints an answer in the form that was asked for.
pub(super) fn print(answer: Answer<impl Serialize>, output: &OutputArgs) -> Done {
    terminal::print(&answer.in_form(output)?)?;
    Ok(())
}

/// The table as text. One without rows is nothing but a note, as in kubectl.
fn shown(table: &Table, output: &OutputArgs) -> String {
    if table.rows.is_empty() && matches!(output.output, None | Some(Form::Wide)) {
        terminal::note("No resources found.");
        return String::new();
    }
    look(output).table(table)
}

pub(super) async fn list(seat: &Seat, args: &ListArgs) -> Done {
    listing(seat, args, |_| true).await
}

pub(super) async fn ready(seat: &Seat, args: &ListArgs) -> Done {
    listing(seat, args, |placed| placed.bead().ready).await
}

async fn listing(seat: &Seat, args: &ListArgs, is_asked: impl Fn(&Placed<'_>) -> bool) -> Done {
    let ListArgs {
        select,
        scope,
        output,
    } = args;
    let town = seat.town(*scope).await?;
    let all = standings(&town, Timestamp::now());
    let is_meant = |placed: &&Placed<'_>| is_asked(placed) && is_selected(select, placed.held);
    let placed: Vec<_> = all.iter().filter(is_meant).collect();
    let table = rows::beads(&placed, namespaces(*scope), width(output));
    let objects: Vec<&ConfigMap> = placed.iter().map(|placed| &placed.held.configmap).collect();
    let answer = Answer {
        text: shown(&table, output),
        names: objects.iter().copied().map(name_of_bead).collect(),
        objects: as_list(&objects)?,
    };
    print(answer, output)
}

fn name_of_bead(configmap: &ConfigMap) -> String {
    format!("configmap/{}", configmap.name_any())
}

pub(super) async fn why(seat: &Seat, args: &BeadArgs) -> Done {
    one(seat, args, |_, placed, now| {
        let polecats = placed.attempts.iter();
        Ok(Answer {
            text: why::text(placed, look(&args.output), now),
            names: polecats.map(|polecat| super::name_of(*polecat)).collect(),
            objects: serde_json::to_value(why::why(placed))?,
        })
    })
    .await
}

pub(super) async fn show(seat: &Seat, args: &BeadArgs) -> Done {
    one(seat, args, |town, placed, now| {
        let configmap = &placed.held.configmap;
        Ok(Answer {
            text: sheet(town, placed, look(&args.output), now),
            names: vec![name_of_bead(configmap)],
            objects: serde_json::to_value(configmap)?,
        })
    })
    .await
}

/// Prints what `answer` says of one bead.
async fn one<A>(seat: &Seat, args: &BeadArgs, answer: A) -> Done
where
    A: FnOnce(&Town, &Placed<'_>, Timestamp) -> serde_json::Result<Answer<serde_json::Value>>,
{
    let BeadArgs { id, scope, output } = args;
    let town = seat.town(*scope).await?;
    let now = Timestamp::now();
    let placed = standing(&town, town.bead(id)?, now);
    print(
        answer(&town, &placed, now).map_err(FormError::from)?,
        output,
    )
}

pub(super) async fn queue(seat: &Seat, args: &QueueArgs) -> Done {
    let QueueArgs { rig, scope, output } = args;
    match rig {
        Some(name) => queue_of(seat, name, *scope, output).await,
        None => {
            let rigs = read::rigs(&seat.client).await?;
            let rigs: Vec<_> = rigs.iter().collect();
            print_all(&rigs, &rows::rigs(&rigs, width(output)), output)
        }
    }
}

/// One Rig with its beads that are under way or wait.
async fn queue_of(seat: &Seat, name: &str, scope: ScopeArgs, output: &OutputArgs) -> Done {
    let town = seat.town(scope).await?;
    let rig = town.rig(name)?;
    let all = standings(&town, Timestamp::now());
    let is_of_it = |placed: &&Placed<'_>| {
        let is_open = !matches!(placed.standing, Standing::Closed | Standing::NotReady(_));
        is_open && placed.rig.is_some_and(|found| found.name_any() == name)
    };
    let beads: Vec<_> = all.iter().filter(is_of_it).collect();
    let beads = rows::beads(&beads, namespaces(scope), Width::Wide);
    let head = rows::rigs(&[rig], width(output));
    print_with(rig, [&head, &beads], output)
}

pub(super) async fn convoys(seat: &Seat, args: &ConvoysArgs) -> Done {
    let ConvoysArgs { scope, output } = args;
    let convoys = read::convoys(&seat.client, seat.scope(*scope)).await?;
    let convoys: Vec<&Convoy> = convoys.iter().collect();
    let table = rows::convoys(&convoys, namespaces(*scope), Timestamp::now());
    print_all(&convoys, &table, output)
}

pub(super) async fn convoy(seat: &Seat, args: &ConvoyArgs) -> Done {
    let ConvoyArgs {
        name,
        scope,
        output,
    } = args;
    let town = seat.town(*scope).await?;
    let convoy = town.convoy(name)?;
    let now = Timestamp::now();
    let all = standings(&town, now);
    let is_member = |placed: &&Placed<'_>| {
        let key = &placed.bead().key;
        convoy.namespace().as_ref() == Some(&key.namespace)
            && convoy.spec.tracked_beads.contains(&key.id)
    };
    let members: Vec<_> = all.iter().filter(is_member).collect();
    let members = rows::beads(&members, Namespaces::Hidden, width(output));
    let head = rows::convoys(&[convoy], Namespaces::Hidden, now);
    print_with(convoy, [&head, &members], output)
}

/// Objects of ours as a table, or as they are.
fn print_all<K>(objects: &[&K], table: &Table, output: &OutputArgs) -> Done
where
    K: ResourceExt<DynamicType = ()> + Serialize,
{
    let answer = Answer {
        text: shown(table, output),
        names: objects
            .iter()
            .map(|object| super::name_of(*object))
            .collect(),
        objects: as_list(objects)?,
    };
    print(answer, output)
}

/// An object of ours with what belongs to it, or as it is.
fn print_with<K>(object: &K, tables: [&Table; 2], output: &OutputArgs) -> Done
where
    K: ResourceExt<DynamicType = ()> + Serialize,
{
    let text = tables.map(|table| look(output).table(table)).join("\n");
    let answer = Answer {
        text,
        names: vec![super::name_of(object)],
        objects: object,
    };
    print(answer, output)
}
