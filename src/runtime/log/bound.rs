//! How much gets into the log, whatever happens.
//!
//! Something that fails in a loop says so each time, and a library's way to say it can be a page
//! long. So an entry is cut, so many are written at once and so many a second after that, and a
//! day's file has an end. What is left out is counted, and the count is written as soon as there is
//! place for it.

use std::time::Duration;

/// An entry is cut to so many bytes.
const LONGEST: usize = 4 << 10;
/// So many entries may come at once.
const AT_ONCE: u32 = 500;
/// And then one in so long.
const EACH: Duration = Duration::from_millis(100);
/// So much may be in a day's file, and a little more: a count of what was left out of it.
pub(super) const DAY: u64 = 10 << 20;

/// What was let through so far.
pub(super) struct Bound {
    /// Entries that may come now.
    places: u32,
    /// Up to when places were given back.
    at: Duration,
    /// Bytes in the day's file.
    written: u64,
    /// Entries left out since the last one that was let through.
    left_out: u64,
}

impl Bound {
    /// For a file that has `written` bytes already.
    pub(super) fn new(written: u64) -> Self {
        Self { places: AT_ONCE, at: Duration::ZERO, written, left_out: 0 }
    }

    /// A day begins, with a file of its own.
    pub(super) fn next_day(&mut self) {
        self.written = 0;
    }

    /// What is to be written in place of this entry, `now` after the log was opened; nothing when
    /// it is left out.
    pub(super) fn admit(&mut self, entry: &[u8], now: Duration) -> Vec<u8> {
        let back = now.saturating_sub(self.at).as_millis() / EACH.as_millis();
        let back = u32::try_from(back).unwrap_or(u32::MAX);
        self.at += EACH.saturating_mul(back);
        self.places = self.places.saturating_add(back).min(AT_ONCE);
        if self.places == 0 || self.written >= DAY {
            self.left_out += 1;
            return Vec::new();
        }
        self.places -= 1;
        let mut written = match std::mem::take(&mut self.left_out) {
            0 => Vec::new(),
            left_out => format!("({left_out} more, left out)\n").into_bytes(),
        };
        written.extend_from_slice(cut(entry));
        if entry.len() > LONGEST {
            written.extend_from_slice("…\n".as_bytes());
        }
        self.written += written.len() as u64;
        written
    }
}

/// The beginning of an entry, up to a whole character.
fn cut(entry: &[u8]) -> &[u8] {
    let is_inside = |at: usize| entry.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let end = (0..=LONGEST.min(entry.len())).rev().find(|end| !is_inside(*end)).unwrap_or_default();
    &entry[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_flood_costs_so_much_a_second_and_is_counted() {
        let mut bound = Bound::new(0);
        let flood = |bound: &mut Bound, now| (0..10_000).filter(|_| !bound.admit(b"again\n", now).is_empty()).count();
        assert_eq!(flood(&mut bound, SECOND), 500);
        assert_eq!(flood(&mut bound, 2 * SECOND), 10);
        assert_eq!(text(bound.admit(b"calm\n", 5 * SECOND)), "(9990 more, left out)\ncalm\n");
        assert_eq!(text(bound.admit(b"calm\n", 5 * SECOND)), "calm\n");
        assert_eq!(flood(&mut bound, 3600 * SECOND), 500, "as at the beginning, and no more");
    }

    #[test]
    fn a_long_entry_is_cut_between_characters() {
        let mut bound = Bound::new(0);
        let long = format!("x{}\n", "é".repeat(LONGEST));
        let written = text(bound.admit(long.as_bytes(), SECOND));
        assert_eq!(written, format!("x{}…\n", "é".repeat((LONGEST - 1) / 2)));
        assert_eq!(text(bound.admit("é\n".as_bytes(), SECOND)), "é\n");
    }

    #[test]
    fn a_days_file_has_an_end_and_the_next_day_goes_on() {
        let (mut bound, entry) = (Bound::new(DAY - 5), [b'x'; 100]);
        assert_eq!(bound.admit(&entry, SECOND).len(), 100);
        assert!(bound.admit(&entry, SECOND).is_empty());
        bound.next_day();
        assert!(text(bound.admit(&entry, SECOND)).starts_with("(1 more, left out)\n"));
        let all: usize = (0..1_000_000).map(|at| bound.admit(&entry, SECOND + EACH * at).len()).sum();
        assert!((DAY..DAY + 1_000).contains(&(all as u64 + 200)), "{all}");
    }
}
