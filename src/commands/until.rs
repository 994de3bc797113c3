//! `--until 05:30` and `--for 2h`: the moment at which a run is to be done.

use std::time::Duration;

use time::{OffsetDateTime, Time, UtcOffset};

/// A time of day, in the machine's time zone.
pub fn time_of_day(text: &str) -> Result<Time, String> {
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let two = |digits: &str| (digits.len() <= 2).then(|| digits.parse().ok()).flatten();
        Time::from_hms(two(hour)?, two(minute)?, 0).ok()
    };
    read().ok_or_else(|| "it is no time of day; write it as HH:MM, such as 05:30".to_owned())
}

/// `90s`, `30m`, `2h`, `1h30m`.
pub fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "it is no duration; write it as 2h, 45m, 90s or 1h30m".to_owned();
    let (mut seconds, mut digits) = (0_u64, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return Err(wrong()),
        };
        let count: u64 = std::mem::take(&mut digits).parse().map_err(|_| wrong())?;
        seconds = count.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
    }
    // Up to a month; a bare number could be anything.
    if !digits.is_empty() || !(1..=31 * 86_400).contains(&seconds) {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds))
}

/// How long it is until that time of day comes, today or tomorrow.
pub fn until(time: Time, now: OffsetDateTime) -> Duration {
    let today = now.replace_time(time);
    let next = if today > now { today } else { today + time::Duration::DAY };
    Duration::try_from(next - now).unwrap_or_default()
}

/// Now, in the zone of `TZ` or of the machine; in UTC where neither can be read.
pub fn local_now() -> OffsetDateTime {
    let offset = || {
        let zone = tz::TimeZone::local().ok()?;
        UtcOffset::from_whole_seconds(zone.find_current_local_time_type().ok()?.ut_offset()).ok()
    };
    OffsetDateTime::now_utc().to_offset(offset().unwrap_or(UtcOffset::UTC))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{datetime, time};

    #[test]
    fn times_and_spans_are_read_as_people_write_them() {
        assert_eq!(time_of_day("05:30"), Ok(time!(05:30)));
        assert_eq!(time_of_day("5:30"), Ok(time!(05:30)));
        for wrong in ["", "5", "24:00", "05:60", "05:30:00", "-1:00", "005:30"] {
            assert!(time_of_day(wrong).is_err(), "{wrong}");
        }
        for (text, seconds) in [("2h", 7_200), ("45m", 2_700), ("90s", 90), ("1h30m", 5_400)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "2", "h", "2d", "0s", "1h30", "99999999999999999999h", "1000h"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_next_such_time_is_meant() {
        let now = datetime!(2026-03-04 22:00 -3);
        assert_eq!(until(time!(22:30), now), Duration::from_mins(30));
        assert_eq!(until(time!(05:30), now), Duration::from_mins(450));
        assert_eq!(until(time!(22:00), now), Duration::from_hours(24));
    }
}
