//! Charts as SVG, drawn here so that no script is needed. Each comes with its numbers as a table for those who cannot
//! see it.

use maud::{Markup, html};

use super::words::Language;

/// Bars that lie, with their names: few, and the longest first.
#[must_use]
pub fn lying_bars(title: &str, columns: [&str; 2], rows: &[(String, u64)], language: Language) -> Markup {
    const ROW: usize = 28;
    const NAME: usize = 150;
    const WIDTH: usize = 640;
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let height = rows.len() * ROW;
    html! {
        figure.chart {
            svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(title) {
                @for (place, (name, count)) in rows.iter().enumerate() {
                    @let length = (scaled(*count, most, WIDTH - NAME - 110)).max(2);
                    text.name x=(NAME - 10) y=(place * ROW + 19) text-anchor="end" { (name) }
                    rect.bar x=(NAME) y=(place * ROW + 4) width=(length) height=(ROW - 8) rx="2" {}
                    text.count x=(NAME + length + 8) y=(place * ROW + 19) { (language.number(count)) }
                }
            }
            (as_table(title, columns, rows, language))
        }
    }
}

/// Bars that stand, one a step of time.
#[must_use]
pub fn standing_bars(title: &str, columns: [&str; 2], rows: &[(String, u64)], language: Language) -> Markup {
    const WIDTH: usize = 640;
    const HEIGHT: usize = 200;
    const FOOT: usize = 24;
    const WIDEST: usize = 80;
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let step = (WIDTH / rows.len().max(1)).min(WIDEST);
    // A few names are enough.
    let every = rows.len().div_ceil(8).max(1);
    html! {
        figure.chart {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + FOOT) } role="img" aria-label=(title) {
                line.axis x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
                text.count x="0" y="12" { (language.number(most)) }
                @for (place, (name, count)) in rows.iter().enumerate() {
                    @let height = scaled(*count, most, HEIGHT - 20).max(usize::from(*count > 0));
                    rect.bar x=(place * step + 1) y=(HEIGHT - height) width=(step.saturating_sub(2).max(1)) height=(height) {
                        title { (name) ": " (language.number(count)) }
                    }
                    @if place % every == 0 {
                        text.name x=(place * step + step / 2) y=(HEIGHT + 17) text-anchor="middle" { (name) }
                    }
                }
            }
            (as_table(title, columns, rows, language))
        }
    }
}

fn scaled(count: u64, most: u64, length: usize) -> usize {
    usize::try_from(u128::from(count) * length as u128 / u128::from(most.max(1))).unwrap_or(length)
}

fn as_table(title: &str, columns: [&str; 2], rows: &[(String, u64)], language: Language) -> Markup {
    html! {
        details {
            summary { (language.words().table) }
            table {
                caption.hidden { (title) }
                thead { tr { th scope="col" { (columns[0]) } th.number scope="col" { (columns[1]) } } }
                tbody { @for (name, count) in rows { tr { th scope="row" { (name) } td.number { (language.number(count)) } } } }
            }
        }
    }
}
