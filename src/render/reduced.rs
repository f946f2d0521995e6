//! Pictures that are drawn much smaller than they are: first every few pixels become their mean. Drawing takes the mean of all that
//! a pixel covers only while that is less than two across; beyond, it would cost by the size of the picture in every frame
//! (Williams, "Pyramidal Parametrics", SIGGRAPH 1983).

use super::{
    plan::Pose,
    sprite::{Rows, SampleOf},
};
use crate::media::{Form, Sample};

/// How many pixels across and down become one.
pub type Factors = (usize, usize);

/// A picture whose pixels are means of another's.
pub struct Reduced<F: Form> {
    pub factors: Factors,
    planes: [Grid<F::Sample>; 3],
    /// Of luma; and of Cb and Cr.
    alphas: Option<[Grid<F::Sample>; 2]>,
}

/// What was made of a picture the last time that it was drawn.
pub type Kept<F> = Option<Box<Reduced<F>>>;

/// Rows of samples.
struct Grid<S> {
    width: usize,
    values: Vec<S>,
    /// The size of what they are of, in pixels of their own: the last may be of less than the others.
    size: (f64, f64),
}

impl<F: Form> Reduced<F> {
    /// By how much a picture is to be reduced for a pose: powers of two, so that one that shrinks or grows is not always another.
    pub fn factors<R: Rows<Form = F>>(picture: &R, pose: &Pose) -> Factors {
        let factor = |pixels: f64, shown: f64| {
            // At most to 8 pixels.
            let most = (pixels / 8.0).max(1.0);
            1usize << (pixels / shown.max(1.0)).min(most).max(1.0).log2().floor() as u32
        };
        let (width, height) = picture.plane_size(0);
        (factor(width, pose.sprite.width), factor(height, pose.sprite.height))
    }

    pub fn of<R: Rows<Form = F>>(picture: &R, factors: Factors) -> Self {
        let size = |plane: usize| (picture.plane_width(plane), picture.plane_height(plane));
        let plane = |plane: usize| Grid::of(size(plane), picture.plane_size(plane), factors, |y| picture.row(plane, y));
        let alpha = |plane: usize| {
            Grid::of(size(plane), picture.plane_size(plane), factors, |y| picture.alpha_row(plane, y).unwrap_or(&[]))
        };
        let has_alpha = picture.alpha_row(0, 0).is_some();
        Self { factors, planes: [plane(0), plane(1), plane(2)], alphas: has_alpha.then(|| [alpha(0), alpha(F::SHARED)]) }
    }
}

impl<S: Sample> Grid<S> {
    /// `extent` is how much of a size is the picture.
    fn of<'a>(
        (width, height): (usize, usize),
        extent: (f64, f64),
        (across, down): Factors,
        row: impl Fn(usize) -> &'a [S],
    ) -> Self {
        let size = (extent.0 / across as f64, extent.1 / down as f64);
        let mut values = Vec::with_capacity(width.div_ceil(across) * height.div_ceil(down));
        let mut sums: Vec<u32> = vec![0; width.div_ceil(across)];
        for top in (0..height).step_by(down) {
            let rows = top..(top + down).min(height);
            sums.fill(0);
            for y in rows.clone() {
                for (sum, block) in sums.iter_mut().zip(row(y).chunks(across)) {
                    *sum += block.iter().map(|value| value.int() as u32).sum::<u32>();
                }
            }
            values.extend(sums.iter().enumerate().map(|(x, sum)| {
                let count = (rows.len() * across.min(width - x * across)) as u32;
                S::of(((sum + count / 2) / count) as i32)
            }));
        }
        Self { width: width.div_ceil(across), values, size }
    }

    fn row(&self, y: usize) -> &[S] {
        &self.values[y * self.width..][..self.width]
    }
}

impl<F: Form> Rows for Reduced<F> {
    type Form = F;

    fn plane_width(&self, plane: usize) -> usize {
        self.planes[plane].width
    }

    fn plane_height(&self, plane: usize) -> usize {
        self.planes[plane].values.len() / self.planes[plane].width
    }

    fn row(&self, plane: usize, y: usize) -> &[SampleOf<Self>] {
        self.planes[plane].row(y)
    }

    fn alpha_row(&self, plane: usize, y: usize) -> Option<&[SampleOf<Self>]> {
        self.alphas.as_ref().map(|alphas| alphas[plane.min(F::SHARED)].row(y))
    }

    fn plane_size(&self, plane: usize) -> (f64, f64) {
        self.planes[plane].size
    }
}
