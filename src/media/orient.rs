//! Quarter turns and mirrored pictures, as cameras and telephones tag them.

use serde::{Deserialize, Serialize};

use super::{Form, Picture};

/// How far a stored picture is to be turned clockwise to stand upright; what is mirrored has left and right change places before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    None,
    Quarter,
    Half,
    ThreeQuarters,
    Mirrored,
    MirroredQuarter,
    MirroredHalf,
    MirroredThreeQuarters,
}

impl Turn {
    /// The nearest quarter turn; angles that are no number turn nothing.
    pub fn from_clockwise_degrees(degrees: f64) -> Self {
        if !degrees.is_finite() {
            return Turn::None;
        }
        match ((degrees / 90.0).round() as i64).rem_euclid(4) {
            1 => Turn::Quarter,
            2 => Turn::Half,
            3 => Turn::ThreeQuarters,
            _ => Turn::None,
        }
    }

    /// The same of a picture that is mirrored before.
    pub fn mirrored(self) -> Self {
        match self {
            Turn::None => Turn::Mirrored,
            Turn::Quarter => Turn::MirroredQuarter,
            Turn::Half => Turn::MirroredHalf,
            Turn::ThreeQuarters => Turn::MirroredThreeQuarters,
            Turn::Mirrored => Turn::None,
            Turn::MirroredQuarter => Turn::Quarter,
            Turn::MirroredHalf => Turn::Half,
            Turn::MirroredThreeQuarters => Turn::ThreeQuarters,
        }
    }

    pub fn swaps_axes(self) -> bool {
        matches!(self, Turn::Quarter | Turn::ThreeQuarters | Turn::MirroredQuarter | Turn::MirroredThreeQuarters)
    }

    /// The rectangle of the stored picture that a rectangle of the upright one shows; all in fractions of
    /// their picture, as (left, top, right, bottom).
    pub fn unturn(self, (left, top, right, bottom): (f64, f64, f64, f64)) -> (f64, f64, f64, f64) {
        match self {
            Turn::None => (left, top, right, bottom),
            // Upright x runs up the stored picture, upright y runs across it.
            Turn::Quarter => (top, 1.0 - right, bottom, 1.0 - left),
            Turn::Half => (1.0 - right, 1.0 - bottom, 1.0 - left, 1.0 - top),
            Turn::ThreeQuarters => (1.0 - bottom, left, 1.0 - top, right),
            mirrored => {
                let (left, top, right, bottom) = mirrored.mirrored().unturn((left, top, right, bottom));
                (1.0 - right, top, 1.0 - left, bottom)
            }
        }
    }
}

/// Fills `out`, which has the turned size, with the turned picture.
pub fn turn_into<F: Form>(picture: &Picture<F>, turn: Turn, out: &mut Picture<F>) {
    for plane in 0..3 {
        let size = (picture.plane_width(plane), picture.plane_height(plane));
        let rows: Vec<&[F::Sample]> = (0..size.1).map(|y| picture.row(plane, y)).collect();
        for y in 0..out.plane_height(plane) {
            turn_row(|x, y| rows[y][x], size, turn, y, out.row_mut(plane, y));
        }
    }
}

/// Row `y` of a turned plane, of one of `width` by `height` samples.
pub fn turn_row<S>(at: impl Fn(usize, usize) -> S, (width, height): (usize, usize), turn: Turn, y: usize, row: &mut [S]) {
    for (x, sample) in row.iter_mut().enumerate() {
        *sample = match turn {
            Turn::None => at(x, y),
            Turn::Quarter => at(y, height - 1 - x),
            Turn::Half => at(width - 1 - x, height - 1 - y),
            Turn::ThreeQuarters => at(width - 1 - y, x),
            Turn::Mirrored => at(width - 1 - x, y),
            Turn::MirroredQuarter => at(width - 1 - y, height - 1 - x),
            Turn::MirroredHalf => at(x, height - 1 - y),
            Turn::MirroredThreeQuarters => at(y, x),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Yuv420;

    fn corners(picture: &Picture<Yuv420>) -> [u8; 4] {
        let (right, bottom) = (picture.width() - 1, picture.height() - 1);
        [picture.row(0, 0)[0], picture.row(0, 0)[right], picture.row(0, bottom)[right], picture.row(0, bottom)[0]]
    }

    fn turned(picture: &Picture<Yuv420>, turn: Turn) -> Picture<Yuv420> {
        let (width, height) = if turn.swaps_axes() { (2, 4) } else { (4, 2) };
        let mut out = Picture::new(width, height).unwrap();
        turn_into(picture, turn, &mut out);
        out
    }

    #[test]
    fn a_quarter_turn_brings_the_top_left_to_the_top_right() {
        let mut picture = Picture::new(4, 2).unwrap();
        picture.fill([0, 128, 128]);
        (picture.row_mut(0, 0)[0], picture.row_mut(0, 0)[3]) = (1, 2);
        (picture.row_mut(0, 1)[3], picture.row_mut(0, 1)[0]) = (3, 4);
        assert_eq!(corners(&picture), [1, 2, 3, 4]);
        assert_eq!(corners(&turned(&picture, Turn::Quarter)), [4, 1, 2, 3]);
        assert_eq!(corners(&turned(&picture, Turn::Half)), [3, 4, 1, 2]);
        assert_eq!(corners(&turned(&picture, Turn::ThreeQuarters)), [2, 3, 4, 1]);
        assert_eq!(corners(&turned(&picture, Turn::Mirrored)), [2, 1, 4, 3]);
        assert_eq!(corners(&turned(&picture, Turn::MirroredQuarter)), [3, 2, 1, 4]);
        assert_eq!(corners(&turned(&picture, Turn::MirroredHalf)), [4, 3, 2, 1]);
    }

    #[test]
    fn the_upright_top_lies_where_the_turn_says() {
        let top = (0.0, 0.0, 1.0, 0.25);
        assert_eq!(Turn::Quarter.unturn(top), (0.0, 0.0, 0.25, 1.0));
        assert_eq!(Turn::Half.unturn(top), (0.0, 0.75, 1.0, 1.0));
        assert_eq!(Turn::ThreeQuarters.unturn(top), (0.75, 0.0, 1.0, 1.0));
        assert_eq!(Turn::MirroredQuarter.unturn(top), (0.75, 0.0, 1.0, 1.0));
        assert_eq!(Turn::MirroredHalf.unturn(top), Turn::Half.unturn(top));
    }

    #[test]
    fn angles_become_quarter_turns() {
        assert_eq!(Turn::from_clockwise_degrees(90.4), Turn::Quarter);
        assert_eq!(Turn::from_clockwise_degrees(-90.0), Turn::ThreeQuarters);
        assert_eq!(Turn::from_clockwise_degrees(f64::NAN), Turn::None);
    }
}
