//! The feed, read backwards from now to what is known.
//!
//! All of it is collected before anything is fetched: the feed moves while it is read, and what is added to it meanwhile is the
//! next run's. A feed that cannot be read without a gap is not believed: a dump takes its place.

use std::io::{BufRead, Read};

use rustc_hash::FxHashMap;
use url::Url;

use super::exchange::{ACTIVITIES, Exchange, Halt};
use super::part::{Broke, limits};
use crate::emm::{Activity, EmmError, Entry, Happening, PageHead, Piece, lists_again, split};
use crate::harvest::client::Client;
use crate::harvest::error::FetchError;
use crate::harvest::scope::now;

/// The newest activity of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) happening: Happening,
    pub(super) published: i64,
    /// Another thing happened to it in the same millisecond: its data tells what counts.
    pub(super) disputed: bool,
    /// Whether it has the date of its data.
    pub(super) dated: bool,
}

/// What the feed says.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// The newest activity of each entity that belongs to the selections.
    pub(super) changes: FxHashMap<String, Newest>,
    /// The time up to which the feed is known now, milliseconds since 1970.
    pub(super) head: i64,
}

/// How the reading of the feed ended.
pub(super) enum Walk {
    /// It met what is known.
    Met(Feed),
    /// It did not, or cannot be believed: the reason.
    Gap(String),
}

/// A page of the feed.
struct FeedPage {
    head: PageHead,
    activities: Vec<Activity>,
    /// Why an item of it cannot be read, if one cannot.
    unreadable: Option<String>,
}

/// How many activities a page may have. Those of Libris have 100, and more only if so much happened in one millisecond.
const MOST_ON_PAGE: usize = 100_000;

/// How many changes are kept in memory.
const MOST_CHANGES: usize = 500_000;

/// After how many pages their number is estimated.
const PAGES_BEFORE_ESTIMATE: usize = 10;

/// Whether, at the rate of the pages read so far, the whole period would need more than four times the page limit.
fn is_hopeless(pages: usize, most_pages: usize, newest: i64, until: i64, since: i64) -> bool {
    let (covered, due) = (newest.saturating_sub(until).max(1), newest.saturating_sub(since));
    let estimate = i128::from(due) * i128::try_from(pages).unwrap_or(i128::MAX) / i128::from(covered);
    estimate > 4 * i128::try_from(most_pages).unwrap_or(i128::MAX)
}

/// Asks for the entry. Answers the server's clock, milliseconds since 1970.
pub(super) async fn entry(client: &Client, url: &Url, limit: usize) -> Result<Entry, FetchError> {
    let name = url.to_string();
    client
        .get(url, ACTIVITIES, move |mut input| {
            let mut body = Vec::new();
            let cut = |source| FetchError::Emm { url: name.clone(), source: EmmError::Read { position: 0, source } };
            input.by_ref().take(limit as u64).read_to_end(&mut body).map_err(cut)?;
            Entry::read(&body).map_err(|source| FetchError::Emm { url: name.clone(), source })
        })
        .await
}

fn read_feed(input: &mut dyn BufRead, settings: &crate::config::Harvest) -> Result<FeedPage, Broke> {
    let (mut activities, mut unreadable) = (Vec::new(), None);
    let head = split(input, limits(settings), |piece| {
        match piece {
            Piece::Whole(json) if activities.len() < MOST_ON_PAGE => match Activity::read(&json) {
                Ok(activity) => activities.push(activity),
                Err(error) => unreadable = Some(error.to_string()),
            },
            Piece::Whole(_) => unreadable = Some(format!("a page has more than {MOST_ON_PAGE} activities")),
            Piece::TooLong(_) => unreadable = Some("an activity is longer than a record may be".into()),
        }
        Ok::<_, Broke>(())
    })?;
    Ok(FeedPage { head: PageHead::read(&head)?, activities, unreadable })
}

