//! `--until 05:30` and `--for 2h`: the moment at which a run is to be done.

use std::fmt::Display;
use std::time::Duration;

use time::{OffsetDateTime, Time, UtcOffset};

use super::Usage;
use crate::rfc3339;
use crate::telemetry::duration;
use crate::words::{t, told};

/// A time of day, in the machine's time zone.
pub fn time_of_day(text: &str) -> Result<Time, String> {
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let two = |digits: &str| (digits.len() <= 2).then(|| digits.parse().ok()).flatten();
        Time::from_hms(two(hour)?, two(minute)?, 0).ok()
    };
    read().ok_or_else(|| t("it is no time of day; write it as HH:MM, such as 05:30").to_owned())
}

/// `90s`, `30m`, `2h`, `1h30m`.
pub fn span(text: &str) -> Result<Duration, String> {
    let wrong = || t("it is no duration; write it as 2h, 45m, 90s or 1h30m").to_owned();
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

/// A time of day that passed less than this ago was most likely meant for today: who comes too late is told so, instead of
/// working for a whole day.
const JUST_PASSED: time::Duration = time::Duration::HOUR;

/// When a run has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub within: Duration,
    /// In the machine's time zone.
    pub at: OffsetDateTime,
    /// The day of `at` is not that of now.
    pub is_on_another_day: bool,
}

impl End {
    /// # Errors
    /// For so long that the calendar ends first.
    pub fn after(within: Duration, now: OffsetDateTime) -> Result<Self, Usage> {
        let at = time::Duration::try_from(within).ok().and_then(|within| now.checked_add(within));
        let at = at.ok_or_else(|| Usage(t("--for is too long: name less").into()))?;
        Ok(Self { within, at, is_on_another_day: at.date() != now.date() })
    }

    /// The next such time of day, today or tomorrow.
    ///
    /// # Errors
    /// When it has just passed.
    pub fn at(time: Time, now: OffsetDateTime) -> Result<Self, Usage> {
        let today = now.replace_time(time);
        let next = if today > now { today } else { today + time::Duration::DAY };
        let passed = time::Duration::DAY - (next - now);
        if passed < JUST_PASSED {
            let left = next - now;
            let values: [(&str, &dyn Display); 4] = [
                ("time", &format!("{:02}:{:02}", time.hour(), time.minute())),
                ("minutes", &passed.whole_minutes()),
                ("hours", &left.whole_hours()),
                ("rest", &(left.whole_minutes() % 60)),
            ];
            let words = "--until {time} passed {minutes} minutes ago: name a later time; if tomorrow is meant, say how long: \
                         --for {hours}h{rest}m";
            return Err(Usage(told(words, &values)));
        }
        Self::after(Duration::try_from(next - now).unwrap_or_default(), now)
    }

    /// RFC 3339, for programs.
    pub fn iso(self) -> String {
        rfc3339::written(self.at).unwrap_or_default()
    }

    /// One sentence: `Ends by tomorrow 05:30, in 7h 30m at most.`
    pub fn sentence(self) -> String {
        let (date, hour, minute) = (self.at.date(), self.at.hour(), self.at.minute());
        let time = format!("{hour:02}:{minute:02}");
        let within = self.within.as_secs_f64();
        let moment = match self.is_on_another_day {
            false => time,
            true if within <= 86_400.0 => format!("{} {time}", t("tomorrow")),
            true => format!("{date} {time}"),
        };
        told("Ends by {moment}, in {span} at most.", &[("moment", &moment), ("span", &duration(within))])
    }
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
    fn the_next_such_time_is_meant_unless_it_has_just_passed() {
        let now = datetime!(2026-03-04 22:00 -3);
        for (time, minutes, words) in [
            (time!(22:30), 30, "Ends by 22:30, in 30m 00s at most."),
            (time!(05:30), 450, "Ends by tomorrow 05:30, in 7h 30m at most."),
            (time!(21:00), 23 * 60, "Ends by tomorrow 21:00, in 23h 00m at most."),
        ] {
            let end = End::at(time, now).unwrap();
            assert_eq!((end.within, end.sentence().as_str()), (Duration::from_mins(minutes), words));
        }
        for (time, passed, span) in [(time!(22:00), 0, "--for 24h0m"), (time!(21:01), 59, "--for 23h1m")] {
            let Usage(why) = End::at(time, now).unwrap_err();
            assert!(why.contains(&format!("passed {passed} minutes ago")) && why.ends_with(span), "{why}");
        }
        let midnight = datetime!(2026-03-05 00:20 -3);
        assert!(End::at(time!(23:50), midnight).unwrap_err().0.contains("passed 30 minutes ago"));
        let long = End::after(Duration::from_hours(72), now).unwrap();
        assert_eq!(long.sentence(), "Ends by 2026-03-07 22:00, in 72h 00m at most.");
        assert_eq!(long.iso(), "2026-03-07T22:00:00-03:00");
    }
}
