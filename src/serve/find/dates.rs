//! Times as `matches-` has them: a year, a month, a day, or a week. Pure.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

/// The first day of what a text names, and the first day after it.
pub(super) fn span(text: &str) -> Option<(String, String)> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
    let parts: Vec<&str> = text.split('-').collect();
    let year =
        parts.first().filter(|year| year.len() == 4).and_then(|year| number(year)).and_then(|year| i32::try_from(year).ok())?;
    let month = |text: &&str| number(text).filter(|_| text.len() == 2);
    let (first, after) = match parts.get(1..)? {
        [] => (NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year + 1, 1, 1)?),
        [week] if week.starts_with('W') => {
            let week = week.get(1..).filter(|week| week.len() == 2).and_then(number)?;
            let first = NaiveDate::from_isoywd_opt(year, week, Weekday::Mon)?;
            (first, first.checked_add_days(Days::new(7))?)
        }
        [of_year] => {
            let first = NaiveDate::from_ymd_opt(year, month(of_year)?, 1)?;
            (first, first.checked_add_months(Months::new(1))?)
        }
        [of_year, day] => {
            let first = NaiveDate::from_ymd_opt(year, month(of_year)?, month(day)?)?;
            (first, first.succ_opt()?)
        }
        _ => return None,
    };
    (after.year() < 10_000).then(|| (first.to_string(), after.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_months_days_and_weeks_have_a_first_day_and_an_end() {
        for (text, first, after) in [
            ("2018", "2018-01-01", "2019-01-01"),
            ("2018-12", "2018-12-01", "2019-01-01"),
            ("2018-02-28", "2018-02-28", "2018-03-01"),
            ("2018-W08", "2018-02-19", "2018-02-26"),
            ("2020-W53", "2020-12-28", "2021-01-04"),
        ] {
            assert_eq!(span(text), Some((first.to_owned(), after.to_owned())), "{text}");
        }
        for text in
            ["", "18", "2018-W54", "2018-W", "2018-13", "2018-2", "2018-02-30", "2018-01-01T00", "https://x", "9999", "2018-"]
        {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
