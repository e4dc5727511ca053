//! Times, sizes and counts in words.

use std::{ops::Deref, time::Duration};

use jiff::tz::TimeZone;

use crate::model::{SafeText, Timestamp, Trace};

/// Formats a moment; a moment that no calendar knows is a question mark.
fn moment(at: Timestamp, zone: &TimeZone, format: &str) -> String {
    i64::try_from(at.as_millis())
        .ok()
        .and_then(|at| jiff::Timestamp::from_millisecond(at).ok())
        .map_or_else(|| "?".to_owned(), |at| at.to_zoned(zone.clone()).strftime(format).to_string())
}

/// `14:03`.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    moment(at, zone, "%H:%M")
}

/// `22 Nov 2026 14:03`.
pub fn date(at: Timestamp, zone: &TimeZone) -> String {
    moment(at, zone, "%-d %b %Y %H:%M")
}

/// `14:03:22`, with the day in front when it is not the day of `near`.
pub fn exact(at: Timestamp, near: Timestamp, zone: &TimeZone) -> String {
    let format = if day(at, zone) == day(near, zone) { "%H:%M:%S" } else { "%-d %b %H:%M:%S" };
    moment(at, zone, format)
}

/// What others were told to be unreadable and was no message: all of it in one sentence, `""` for
/// none.
pub fn traces(traces: &[Trace], zone: &TimeZone) -> String {
    let Some(last) = traces.iter().max_by_key(|trace| trace.told) else { return String::new() };
    let (sender, told) = (SafeText::line(last.sender.as_str()), moment(last.told, zone, "%H:%M:%S"));
    let what = last.what.clone().or(SafeText::line("no message"));
    if traces.len() == 1 {
        return format!("{sender} was told at {told} that a message could not be read here; it was {what}.");
    }
    let count = traces.len();
    format!(
        "{count} times somebody was told that a message could not be read here; the last was {what} ({sender}, {told})."
    )
}

/// `14:03`, with the day in front when it is not the day of `near`.
pub fn near(at: Timestamp, near: Timestamp, zone: &TimeZone) -> String {
    let format = if day(at, zone) == day(near, zone) { "%H:%M" } else { "%-d %b %H:%M" };
    moment(at, zone, format)
}

/// `Sunday 22 November 2026`.
pub fn day(at: Timestamp, zone: &TimeZone) -> String {
    moment(at, zone, "%A %-d %B %Y")
}

/// `1.2 s`, `3 min`, `5 h`, `2 days`: how long something took.
pub fn span(span: Duration) -> String {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match u64::try_from(span.as_millis()).unwrap_or(u64::MAX) {
        ms @ 0..1_000 => format!("{ms} ms"),
        ms @ 1_000..MINUTE => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms @ MINUTE..HOUR => format!("{} min {} s", ms / MINUTE, ms % MINUTE / 1_000),
        ms @ HOUR..DAY => format!("{} h {} min", ms / HOUR, ms % HOUR / MINUTE),
        ms => count(ms / DAY, "day", "days"),
    }
}

/// `2 days`, `5 h`, `3 min`: how old something is, at a glance.
pub fn age(age: Duration) -> String {
    match age.as_secs() / 60 {
        0 => "just now".to_owned(),
        minutes @ 1..60 => format!("{minutes} min"),
        minutes @ 60..1_440 => format!("{} h", minutes / 60),
        minutes => count(minutes / 1_440, "day", "days"),
    }
}

/// `512 B`, `1.2 MB`: decimal units, as file managers show them.
pub fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    UNITS.iter().find(|(unit, _)| bytes >= *unit).map_or_else(
        || format!("{bytes} B"),
        |(unit, name)| format!("{}.{} {name}", bytes / unit, bytes % unit / (unit / 10)),
    )
}

/// `1 device`, `2 devices`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// `Ada`, `Ada and Bob`, `Ada, Bob and 2 others`.
pub fn names(who: &[impl Deref<Target = str>]) -> String {
    match who {
        [] => String::new(),
        [one] => one.to_string(),
        [one, two] => format!("{} and {}", &**one, &**two),
        [one, two, rest @ ..] => {
            let others = count(u64::try_from(rest.len()).unwrap_or(u64::MAX), "other", "others");
            format!("{}, {} and {others}", &**one, &**two)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sunday 22 November 2026, 14:03:22.500 UTC.
    const AT: Timestamp = Timestamp::from_millis(1_795_356_202_500);

    #[test]
    fn moments_are_said_in_the_given_zone() {
        let utc = TimeZone::UTC;
        let east = TimeZone::fixed(jiff::tz::offset(10));
        assert_eq!(clock(AT, &utc), "14:03");
        assert_eq!(clock(AT, &east), "00:03");
        assert_eq!(day(AT, &utc), "Sunday 22 November 2026");
        assert_eq!(day(AT, &east), "Monday 23 November 2026");
        assert_eq!(exact(AT, AT - Duration::from_millis(1), &utc), "14:03:22");
        assert_eq!(exact(AT, AT - Duration::from_hours(24), &utc), "22 Nov 14:03:22");
        assert_eq!(clock(Timestamp::MAX, &utc), "?");
    }

    #[test]
    fn spans_sizes_and_names_are_short() {
        let spans = [(0, "0 ms"), (999, "999 ms"), (1_250, "1.2 s"), (61_000, "1 min 1 s"), (3_660_000, "1 h 1 min")];
        for (ms, expected) in spans {
            assert_eq!(span(Duration::from_millis(ms)), expected);
        }
        assert_eq!(span(Duration::from_hours(24)), "1 day");
        for (ms, expected) in [
            (59_999, "just now"),
            (60_000, "1 min"),
            (3_599_999, "59 min"),
            (3_600_000, "1 h"),
            (172_800_000, "2 days"),
        ] {
            assert_eq!(age(Duration::from_millis(ms)), expected);
        }
        for (bytes, expected) in
            [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_234_567, "1.2 MB"), (5_000_000_000, "5.0 GB")]
        {
            assert_eq!(size(bytes), expected);
        }
        let who = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(names(&[] as &[String]), "");
        assert_eq!(names(&who("Ada Bob")), "Ada and Bob");
        assert_eq!(names(&who("Ada Bob Eve")), "Ada, Bob and 1 other");
    }
}
