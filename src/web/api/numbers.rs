//! Numbers as they are meant. A fraction that was kept in 32 bits would be written with the digits that 64 bits see in it, as
//! 0.10000000149011612 for 0.1.

use serde_json::{Number, Value};

/// Digits behind the point: microseconds, where it is a time.
const DIGITS: f64 = 1e6;

/// Rounds every fraction within a value.
pub fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(|number| (number * DIGITS).round() / DIGITS);
            if let Some(rounded) = rounded.and_then(Number::from_f64) {
                *number = rounded;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fractions_have_six_digits_and_integers_stay() {
        let mut value = json!({
            "a": [0.1_f32, 0.005_f32, 18.502_599_949_419_01],
            "b": {"id": i64::MAX, "most": u64::MAX, "none": null, "less": -0.25_f32, "tiny": 1e-9, "huge": 1e300},
        });
        round(&mut value);
        let expected = json!({
            "a": [0.1, 0.005, 18.5026],
            "b": {"id": i64::MAX, "most": u64::MAX, "none": null, "less": -0.25, "tiny": 0.0, "huge": 1e300},
        });
        assert_eq!(value, expected);
        assert_eq!(value["a"].to_string(), "[0.1,0.005,18.5026]");
    }
}
