//! The report in a format.

use super::model::Report;
use super::page::Block;
use super::words::Clock;
use super::{answers, course, detail, head, html, markdown, outside, rest, returns};

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Markdown,
    Html,
    Json,
}

impl Format {
    /// As the end of a file's name says; `None`: it says none of them.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, end) = name.rsplit_once('.')?;
        match end.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// The whole text, with a line feed at its end.
#[must_use]
pub fn render(report: &Report, format: Format) -> String {
    match format {
        Format::Markdown => markdown::markdown(&page(report)),
        Format::Html => html::html(&report.plan.title, &page(report)),
        Format::Json => {
            // Maps of text and plain fields: there is nothing in it that JSON can't say.
            let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
            text.push('\n');
            text
        }
    }
}

fn page(report: &Report) -> Vec<Block> {
    let clock = Clock::of(report);
    let mut page = Vec::new();
    head::head(&mut page, report, &clock);
    course::course(&mut page, report, &clock);
    answers::answers(&mut page, report, &clock);
    rest::deviations(&mut page, report, &clock);
    rest::deltas(&mut page, report);
    outside::outside(&mut page, report, &clock);
    returns::returns(&mut page, report, &clock);
    detail::detail(&mut page, report, &clock);
    rest::rest(&mut page, report, &clock);
    page
}
