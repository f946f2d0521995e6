//! The contract's scalars. What is none of their own is refused when a request is validated, where its path is known;
//! [`rule`] says what each of them takes.

use async_graphql::{InputValueError, InputValueResult, Number, Scalar, ScalarType, Value};
use chrono::{DateTime as Chrono, SecondsFormat, Utc};

use crate::domain::{self, clock::Timestamp};

/// What a scalar takes, in words.
pub fn rule(scalar: &str) -> Option<&'static str> {
    Some(match scalar {
        "DateTime" => "must be a date and time of RFC 3339 such as \"2026-11-23T12:00:00Z\"",
        "Long" => "must be a whole number of 64 bits",
        "URL" => "must be an address as a string",
        "Color" => "must be a colour: \"#rgb\", \"#rrggbb\", \"#rrggbbaa\" or a CSS colour name",
        "Length" => "must be a number of pixels such as 120, or a percentage such as \"50%\"",
        "Cursor" => "must be a cursor as a string",
        "Float" => "must be a number",
        "Int" => "must be a whole number of 32 bits",
        "Boolean" => "must be true or false",
        "String" => "must be a string",
        "ID" => "must be an id as a string",
        _ => return None,
    })
}

/// A moment: RFC 3339, UTC.
#[derive(Debug, Clone, Copy)]
pub struct DateTime(pub Timestamp);

#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Chrono::parse_from_rfc3339(text)
                .map(|time| DateTime(time.with_timezone(&Utc).into()))
                .map_err(|_| InputValueError::custom("must be a date and time such as 2026-11-23T12:00:00Z")),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_datetime().to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// A 64-bit integer, as a JSON number.
#[derive(Debug, Clone, Copy)]
pub struct Long(pub i64);

#[Scalar(specified_by_url = "https://scalars.graphql.org/jakobmerrild/long.html")]
impl ScalarType for Long {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => {
                number.as_i64().map(Long).ok_or_else(|| InputValueError::custom("must be a whole number of 64 bits"))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

/// An absolute address.
#[derive(Debug, Clone)]
pub struct Url(pub String);

#[Scalar(name = "URL", specified_by_url = "https://url.spec.whatwg.org/")]
impl ScalarType for Url {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            // Its own rule, with its path, is checked with the rest of the input.
            Value::String(text) => Ok(Url(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A colour: "#rgb", "#rrggbb", "#rrggbbaa" or a CSS colour name.
#[derive(Debug, Clone, Copy)]
pub struct Color(pub domain::paint::Color);

#[Scalar(specified_by_url = "https://www.w3.org/TR/css-color-4/#named-colors")]
impl ScalarType for Color {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => text.parse().map(Color).map_err(InputValueError::custom),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A distance: 120 (pixels), or "50%" (of the canvas, or of the parent element).
#[derive(Debug, Clone, Copy)]
pub struct Length(pub domain::geometry::Length);

#[Scalar(specified_by_url = "https://www.w3.org/TR/css-values-4/#typedef-length-percentage")]
impl ScalarType for Length {
    fn parse(value: Value) -> InputValueResult<Self> {
        let parsed = match &value {
            Value::String(text) => text.parse(),
            Value::Number(number) => domain::geometry::Length::pixels(number.as_f64().unwrap_or(f64::NAN)),
            _ => return Err(InputValueError::expected_type(value)),
        };
        parsed.map(Length).map_err(InputValueError::custom)
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        match self.0 {
            domain::geometry::Length::Pixels(pixels) => Number::from_f64(pixels).map_or(Value::Null, Value::Number),
            percent => Value::String(percent.to_string()),
        }
    }
}

/// Opaque: orders events and pages.
#[derive(Debug, Clone)]
pub struct Cursor(pub String);

#[Scalar(specified_by_url = "https://relay.dev/graphql/connections.htm#sec-Cursor")]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Cursor(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A scalar and the value that it holds.
macro_rules! holds {
    ($($scalar:ident($value:ty);)*) => {
        $(
            impl From<$value> for $scalar {
                fn from(value: $value) -> Self {
                    Self(value)
                }
            }

            impl From<$scalar> for $value {
                fn from(scalar: $scalar) -> Self {
                    scalar.0
                }
            }
        )*
    };
}

holds! {
    Color(domain::paint::Color);
    Length(domain::geometry::Length);
}
