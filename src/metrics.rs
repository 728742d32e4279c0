//! The metrics, all read from the latest report of the mirror when they are asked for.
//!
//! | name | type | label | meaning |
//! |---|---|---|---|
//! | `beadlet_passes_total` | counter | `outcome`: `changed`, `unchanged`, `failed` | passes since the start |
//! | `beadlet_writes_total` | counter | `kind`: `created`, `updated`, `deleted`, `failed` | writes since the start that the API server took, and those that failed |
//! | `beadlet_repairs_total` | counter | | ConfigMaps that somebody else had changed and that were put right |
//! | `beadlet_watch_restarts_total` | counter | | times the watch had to be opened again after a fault |
//! | `beadlet_watching` | gauge | | 1 while changes that others make are seen at once |
//! | `beadlet_first_good_pass` | gauge | | 1 after the first pass that ended well |
//! | `beadlet_condition` | gauge | `type`: the conditions of a BeadStore | 1 while the condition is true |
//! | `beadlet_issues` | gauge | `status`: the tracker's own statuses, and `other` | issues in the file |
//! | `beadlet_issues_ready` | gauge | | issues that could start now |
//! | `beadlet_issues_retired` | gauge | | issues that are not mirrored, because they were closed too long ago |
//! | `beadlet_duplicate_rows` | gauge | | rows that lost against a newer row of the same id |
//! | `beadlet_rejected_lines` | gauge | | lines of the newest revision that could not be read |
//! | `beadlet_configmaps` | gauge | | ConfigMaps of this mirror in the cluster |
//! | `beadlet_foreign_names` | gauge | | names that we need and that objects of somebody else hold |
//! | `beadlet_failed_objects` | gauge | | objects that could not be written in the last pass |
//! | `beadlet_behind_seconds` | gauge | | how long there has been a commit that the cluster does not show; 0 when there is none |
//! | `beadlet_revision_timestamp_seconds` | gauge | | when the mirrored commit was made |
//! | `beadlet_last_pass_duration_seconds` | gauge | | how long the last pass took, from its trigger to the last answer |
//! | `beadlet_last_pass_timestamp_seconds` | gauge | | when the last pass ended |
//! | `beadlet_next_change_timestamp_seconds` | gauge | | when READY changes without a commit |
//!
//! A gauge about something that is not known yet has no sample.

pub mod controller;
mod family;

use std::fmt;

use beadlet_sync::report::Report;
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;

use family::{Family, Kind, families};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of one mirror.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Metrics of the mirror that sends these reports.
    #[must_use]
    pub fn new(reports: watch::Receiver<Report>) -> Self {
        let mut registry = Registry::with_prefix("beadlet");
        registry.register_collector(Box::new(Reports(reports)));
        Self { registry }
    }

    /// All metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// When a value cannot be written as text, which does not happen.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[derive(Debug)]
struct Reports(watch::Receiver<Report>);

impl Collector for Reports {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let families = families(&self.0.borrow(), Timestamp::now());
        families
            .iter()
            .try_for_each(|family| write(family, &mut encoder))
    }
}

fn write(family: &Family, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let (kind, unit) = match family.kind {
        Kind::Counter => (MetricType::Counter, None),
        Kind::Gauge => (MetricType::Gauge, None),
        Kind::Seconds => (MetricType::Gauge, Some(&Unit::Seconds)),
    };
    let mut encoder = encoder.encode_descriptor(family.name, family.help, unit, kind)?;
    for (value, sample) in &family.samples {
        let labels: Vec<(&str, &str)> = family.label.iter().map(|label| (*label, *value)).collect();
        let mut sampled = encoder.encode_family(&labels)?;
        match family.kind {
            Kind::Counter => sampled.encode_counter::<NoLabelSet, _, f64>(sample, None)?,
            Kind::Gauge | Kind::Seconds => sampled.encode_gauge(sample)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::family::by_status;
    use super::*;

    /// The names in the table of this module's documentation.
    fn documented() -> Vec<&'static str> {
        let rows = include_str!("metrics.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `"));
        rows.filter_map(|row| row.split('`').next()).collect()
    }

    #[test]
    fn the_table_names_every_metric_and_no_other() {
        let name = |family: &Family| match family.kind {
            Kind::Counter => format!("beadlet_{}_total", family.name),
            Kind::Gauge => format!("beadlet_{}", family.name),
            Kind::Seconds => format!("beadlet_{}_seconds", family.name),
        };
        let mut names: Vec<String> = families(&Report::default(), Timestamp::UNIX_EPOCH)
            .iter()
            .map(name)
            .collect();
        let mut documented = documented();
        names.sort_unstable();
        documented.sort_unstable();
        assert_eq!(names, documented);
    }

    #[test]
    fn a_custom_status_counts_as_other() {
        let mut report = Report::default();
        report.contents.by_status = [
            ("open".to_owned(), 2),
            ("waiting".to_owned(), 1),
            ("other".to_owned(), 4),
        ]
        .into();
        let counts = by_status(&report);
        assert!(
            counts.contains(&("open", 2.0)) && counts.contains(&("other", 5.0)),
            "{counts:?}"
        );
    }

    #[test]
    fn the_text_is_openmetrics() {
        let (_sender, reports) = watch::channel(Report::default());
        let text = Metrics::new(reports).text().expect("text");
        assert!(text.contains("# TYPE beadlet_passes counter\n"), "{text}");
        assert!(
            text.contains("beadlet_passes_total{outcome=\"changed\"} 0"),
            "{text}"
        );
        assert!(
            text.contains("# UNIT beadlet_behind_seconds seconds\n"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
