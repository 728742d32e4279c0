//! The metrics, all read from the latest report of the mirror when they are asked for.
//!
//! A gauge about something that is not known yet has no sample. `docs/reference.md` has the table of all metrics, made from what the
//! registries write.

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

use crate::webhook::Calls;
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
    pub fn new(reports: watch::Receiver<Report>, calls: &Calls) -> Self {
        let mut registry = Registry::with_prefix("beadlet");
        registry.register_collector(Box::new(Reports(reports)));
        calls.register(&mut registry);
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
        let text = Metrics::new(reports, &Calls::default())
            .text()
            .expect("text");
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
