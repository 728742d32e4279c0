//! `beadlet render`.

use std::process::ExitCode;

use beadlet_store::configmap::{Renderer, mirrored};
use k8s_openapi::api::core::v1::ConfigMap;

use super::CommandError;
use crate::board::Board;
use crate::cli::RenderArgs;
use crate::cli::offline::RenderForm;
use crate::input::{Input, load, read};
use crate::settings::scope;
use crate::terminal;
use crate::view::manifest;

/// Prints the ConfigMaps in the order of the file.
pub(super) async fn render(args: &RenderArgs) -> Result<ExitCode, CommandError> {
    let input = load(&args.target).await?;
    let configmaps = configmaps(args, &input)?;
    let text = match args.output {
        RenderForm::Yaml => configmaps
            .iter()
            .map(manifest::document)
            .collect::<Result<String, _>>()?,
        RenderForm::Json => manifest::list(&configmaps)?,
        RenderForm::Name => configmaps.iter().map(manifest::name).collect(),
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn configmaps(args: &RenderArgs, input: &Input) -> Result<Vec<ConfigMap>, CommandError> {
    let reading = read(input, &args.target.reading)?;
    let board = Board::new(
        &reading,
        args.target.reading.profile,
        args.target.reading.instant(),
    );
    let namespace = args.namespace.as_deref().unwrap_or_default();
    let scope = scope(board.profile, &args.mirror, namespace);
    let renderer = Renderer::new(&reading, &board.readiness, &input.tracker.config, &scope);
    let places = mirrored(&reading, &scope, board.now).issues;
    let configmap = |at| {
        let mut configmap = renderer.desired(at).to_configmap(&scope);
        configmap.metadata.namespace.clone_from(&args.namespace);
        configmap
    };
    Ok(places.into_iter().map(configmap).collect())
}