/// Where the page before a page is.
#[derive(Debug, PartialEq, Eq)]
enum Before {
    /// It ends at this time.
    Until(i64),
    /// What is known is met.
    Met,
    /// There may be a gap.
    Gap(&'static str),
}

/// Decides where the reading goes on: `until` is what was asked for, `next` what the page leads to, `since` what is known.
fn before(activities: &[Activity], until: i64, next: Option<i64>, since: i64) -> Before {
    let earliest = activities.iter().map(|activity| activity.published).min();
    // What happened at the very time that was asked for may come again at the end.
    let once = activities.iter().filter(|activity| activity.published < until).map(|activity| activity.published);
    if !once.rev().is_sorted() {
        return Before::Gap("its activities are not in the order of their times");
    }
    if earliest.is_some_and(|earliest| earliest < since) {
        return Before::Met;
    }
    let Some(next) = next else { return Before::Gap("it ends before what is known") };
    // A server rounds down to the millisecond, and would leave out what happened later in it.
    let careful = earliest.map_or(next, |earliest| next.max(earliest).saturating_add(1));
    let plain = earliest.map_or(next, |earliest| next.max(earliest));
    if careful < until {
        Before::Until(careful)
    } else if plain < until {
        Before::Until(plain)
    } else if plain == until && lists_again(activities) {
        Before::Until(until - 1)
    } else if activities.is_empty() {
        Before::Gap("it ends before what is known")
    } else {
        Before::Gap("more happened in one millisecond than a page has")
    }
}

impl Exchange<'_> {
    /// Reads the feed back to a time, milliseconds since 1970; `until` is the server's clock.
    pub(super) fn walk(&mut self, since: i64, until: Option<i64>, most_pages: usize) -> Result<Walk, Halt> {
        let clock = now();
        let mut until = until.unwrap_or(clock);
        // Times in the future would hide what happens until then.
        let newest_possible = until.min(clock);
        let mut feed = Feed { head: 0, ..Feed::default() };
        for pages in 0.. {
            self.check()?;
            if pages >= most_pages {
                return Ok(Walk::Gap(format!("it has more than {most_pages} pages since what is known")));
            }
            let url = self.endpoint.feed(until);
            let (settings, name) = (self.settings().clone(), url.to_string());
            let page = self.ask_short(&url, ACTIVITIES, move |mut input| {
                read_feed(&mut *input, &settings).map_err(|broke| broke.at(&name))
            })??;
            if let Some(reason) = page.unreadable {
                return Ok(Walk::Gap(reason));
            }
            let Ok(next) = page.head.next("until") else { return Ok(Walk::Gap("it leads on to no time".into())) };
            let newest = page.activities.iter().map(|activity| activity.published).filter(|time| *time <= newest_possible).max();
            feed.head = feed.head.max(newest.unwrap_or(0));
            let next = next.and_then(|next| i64::try_from(next).ok());
            let decided = before(&page.activities, until, next, since);
            for activity in page.activities.into_iter().filter(|activity| activity.published >= since) {
                if self.concerns(&activity)? {
                    feed.note(activity);
                }
            }
            match decided {
                Before::Met => break,
                Before::Until(earlier) => until = earlier,
                Before::Gap(reason) => return Ok(Walk::Gap(reason.into())),
            }
            if pages >= PAGES_BEFORE_ESTIMATE && is_hopeless(pages, most_pages, newest_possible, until, since) {
                return Ok(Walk::Gap(format!("it is likely to have far more than {most_pages} pages since what is known")));
            }
            if feed.changes.len() > MOST_CHANGES {
                return Ok(Walk::Gap(format!("it has more than {MOST_CHANGES} changes since what is known")));
            }
        }
        feed.head = feed.head.clamp(since.min(newest_possible), newest_possible);
        Ok(Walk::Met(feed))
    }

