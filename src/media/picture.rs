//! A picture in memory, in one of the forms that we compose in.

use std::marker::PhantomData;

use ffmpeg_next::{ffi, format::Pixel, frame};

use super::{Form, MediaError};

/// What everything is composed in. Sizes are even. Plane 0 is luma at full size, 1 and 2 are Cb and Cr, as large as the form has
/// them; rows lie some stride apart.
pub struct Picture<F: Form> {
    pub(super) frame: frame::Video,
    form: PhantomData<F>,
}

impl<F: Form> Picture<F> {
    /// A picture of unspecified content.
    pub fn new(width: u32, height: u32) -> Result<Self, MediaError> {
        Self::of(F::PIXEL, 3, width, height)
    }

    /// A picture of unspecified content with alpha, plane 3, at the size of luma: to be encoded as it is.
    pub fn with_alpha(width: u32, height: u32) -> Result<Self, MediaError> {
        Self::of(F::CLEAR, 4, width, height)
    }

    fn of(pixel: Pixel, planes: usize, width: u32, height: u32) -> Result<Self, MediaError> {
        let frame = frame::Video::new(pixel, width, height);
        if frame.planes() < planes {
            return Err(MediaError::TooLarge(format!("no memory for a picture of {width}×{height}")));
        }
        Ok(Self { frame, form: PhantomData })
    }

    pub fn has_alpha(&self) -> bool {
        self.frame.planes() == 4
    }

    /// The same picture again, without a copy: neither can be written to as long as both are there.
    pub fn again(&self) -> Result<Self, MediaError> {
        let mut frame = frame::Video::empty();
        // SAFETY: an empty frame becomes a reference to the buffers of another.
        let referred = unsafe { ffi::av_frame_ref(frame.as_mut_ptr(), self.frame.as_ptr()) };
        if referred < 0 {
            return Err(MediaError::TooLarge("no memory for a picture".into()));
        }
        Ok(Self { frame, form: PhantomData })
    }

    pub fn width(&self) -> usize {
        self.frame.width() as usize
    }

    pub fn height(&self) -> usize {
        self.frame.height() as usize
    }

    /// Pixels across in a plane.
    pub fn plane_width(&self, plane: usize) -> usize {
        self.width().div_ceil(1 << F::shift(plane))
    }

    /// Rows in a plane.
    pub fn plane_height(&self, plane: usize) -> usize {
        self.height().div_ceil(1 << F::shift(plane))
    }

    /// One row of a plane.
    pub fn row(&self, plane: usize, y: usize) -> &[F::Sample] {
        let (start, bytes) = self.place_of_row(plane, y);
        bytemuck::cast_slice(&self.frame.data(plane)[start..][..bytes])
    }

    pub fn row_mut(&mut self, plane: usize, y: usize) -> &mut [F::Sample] {
        let (start, bytes) = self.place_of_row(plane, y);
        bytemuck::cast_slice_mut(&mut self.frame.data_mut(plane)[start..][..bytes])
    }

    /// Where a row starts in its plane, and how long it is, bytes.
    fn place_of_row(&self, plane: usize, y: usize) -> (usize, usize) {
        (y * self.frame.stride(plane), self.plane_width(plane) * size_of::<F::Sample>())
    }

    /// Fills every plane with its value.
    pub fn fill(&mut self, yuv: [F::Sample; 3]) {
        for (plane, value) in yuv.into_iter().enumerate() {
            for y in 0..self.plane_height(plane) {
                self.row_mut(plane, y).fill(value);
            }
        }
    }

    /// Takes over the content of a picture of the same size.
    pub fn copy_from(&mut self, other: &Self) {
        for plane in 0..3 {
            for y in 0..self.plane_height(plane) {
                self.row_mut(plane, y).copy_from_slice(other.row(plane, y));
            }
        }
    }

    /// Whether nothing else refers to its memory, so that it may be written again.
    pub fn is_sole_owner(&mut self) -> bool {
        // SAFETY: a query on a frame that is borrowed mutably.
        unsafe { ffi::av_frame_is_writable(self.frame.as_mut_ptr()) > 0 }
    }

    /// Its pixels as rows of red, green and blue without gaps.
    pub fn to_rgb(&self) -> Result<Vec<u8>, MediaError> {
        let mut rgb = frame::Video::empty();
        let (width, height) = (self.frame.width(), self.frame.height());
        let mut context = super::encode_video::converter(width, height, self.frame.format(), Pixel::RGB24)?;
        context.run(&self.frame, &mut rgb).map_err(MediaError::writing)?;
        let rows = rgb.data(0).chunks(rgb.stride(0)).take(self.height());
        Ok(rows.flat_map(|row| row[..self.width() * 3].to_vec()).collect())
    }
}
