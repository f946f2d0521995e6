//! Transitions, each in its time.

use crate::domain::{
    easing::Easing,
    transition::{Transition, TransitionType},
};

/// A transition in its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passage {
    pub kind: TransitionType,
    pub start_s: f64,
    pub duration_s: f64,
    pub easing: Easing,
}

/// A transition at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passing {
    pub kind: TransitionType,
    /// How far it is, 0…1.
    pub share: f64,
    /// The layer goes; else it comes.
    pub leaves: bool,
}

impl Passage {
    /// One that has so much time, seconds, at the most.
    pub(super) fn of(transition: Transition, start_s: f64, longest: f64) -> Self {
        let Transition { kind, duration, easing } = transition;
        Self { kind, start_s, duration_s: duration, easing }.within(longest)
    }

    pub(super) fn within(self, longest: f64) -> Self {
        Self { duration_s: self.duration_s.min(longest), ..self }
    }

    /// How far it is at a time of the composition, eased, 0…1.
    pub fn at(&self, seconds: f64) -> f64 {
        self.easing.at((seconds - self.start_s) / self.duration_s).clamp(0.0, 1.0)
    }

    pub fn end_s(&self) -> f64 {
        self.start_s + self.duration_s
    }

    /// Whether it moves the layers themselves.
    pub(super) fn shifts(&self) -> bool {
        self.kind.slide().is_some() || self.kind == TransitionType::Zoom
    }
}
