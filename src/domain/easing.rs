//! How a value moves from 0 to 1: the curves of Robert Penner, by their usual names
//! (<http://robertpenner.com/easing/>); EASE_IN, EASE_OUT and EASE_IN_OUT are the CSS curves' nearest of
//! them, the sine.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The contract's easings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Easing {
    Linear,
    Hold,
    EaseIn,
    EaseOut,
    EaseInOut,
    SineIn,
    SineOut,
    SineInOut,
    QuadIn,
    QuadOut,
    QuadInOut,
    CubicIn,
    CubicOut,
    CubicInOut,
    QuartIn,
    QuartOut,
    QuartInOut,
    QuintIn,
    QuintOut,
    QuintInOut,
    ExpoIn,
    ExpoOut,
    ExpoInOut,
    CircIn,
    CircOut,
    CircInOut,
    BackIn,
    BackOut,
    BackInOut,
    ElasticIn,
    ElasticOut,
    ElasticInOut,
    BounceIn,
    BounceOut,
    BounceInOut,
}

impl Easing {
    /// The eased value at `t`, which is held to 0…1. BACK and ELASTIC overshoot on purpose.
    pub fn at(self, t: f64) -> f64 {
        use Easing::*;
        let t = t.clamp(0.0, 1.0);
        match self {
            Linear => t,
            Hold => f64::from(u8::from(t >= 1.0)),
            EaseIn | SineIn => sine(t),
            EaseOut | SineOut => flip(sine, t),
            EaseInOut | SineInOut => both(sine, t),
            QuadIn => power::<2>(t),
            QuadOut => flip(power::<2>, t),
            QuadInOut => both(power::<2>, t),
            CubicIn => power::<3>(t),
            CubicOut => flip(power::<3>, t),
            CubicInOut => both(power::<3>, t),
            QuartIn => power::<4>(t),
            QuartOut => flip(power::<4>, t),
            QuartInOut => both(power::<4>, t),
            QuintIn => power::<5>(t),
            QuintOut => flip(power::<5>, t),
            QuintInOut => both(power::<5>, t),
            ExpoIn => expo(t),
            ExpoOut => flip(expo, t),
            ExpoInOut => both(expo, t),
            CircIn => circ(t),
            CircOut => flip(circ, t),
            CircInOut => both(circ, t),
            BackIn => back(t, 1.70158),
            BackOut => flip(|t| back(t, 1.70158), t),
            BackInOut => both(|t| back(t, 1.70158 * 1.525), t),
            ElasticIn => elastic(t, 0.3),
            ElasticOut => flip(|t| elastic(t, 0.3), t),
            ElasticInOut => both(|t| elastic(t, 0.45), t),
            BounceIn => bounce(t),
            BounceOut => flip(bounce, t),
            BounceInOut => both(bounce, t),
        }
    }
}

/// The "out" form of an "in" curve.
fn flip(ease_in: impl Fn(f64) -> f64, t: f64) -> f64 {
    1.0 - ease_in(1.0 - t)
}

/// The "in out" form: "in" over the first half, "out" over the second.
fn both(ease_in: impl Fn(f64) -> f64, t: f64) -> f64 {
    if t < 0.5 { ease_in(2.0 * t) / 2.0 } else { 1.0 - ease_in(2.0 - 2.0 * t) / 2.0 }
}

fn sine(t: f64) -> f64 {
    1.0 - (t * PI / 2.0).cos()
}

fn power<const N: i32>(t: f64) -> f64 {
    t.powi(N)
}

fn expo(t: f64) -> f64 {
    if t <= 0.0 { 0.0 } else { 2f64.powf(10.0 * (t - 1.0)) }
}

fn circ(t: f64) -> f64 {
    1.0 - (1.0 - t * t).max(0.0).sqrt()
}

fn back(t: f64, overshoot: f64) -> f64 {
    t * t * ((overshoot + 1.0) * t - overshoot)
}

fn elastic(t: f64, period: f64) -> f64 {
    if t <= 0.0 || t >= 1.0 {
        return t;
    }
    -(2f64.powf(10.0 * (t - 1.0))) * ((t - 1.0 - period / 4.0) * 2.0 * PI / period).sin()
}

fn bounce(t: f64) -> f64 {
    let rest = 1.0 - t;
    let fall = |from: f64, floor: f64| 7.5625 * (rest - from) * (rest - from) + floor;
    1.0 - if rest < 1.0 / 2.75 {
        fall(0.0, 0.0)
    } else if rest < 2.0 / 2.75 {
        fall(1.5 / 2.75, 0.75)
    } else if rest < 2.5 / 2.75 {
        fall(2.25 / 2.75, 0.9375)
    } else {
        fall(2.625 / 2.75, 0.984375)
    }
}

#[cfg(test)]
mod tests {
    use super::{Easing::*, *};

    const ALL: [Easing; 35] = [
        Linear,
        Hold,
        EaseIn,
        EaseOut,
        EaseInOut,
        SineIn,
        SineOut,
        SineInOut,
        QuadIn,
        QuadOut,
        QuadInOut,
        CubicIn,
        CubicOut,
        CubicInOut,
        QuartIn,
        QuartOut,
        QuartInOut,
        QuintIn,
        QuintOut,
        QuintInOut,
        ExpoIn,
        ExpoOut,
        ExpoInOut,
        CircIn,
        CircOut,
        CircInOut,
        BackIn,
        BackOut,
        BackInOut,
        ElasticIn,
        ElasticOut,
        ElasticInOut,
        BounceIn,
        BounceOut,
        BounceInOut,
    ];

    #[test]
    fn every_curve_starts_at_0_and_ends_at_1() {
        for easing in ALL {
            assert!(easing.at(0.0).abs() < 1e-2, "{easing:?} starts at {}", easing.at(0.0));
            assert!((easing.at(1.0) - 1.0).abs() < 1e-9, "{easing:?} ends at {}", easing.at(1.0));
            assert_eq!(easing.at(-5.0), easing.at(0.0));
            assert_eq!(easing.at(5.0), easing.at(1.0));
        }
    }

    #[test]
    fn cubic_in_is_t_cubed() {
        assert!((CubicIn.at(0.3) - 0.027).abs() < 1e-12);
        assert!((CubicInOut.at(0.5) - 0.5).abs() < 1e-12);
        assert!((EaseInOut.at(0.5) - 0.5).abs() < 1e-12);
    }
}
