//! The two text formats of a scrape: OpenMetrics 1.0 and Prometheus 0.0.4.
//!
//! Always true here: the samples of a family follow its header, label values are escaped, lines end in LF.
//! Used by the scrape alone.

use std::fmt::{Display, Write};

use crate::instrument::HistogramValues;

use super::families::{Family, Kind};

/// Which format a scraper asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    OpenMetrics,
    Prometheus,
}

impl Format {
    /// The format for the value of an `Accept` header.
    pub fn accepted(accept: Option<&str>) -> Self {
        let wanted = |accept: &str| accept.to_ascii_lowercase().contains("application/openmetrics-text");
        if accept.is_some_and(wanted) { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// A scrape that is being written.
#[derive(Debug)]
pub struct Exposition {
    text: String,
    format: Format,
}

impl Exposition {
    pub fn new(format: Format) -> Self {
        Self { text: String::with_capacity(16 << 10), format }
    }

    /// Starts a family.
    pub fn family(&mut self, family: &Family) {
        let (name, kind) = match (self.format, family.kind) {
            (Format::OpenMetrics, Kind::Counter) => (family.name.to_owned(), "counter"),
            (Format::OpenMetrics, Kind::Info) => (family.name.to_owned(), "info"),
            (Format::Prometheus, Kind::Counter) => (family.sample_name(), "counter"),
            (Format::Prometheus, Kind::Info) => (family.sample_name(), "gauge"),
            (_, Kind::Gauge) => (family.name.to_owned(), "gauge"),
            (_, Kind::Histogram) => (family.name.to_owned(), "histogram"),
        };
        self.line(format_args!("# HELP {name} {}", family.help));
        self.line(format_args!("# TYPE {name} {kind}"));
        if let (Format::OpenMetrics, Some(unit)) = (self.format, family.unit) {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
    }

    /// One sample; `values` go with the family's labels.
    pub fn sample(&mut self, family: &Family, values: &[&str], value: impl Display) {
        let name = family.sample_name();
        let labels = Labels { names: family.labels, values, bound: None };
        self.line(format_args!("{name}{labels} {value}"));
    }

    /// The samples of one histogram.
    pub fn histogram(&mut self, family: &Family, values: &[&str], histogram: &HistogramValues) {
        let name = family.name;
        let labels = Labels { names: family.labels, values, bound: None };
        for (bound, count) in &histogram.cumulative {
            let bound = Seconds(*bound).to_string();
            self.line(format_args!("{name}_bucket{} {count}", labels.with_bound(&bound)));
        }
        self.line(format_args!("{name}_bucket{} {}", labels.with_bound("+Inf"), histogram.count));
        self.line(format_args!("{name}_sum{labels} {}", Seconds(histogram.sum_micros)));
        self.line(format_args!("{name}_count{labels} {}", histogram.count));
    }

    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// Microseconds, written as seconds without rounding.
pub struct Seconds(pub u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let fraction = format!("{micros:06}");
        let fraction = fraction.trim_end_matches('0');
        write!(f, "{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
    }
}

#[derive(Clone, Copy)]
struct Labels<'a> {
    names: &'a [&'a str],
    values: &'a [&'a str],
    /// The `le` of a bucket.
    bound: Option<&'a str>,
}

impl<'a> Labels<'a> {
    fn with_bound(self, bound: &'a str) -> Self {
        Self { bound: Some(bound), ..self }
    }
}

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let own = self.names.iter().copied().zip(self.values.iter().copied());
        let mut separator = "{";
        for (name, value) in own.chain(self.bound.map(|bound| ("le", bound))) {
            write!(f, "{separator}{name}=\"")?;
            for character in value.chars() {
                match character {
                    '\\' => f.write_str("\\\\")?,
                    '"' => f.write_str("\\\"")?,
                    '\n' => f.write_str("\\n")?,
                    other => f.write_char(other)?,
                }
            }
            f.write_char('"')?;
            separator = ",";
        }
        if separator == "," { f.write_char('}') } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::instrument::Histogram;

    use super::super::families::{BUILD, CONNECTIONS, REQUEST_DURATION};
    use super::*;

    fn write(format: Format) -> String {
        let mut out = Exposition::new(format);
        out.family(&BUILD);
        out.sample(&BUILD, &["a\"b\\\n"], 1);
        out.family(&CONNECTIONS);
        out.sample(&CONNECTIONS, &[], 7);
        let histogram = Histogram::default();
        histogram.observe(Duration::from_micros(60));
        out.family(&REQUEST_DURATION);
        out.histogram(&REQUEST_DURATION, &["check"], &histogram.values());
        out.finish()
    }

    #[test]
    fn open_metrics_names_families_without_suffixes_and_ends() {
        let text = write(Format::OpenMetrics);
        assert!(
            text.contains("# TYPE rolegate_build info\nrolegate_build_info{version=\"a\\\"b\\\\\\n\"} 1\n")
        );
        assert!(text.contains("# TYPE rolegate_connections counter\nrolegate_connections_total 7\n"));
        assert!(text.contains("# UNIT rolegate_request_duration_seconds seconds\n"));
        assert!(text.contains("_bucket{route=\"check\",le=\"0.00005\"} 0\n"));
        assert!(text.contains("_bucket{route=\"check\",le=\"0.0001\"} 1\n"));
        assert!(text.contains("_bucket{route=\"check\",le=\"5.0\"} 1\n"));
        assert!(text.contains("_bucket{route=\"check\",le=\"+Inf\"} 1\n"));
        assert!(text.contains("_sum{route=\"check\"} 0.00006\n"));
        assert!(text.ends_with("_count{route=\"check\"} 1\n# EOF\n"));
    }

    #[test]
    fn the_older_format_names_samples_and_has_no_end() {
        let text = write(Format::Prometheus);
        assert!(text.contains("# TYPE rolegate_build_info gauge\n"));
        assert!(text.contains("# TYPE rolegate_connections_total counter\n"));
        assert!(!text.contains("# UNIT") && !text.contains("# EOF"));
    }

    #[test]
    fn the_format_follows_the_accept_header() {
        let openmetrics = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
        assert_eq!(Format::accepted(Some(openmetrics)), Format::OpenMetrics);
        assert_eq!(Format::accepted(Some("*/*")), Format::Prometheus);
        assert_eq!(Format::accepted(None), Format::Prometheus);
    }
}
