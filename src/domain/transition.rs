//! How one picture gives way to another.

use serde::{Deserialize, Serialize};

use super::{easing::Easing, paint::Color};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransitionType {
    #[default]
    Fade,
    Dissolve,
    WipeLeft,
    WipeRight,
    WipeUp,
    WipeDown,
    SlideLeft,
    SlideRight,
    SlideUp,
    SlideDown,
    CircleOpen,
    CircleClose,
    Radial,
    Zoom,
    Pixelize,
    FadeBlack,
    FadeWhite,
}

/// How an element comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    #[serde(default)]
    pub kind: TransitionType,
    /// Seconds.
    pub duration: f64,
    pub easing: Easing,
}

impl TransitionType {
    /// What a fade goes through.
    pub fn color(self) -> Option<Color> {
        match self {
            TransitionType::FadeBlack => Some(Color::BLACK),
            TransitionType::FadeWhite => Some(Color::WHITE),
            _ => None,
        }
    }

    /// Where a slide goes: (1, 0) is to the right, (0, 1) down.
    pub fn slide(self) -> Option<(f64, f64)> {
        match self {
            TransitionType::SlideLeft => Some((-1.0, 0.0)),
            TransitionType::SlideRight => Some((1.0, 0.0)),
            TransitionType::SlideUp => Some((0.0, -1.0)),
            TransitionType::SlideDown => Some((0.0, 1.0)),
            _ => None,
        }
    }
}
