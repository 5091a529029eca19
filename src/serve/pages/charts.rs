//! Charts as SVG, rendered here so that no script is needed. Each has its numbers as a table, for those who cannot see it.
//!
//! Widths are in percent, everything else in CSS pixels, so that a chart fills its place and its texts are as large as
//! others, on a phone too.

use std::fmt;

use maud::{Markup, html};

use super::words::Language;

/// A width, in hundredths of a percent of the chart.
#[derive(Clone, Copy)]
struct Width(usize);

/// The whole width.
const WHOLE: usize = 10_000;

impl fmt::Display for Width {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:02}%", self.0 / 100, self.0 % 100)
    }
}

/// Returns a chart of horizontal bars with names, for few values, the largest first.
#[must_use]
pub fn lying_bars(title: &str, columns: [&str; 2], rows: &[(String, u64)], language: Language) -> Markup {
    const ROW: usize = 28;
    const NAME: usize = 3_800;
    const LONGEST: usize = 4_200;
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    html! {
        figure.chart {
            svg width="100%" height=(rows.len() * ROW) role="img" aria-label=(title) {
                @for (place, (name, count)) in rows.iter().enumerate() {
                    @let length = scaled(*count, most, LONGEST).max(30);
                    text.name x=(Width(NAME)) dx="-10" y=(place * ROW + 19) text-anchor="end" { (name) }
                    rect.bar x=(Width(NAME)) y=(place * ROW + 4) width=(Width(length)) height=(ROW - 8) rx="2" {}
                    text.count x=(Width(NAME + length)) dx="8" y=(place * ROW + 19) { (language.number(count)) }
                }
            }
            (as_table(title, columns, rows, language))
        }
    }
}

/// Returns a chart of vertical bars, one for each step of time.
#[must_use]
pub fn standing_bars(title: &str, columns: [&str; 2], rows: &[(String, u64)], language: Language) -> Markup {
    const HEIGHT: usize = 200;
    const FOOT: usize = 24;
    const WIDEST: usize = 1_250;
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let step = (WHOLE / rows.len().max(1)).min(WIDEST);
    // Only as many names as fit on a phone.
    let room: usize = if rows.iter().any(|(name, _)| name.chars().count() > SHORT) { 2_500 } else { 1_250 };
    let every = room.div_ceil(step.max(1));
    html! {
        figure.chart {
            svg width="100%" height=(HEIGHT + FOOT) role="img" aria-label=(title) {
                text.count x="0" y="12" { (language.number(most)) }
                @for (place, (name, count)) in rows.iter().enumerate() {
                    @let height = scaled(*count, most, HEIGHT - 20).max(usize::from(*count > 0));
                    rect.bar.apart x=(Width(place * step)) y=(HEIGHT - height) width=(Width(step)) height=(height) {
                        title { (name) ": " (language.number(count)) }
                    }
                    @if place % every == 0 && place * step + room <= WHOLE {
                        text.name x=(Width(place * step)) y=(HEIGHT + 17) { (name) }
                    }
                }
                line.axis x1="0" y1=(HEIGHT) x2="100%" y2=(HEIGHT) {}
            }
            (as_table(title, columns, rows, language))
        }
    }
}

/// The length of a name that counts as short, such as a year.
const SHORT: usize = 5;

fn scaled(count: u64, most: u64, length: usize) -> usize {
    usize::try_from(u128::from(count) * length as u128 / u128::from(most.max(1))).unwrap_or(length)
}

fn as_table(title: &str, columns: [&str; 2], rows: &[(String, u64)], language: Language) -> Markup {
    html! {
        details {
            summary { (language.words().table) span.hidden { ": " (title) } }
            table {
                caption.hidden { (title) }
                thead { tr { th scope="col" { (columns[0]) } th.number scope="col" { (columns[1]) } } }
                tbody { @for (name, count) in rows { tr { th scope="row" { (name) } td.number { (language.number(count)) } } } }
            }
        }
    }
}
