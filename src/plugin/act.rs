//! The commands that change something.

use beadlet_store::keys::FIELD_MANAGER;
use beadlet_store::kinds::{Convoy, Polecat};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};

use super::cli::{CreateConvoyArgs, OutputArgs, RetryArgs, SlingArgs, StopArgs};
use super::decide::form::Answer;
use super::decide::request;
use super::{PluginError, Seat, ask, name_of};

type Done = Result<(), PluginError>;

fn post() -> PostParams {
    PostParams {
        field_manager: Some(FIELD_MANAGER.into()),
        ..PostParams::default()
    }
}

/// Says what was made, as `kubectl create` does.
fn made<K>(object: &K, output: &OutputArgs) -> Done
where
    K: ResourceExt<DynamicType = ()> + Serialize,
{
    said(format!("{} created\n", name_of(object)), object, output)
}

/// Says what became of an object.
fn said<K>(text: String, object: &K, output: &OutputArgs) -> Done
where
    K: ResourceExt<DynamicType = ()> + Serialize,
{
    let answer = Answer {
        text,
        names: vec![name_of(object)],
        objects: object,
    };
    ask::print(answer, output)
}

/// Makes a Polecat for a bead. It waits for a place of its Rig like any other.
pub(super) async fn sling(seat: &Seat, args: &SlingArgs) -> Done {
    let polecat = request::sling(&seat.town(args.scope).await?, args)?;
    let api: Api<Polecat> = Api::namespaced(
        seat.client.clone(),
        &polecat.namespace().unwrap_or_default(),
    );
    let new = api.create(&post(), &polecat).await;
    made(
        &new.map_err(PluginError::write("create the Polecat"))?,
        &args.output,
    )
}

/// Asks dispatch for another attempt.
pub(super) async fn retry(seat: &Seat, args: &RetryArgs) -> Done {
    let RetryArgs { id, scope, output } = args;
    let town = seat.town(*scope).await?;
    let last = request::retry(&town, id)?;
    let (now, name) = (Timestamp::now(), last.name_any());
    let namespace = last.namespace().unwrap_or_default();
    let ask = request::asked_again(now);
    let told = patch(seat, (&namespace, &name), &ask, "annotate the Polecat").await?;
    let text = request::prospect(&town, id, told.clone(), now);
    said(text, &told, output)
}

/// Ends a polecat for good.
pub(super) async fn stop(seat: &Seat, args: &StopArgs) -> Done {
    let StopArgs { polecat, output } = args;
    let end = json!({"spec": {"desiredState": "Terminated"}});
    let stopped = patch(seat, (&seat.namespace, polecat), &end, "stop the Polecat");
    let stopped = stopped.await?;
    said(
        format!("{} is being stopped\n", name_of(&stopped)),
        &stopped,
        output,
    )
}

async fn patch(
    seat: &Seat,
    (namespace, name): (&str, &str),
    patch: &Value,
    what: &'static str,
) -> Result<Polecat, PluginError> {
    let api: Api<Polecat> = Api::namespaced(seat.client.clone(), namespace);
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.into()),
        ..PatchParams::default()
    };
    api.patch(name, &params, &Patch::Merge(patch))
        .await
        .map_err(PluginError::write(what))
}

pub(super) async fn create_convoy(seat: &Seat, args: &CreateConvoyArgs) -> Done {
    let api: Api<Convoy> = Api::namespaced(seat.client.clone(), &seat.namespace);
    let new = api.create(&post(), &request::convoy(args)).await;
    made(
        &new.map_err(PluginError::write("create the Convoy"))?,
        &args.output,
    )
}
