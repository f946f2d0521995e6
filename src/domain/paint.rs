//! Colours.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An sRGB colour with straight alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
    pub alpha: u8,
}

/// Text that is no colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a colour: \"#rgb\", \"#rrggbb\", \"#rrggbbaa\" or a CSS colour name")]
pub struct InvalidColor;

impl Color {
    pub const BLACK: Color = Color { red: 0, green: 0, blue: 0, alpha: 255 };
    pub const WHITE: Color = Color { red: 255, green: 255, blue: 255, alpha: 255 };
}

impl FromStr for Color {
    type Err = InvalidColor;

    /// Only the forms of the contract: CSS functions such as `rgb()` are not colours here.
    fn from_str(text: &str) -> Result<Self, InvalidColor> {
        let text = text.trim();
        let allowed = match text.strip_prefix('#') {
            Some(digits) => matches!(digits.len(), 3 | 6 | 8) && digits.bytes().all(|b| b.is_ascii_hexdigit()),
            None => {
                csscolorparser::NAMED_COLORS.contains_key(text.to_ascii_lowercase().as_str().into())
                    || text.eq_ignore_ascii_case("transparent")
            }
        };
        if !allowed {
            return Err(InvalidColor);
        }
        let [red, green, blue, alpha] = csscolorparser::parse(text).map_err(|_| InvalidColor)?.to_rgba8();
        Ok(Self { red, green, blue, alpha })
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)?;
        if self.alpha < 255 { write!(f, "{:02x}", self.alpha) } else { Ok(()) }
    }
}

impl Serialize for Color {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Color {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_contract_and_no_others() {
        let red = Color { red: 255, green: 0, blue: 0, alpha: 255 };
        for text in ["#f00", "#ff0000", "#FF0000ff", "red", "Red"] {
            assert_eq!(text.parse(), Ok(red), "{text}");
        }
        assert_eq!("#ff000080".parse(), Ok(Color { alpha: 128, ..red }));
        for text in ["", "#", "#ff", "#ff00000", "#ggg", "rgb(1,2,3)", "ff0000", "reddish", "#ff00é"] {
            assert_eq!(text.parse::<Color>(), Err(InvalidColor), "{text}");
        }
    }

    #[test]
    fn a_colour_survives_its_text() {
        let colour = Color { red: 1, green: 2, blue: 3, alpha: 4 };
        assert_eq!(colour.to_string().parse(), Ok(colour));
    }
}