    /// Whether an activity is about the selections: by its class, or because the log has the record.
    fn concerns(&self, activity: &Activity) -> Result<bool, Halt> {
        let mut selections = self.source.selections.iter();
        let selected = |class: &String| {
            self.classes.contains(class) || self.source.selections.iter().any(|one| one.strip_prefix("type:") == Some(class))
        };
        if selections.any(|selection| selection == "all") || activity.class.as_ref().is_some_and(selected) {
            return Ok(true);
        }
        let identifier = self.record_of(&activity.entity)?;
        Ok(self.log.held(self.row.id, &identifier)?.is_some())
    }

    /// The identifier of the record that describes an entity, as far as the log can know.
    pub(super) fn record_of(&self, entity: &str) -> Result<String, Halt> {
        let noted = self.log.record_of_entity(self.row.id, entity)?;
        Ok(noted.unwrap_or_else(|| entity.split('#').next().unwrap_or_default().to_owned()))
    }
}

impl Feed {
    fn note(&mut self, Activity { happening, entity, published, dated, .. }: Activity) {
        let new = Newest { happening, published, disputed: false, dated };
        let known = self.changes.entry(entity).or_insert(new);
        if published > known.published {
            *known = new;
        } else if published == known.published && happening != known.happening {
            known.disputed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(times: &[i64]) -> Vec<Activity> {
        let activity = |(place, published): (usize, &i64)| Activity {
            happening: Happening::Changed,
            entity: format!("https://x/{}", place % 3),
            class: None,
            dated: true,
            published: *published,
        };
        times.iter().enumerate().map(activity).collect()
    }

    #[test]
    fn the_reading_goes_back_without_a_gap_or_says_so() {
        assert_eq!(before(&page(&[9, 8, 5]), 20, Some(5), 0), Before::Until(6), "what shares the millisecond comes again");
        assert_eq!(before(&page(&[9, 8, 5]), 20, Some(5), 6), Before::Met);
        assert_eq!(before(&page(&[9, 8, 5]), 20, Some(5), 5), Before::Until(6), "more may have happened in that millisecond");
        assert_eq!(before(&page(&[9, 9, 8]), 9, Some(8), 0), Before::Until(8));
        assert_eq!(before(&page(&[9, 8, 7, 9, 9]), 9, Some(7), 0), Before::Until(8), "the end of a page lists its newest again");
        assert_eq!(before(&page(&[9, 8, 5]), 20, Some(2), 0), Before::Until(6), "a leap would leave something out");
        assert_eq!(before(&[], 20, Some(5), 0), Before::Until(5));
        for (times, until, next) in [
            (&[9, 8, 5][..], 20, None),
            (&[5, 8, 9], 20, Some(5)),
            (&[9, 9, 9], 9, Some(9)),
            (&[9, 9, 9], 9, Some(30)),
            (&[], 9, Some(9)),
            (&[], 9, None),
            (&[99, 98], 9, Some(98)),
        ] {
            assert!(matches!(before(&page(times), until, next, 0), Before::Gap(_)), "{times:?} {until} {next:?}");
        }
        assert_eq!(before(&page(&[9, 9, 9, 9, 9, 9]), 9, Some(9), 0), Before::Until(8), "all of that millisecond came twice");
    }

    #[test]
    fn a_feed_that_is_far_too_long_is_given_up_early() {
        let week = 7 * 86_400_000;
        assert!(is_hopeless(10, 70, week, week - 3_600_000, 0), "an hour in ten pages, a week in 1700");
        assert!(!is_hopeless(10, 70, week, week - 86_400_000, 0), "a day in ten pages");
    }

    #[test]
    fn the_newest_activity_of_an_entity_counts() {
        let mut feed = Feed::default();
        for (published, happening) in
            [(7, Happening::Deleted), (3, Happening::Changed), (7, Happening::Changed), (6, Happening::Changed)]
        {
            feed.note(Activity { happening, entity: "x".into(), class: None, dated: true, published });
        }
        assert_eq!(feed.changes["x"], Newest { happening: Happening::Deleted, published: 7, disputed: true, dated: true });
    }
}
