//! Values that move while an element shows: keyframes, and the slow move over a picture.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{easing::Easing, geometry::Anchor};

/// What keyframes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Property {
    X,
    Y,
    Width,
    Height,
    Scale,
    Rotation,
    Opacity,
    Volume,
}

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Keyframe {
    pub property: Property,
    /// Seconds from the element's start.
    pub at: f64,
    /// Pixels, degrees or a factor.
    pub value: f64,
    /// How it moves on from here to the next of the property.
    pub easing: Easing,
}

/// From one scale and place to another while the element shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KenBurns {
    pub from_scale: f64,
    pub to_scale: f64,
    pub from_anchor: Anchor,
    pub to_anchor: Anchor,
}

impl Property {
    /// Whether it changes where an element lies.
    pub fn is_place(self) -> bool {
        !matches!(self, Property::Opacity | Property::Volume)
    }
}

/// Puts keyframes in order of time.
pub fn sort(keyframes: &mut [Keyframe]) {
    keyframes.sort_by(|a, b| a.at.total_cmp(&b.at));
}

/// The value of a property at a time, seconds from the element's start: between two keyframes eased, before the first
/// and after the last as they are; `None` where none is of the property. The keyframes are in order of time.
pub fn value(keyframes: &[Keyframe], property: Property, at: f64) -> Option<f64> {
    let of_it = |keyframe: &&Keyframe| keyframe.property == property;
    let before = keyframes.iter().filter(of_it).rfind(|keyframe| keyframe.at <= at);
    let after = keyframes.iter().filter(of_it).find(|keyframe| keyframe.at > at);
    between(before, after, at)
}

/// The same, of keyframes that are all of one property: quick, however many.
pub fn value_of_one(keyframes: &[Keyframe], at: f64) -> Option<f64> {
    let next = keyframes.partition_point(|keyframe| keyframe.at <= at);
    between(next.checked_sub(1).and_then(|last| keyframes.get(last)), keyframes.get(next), at)
}

/// The keyframes that decide the values from one time to another, both included; at least one of each property that has any. All are
/// in order of time.
pub fn during(keyframes: &[Keyframe], from: f64, to: f64) -> impl Iterator<Item = &Keyframe> {
    // The last before and the first after, of each property.
    let mut bounds: BTreeMap<Property, (f64, f64)> = BTreeMap::new();
    for keyframe in keyframes {
        let (before, after) = bounds.entry(keyframe.property).or_insert((f64::NEG_INFINITY, f64::INFINITY));
        if keyframe.at <= from {
            *before = keyframe.at;
        } else if keyframe.at > to {
            *after = after.min(keyframe.at);
        }
    }
    keyframes.iter().filter(move |keyframe| {
        bounds.get(&keyframe.property).is_some_and(|(before, after)| (*before..=*after).contains(&keyframe.at))
    })
}

fn between(before: Option<&Keyframe>, after: Option<&Keyframe>, at: f64) -> Option<f64> {
    match (before, after) {
        (Some(before), Some(after)) => {
            let share = before.easing.at((at - before.at) / (after.at - before.at));
            Some(before.value + (after.value - before.value) * share)
        }
        (one, other) => one.or(other).map(|keyframe| keyframe.value),
    }
}

impl KenBurns {
    /// The scale, and the point of the box that stays in place (0 is left and top, 1 right and bottom), when `share` of
    /// the time has passed.
    pub fn at(&self, share: f64) -> (f64, (f64, f64)) {
        let between = |from: f64, to: f64| from + (to - from) * share.clamp(0.0, 1.0);
        let ((from_x, from_y), (to_x, to_y)) = (self.from_anchor.fraction(), self.to_anchor.fraction());
        (between(self.from_scale, self.to_scale), (between(from_x, to_x), between(from_y, to_y)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64, value: f64, easing: Easing) -> Keyframe {
        Keyframe { property: Property::X, at: seconds, value, easing }
    }

    #[test]
    fn a_value_moves_from_keyframe_to_keyframe_and_rests_outside() {
        let keyframes = [at(1.0, 10.0, Easing::Linear), at(3.0, 20.0, Easing::Hold), at(5.0, 0.0, Easing::Linear)];
        let x = |seconds| value(&keyframes, Property::X, seconds);
        assert_eq!([0.0, 1.0, 2.0, 3.0, 4.9, 5.0, 9.0].map(x), [10.0, 10.0, 15.0, 20.0, 20.0, 0.0, 0.0].map(Some));
        assert_eq!(value(&keyframes, Property::Y, 1.0), None);
        for at in [0.0, 1.0, 2.0, 3.0, 4.9, 5.0, 9.0] {
            assert_eq!(value_of_one(&keyframes, at), x(at));
        }
        assert_eq!(value_of_one(&[], 1.0), None);
    }

    proptest::proptest! {
        #![proptest_config(crate::domain::always_the_same_cases())]

        #[test]
        fn keyframes_of_a_time_decide_its_values_alone(
            places in proptest::collection::vec((0..9u8, 0..2u8, 0.0..9.0), 1..8),
            from in 0..9u8,
            length in 0..9u8,
        ) {
            let keyframe = |&(at, property, value): &(u8, u8, f64)| Keyframe {
                property: [Property::X, Property::Y][usize::from(property)],
                at: at.into(),
                value,
                easing: Easing::Linear,
            };
            let mut keyframes: Vec<_> = places.iter().map(keyframe).collect();
            sort(&mut keyframes);
            let (from, to) = (f64::from(from), f64::from(from + length));
            let alone: Vec<_> = during(&keyframes, from, to).copied().collect();
            for step in 0..=4 {
                let at = from + (to - from) * f64::from(step) / 4.0;
                for property in [Property::X, Property::Y] {
                    proptest::prop_assert_eq!(value(&alone, property, at), value(&keyframes, property, at));
                }
            }
        }
    }

    #[test]
    fn keyframes_of_other_times_decide_nothing() {
        let keyframes = [1.0, 2.0, 3.0, 4.0, 5.0].map(|seconds| at(seconds, 0.0, Easing::Linear));
        let times = |from, to| during(&keyframes, from, to).map(|keyframe| keyframe.at).collect::<Vec<_>>();
        assert_eq!(times(2.5, 3.5), [2.0, 3.0, 4.0]);
        assert_eq!(times(2.0, 2.0), [2.0, 3.0]);
        assert_eq!((times(0.0, 0.5), times(6.0, 9.0)), (vec![1.0], vec![5.0]));
    }

    #[test]
    fn the_slow_move_goes_from_first_to_last() {
        let move_ = KenBurns { from_scale: 1.0, to_scale: 1.5, from_anchor: Anchor::TopLeft, to_anchor: Anchor::BottomRight };
        assert_eq!(move_.at(0.0), (1.0, (0.0, 0.0)));
        assert_eq!(move_.at(0.5), (1.25, (0.5, 0.5)));
        assert_eq!(move_.at(2.0), (1.5, (1.0, 1.0)));
    }
}
