//! `beadlet render`.

use std::process::ExitCode;

use beadlet_store::configmap::{Renderer, mirrored};
use k8s_openapi::api::core::v1::ConfigMap;

use super::CommandError;
use crate::board::Board;
use crate::cli::RenderArgs;
use crate::cli::offline::RenderForm;
use crate::input::{load, read};
use crate::settings::scope;
use crate::terminal;
use crate::view::manifest;

/// Prints the ConfigMaps in the order of the file, each as soon as it is made.
pub(super) async fn render(args: &RenderArgs) -> Result<ExitCode, CommandError> {
    let input = load(&args.target).await?;
    let reading = read(&input, &args.target.reading)?;
    let board = Board::new(
        &reading,
        args.target.reading.profile,
        args.target.reading.instant(),
    );
    let scope = scope(
        board.profile,
        &args.mirror,
        args.namespace.as_deref().unwrap_or_default(),
    );
    let renderer = Renderer::new(&reading, &board.readiness, &input.tracker.config, &scope);
    let places = mirrored(&reading, &scope, board.now).issues;
    let configmaps = places.into_iter().map(|at| {
        let mut configmap = renderer.desired(at).to_configmap(&scope);
        configmap.metadata.namespace.clone_from(&args.namespace);
        configmap
    });
    print(args.output, configmaps)?;
    Ok(ExitCode::SUCCESS)
}

fn print(
    form: RenderForm,
    configmaps: impl Iterator<Item = ConfigMap>,
) -> Result<(), CommandError> {
    match form {
        RenderForm::Yaml => {
            terminal::print_each(configmaps.map(|configmap| Ok(manifest::document(&configmap)?)))
        }
        RenderForm::Name => {
            terminal::print_each(configmaps.map(|configmap| Ok(manifest::name(&configmap))))
        }
        RenderForm::Json => {
            let items = configmaps
                .enumerate()
                .map(|(at, configmap)| Ok(manifest::item(at, &configmap)?));
            let [start, end] = manifest::LIST.map(|text| std::iter::once(Ok(text.to_owned())));
            terminal::print_each(start.chain(items).chain(end))
        }
    }
}
