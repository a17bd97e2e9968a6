//! Points in time as people read them, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Returns a date such as `2026-11-25`; times before 1970 are its beginning.
pub(crate) fn day(time: SystemTime) -> String {
    let (year, month, day) = civil(seconds(time) / DAY_SECONDS);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Returns a date and time such as `2026-11-25T15:04:05Z`.
pub(crate) fn moment(time: SystemTime) -> String {
    let rest = seconds(time) % DAY_SECONDS;
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}Z", day(time))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Returns year, month and day of a day counted from 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last one. Source: Howard Hinnant,
/// “chrono-Compatible Low-Level Date Algorithms”.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1460;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leap_days - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::{day, moment};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(day(at(0)), "1970-01-01");
        assert_eq!(day(at(951_782_400)), "2000-02-29");
        assert_eq!(day(at(4_107_542_400)), "2100-03-01");
        assert_eq!(moment(at(1_795_628_645)), "2026-11-25T17:44:05Z");
        assert_eq!(moment(at(1_798_761_599)), "2026-12-31T23:59:59Z");
    }
}
