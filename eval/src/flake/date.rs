//! Moments as dates and times of day, in UTC.

use std::fmt;

/// A moment, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DateTime {
    year: u64,
    month: u64,
    day: u64,
    seconds: u64,
}

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

impl DateTime {
    /// Takes the moment `time` apart: seconds since 1970.
    ///
    /// The calendar of Howard Hinnant's `civil_from_days`: years begin in March, so that the day
    /// that comes and goes is the last one.
    pub fn of(time: u64) -> DateTime {
        const DAYS_PER_ERA: u64 = 146_097;
        let days = time / SECONDS_PER_DAY + 719_468;
        let era = days / DAYS_PER_ERA;
        let day_of_era = days % DAYS_PER_ERA;
        let leaps = day_of_era / 1_460 + day_of_era / 146_096;
        let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        DateTime {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            seconds: time % SECONDS_PER_DAY,
        }
    }

    /// Returns the day: `2026-11-25`.
    pub fn day(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// Returns all of it as digits: `20261125164540`.
    pub fn digits(self) -> String {
        let (hours, minutes, seconds) = self.clock();
        let Self { year, month, day, .. } = self;
        format!("{year:04}{month:02}{day:02}{hours:02}{minutes:02}{seconds:02}")
    }

    fn clock(self) -> (u64, u64, u64) {
        (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60)
    }
}

/// `2026-11-25 16:45:40`.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = self.clock();
        write!(f, "{} {hours:02}:{minutes:02}:{seconds:02}", self.day())
    }
}

#[cfg(test)]
mod tests {
    use super::DateTime;

    #[test]
    fn moments_are_days_and_times() {
        assert_eq!(DateTime::of(0).to_string(), "1970-01-01 00:00:00");
        assert_eq!(DateTime::of(1_795_625_140).to_string(), "2026-11-25 16:45:40");
        assert_eq!(DateTime::of(951_782_400).day(), "2000-02-29");
        assert_eq!(DateTime::of(1_735_689_599).digits(), "20241231235959");
    }
}
