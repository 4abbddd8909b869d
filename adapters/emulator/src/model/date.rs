//! From Unix seconds to the two ways Entra writes a time.
//!
//! Leap years come every 4 years but not every 100 but every 400. Counting from the first of March puts the leap
//! day at the end of the counted year, where it disturbs nothing.

/// A civil date and time in UTC, years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i32,
    /// 1 to 12.
    pub(crate) month: u8,
    /// 1 to 31.
    pub(crate) day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    /// 0 is Sunday.
    weekday: u8,
}

/// 9999-12-31 23:59:59.
const LAST_SECOND: i64 = 253_402_300_799;
const DAY: i64 = 86_400;
/// Days from 1 March of the year 0 to 1 January 1970.
const TO_EPOCH: i64 = 719_468;
const FOUR_CENTURIES: i64 = 146_097;
const CENTURY: i64 = 36_524;
const FOUR_YEARS: i64 = 1_461;
const YEAR: i64 = 365;
/// Days before each month of a year that begins in March.
const BEFORE: [i64; 12] = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl Date {
    /// The date of a Unix time; times outside of 1970 to 9999 are moved to the nearer end.
    pub(crate) fn from_unix(seconds: i64) -> Self {
        let seconds = seconds.clamp(0, LAST_SECOND);
        let (days, rest) = (seconds / DAY, seconds % DAY);

        let mut left = days + TO_EPOCH;
        let mut year = 400 * (left / FOUR_CENTURIES);
        left %= FOUR_CENTURIES;
        // The last century of four, and the last year of four, are a day longer: hence the limits of 3.
        let centuries = (left / CENTURY).min(3);
        left -= centuries * CENTURY;
        year += 100 * centuries + 4 * (left / FOUR_YEARS);
        left %= FOUR_YEARS;
        let years = (left / YEAR).min(3);
        left -= years * YEAR;
        year += years;

        let from_march = BEFORE.iter().rposition(|&before| before <= left).unwrap_or(0);
        let (month, year) = match from_march {
            0..=9 => (from_march + 3, year),
            _ => (from_march - 9, year + 1),
        };
        Date {
            year: year as i32,
            month: month as u8,
            day: (left - BEFORE[from_march] + 1) as u8,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            // The first of January 1970 was a Thursday.
            weekday: ((days + 4) % 7) as u8,
        }
    }

    /// As in the `timestamp` of an error: `2027-01-15 08:00:00Z`.
    pub(crate) fn timestamp(&self) -> String {
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}Z",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }

    /// As in the `Date` header (RFC 9110 §5.6.7): `Fri, 15 Jan 2027 08:00:00 GMT`.
    pub(crate) fn imf_fixdate(&self) -> String {
        format!(
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
            WEEKDAYS[usize::from(self.weekday)],
            self.day,
            MONTHS[usize::from(self.month) - 1],
            self.year,
            self.hour,
            self.minute,
            self.second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn known_times_are_written_as_entra_writes_them() {
        for (seconds, timestamp, header) in [
            (0, "1970-01-01 00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "2000-02-29 00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_799, "2000-02-29 23:59:59Z", "Tue, 29 Feb 2000 23:59:59 GMT"),
            (951_868_800, "2000-03-01 00:00:00Z", "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_800_000_000, "2027-01-15 08:00:00Z", "Fri, 15 Jan 2027 08:00:00 GMT"),
            (1_835_395_199, "2028-02-28 23:59:59Z", "Mon, 28 Feb 2028 23:59:59 GMT"),
            (4_107_542_399, "2100-02-28 23:59:59Z", "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "2100-03-01 00:00:00Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "9999-12-31 23:59:59Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let date = Date::from_unix(seconds);
            assert_eq!((date.timestamp(), date.imf_fixdate()), (timestamp.into(), header.into()));
        }
        assert_eq!(Date::from_unix(i64::MIN), Date::from_unix(0));
        assert_eq!(Date::from_unix(i64::MAX), Date::from_unix(253_402_300_799));
    }

    /// Walks a thousand years day by day and expects each date to follow the one before.
    #[test]
    fn every_day_follows_the_day_before() {
        let mut before = Date::from_unix(0);
        for day in 1..365_250 {
            let date = Date::from_unix(day * 86_400);
            let leap = before.year % 4 == 0 && before.year % 100 != 0 || before.year % 400 == 0;
            let length = match before.month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let follows = match (before.month, before.day) {
                (12, 31) => (before.year + 1, 1, 1),
                (month, day) if day == length => (before.year, month + 1, 1),
                (month, day) => (before.year, month, day + 1),
            };
            assert_eq!((date.year, date.month, date.day), follows);
            before = date;
        }
    }
}
