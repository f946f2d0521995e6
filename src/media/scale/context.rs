//! libswscale's context, made with all that it is to know. Told of ranges later, as [`ffmpeg_next`]'s is, it has already chosen to copy
//! planes that are as large as they are to be, and of more than 8 bits it never changes the range (FFmpeg 5.1,
//! `sws_setColorspaceDetails`).

use std::{ffi::CStr, ptr};

use ffmpeg_next::{ffi, format::Pixel, software::scaling::Flags};

/// What pictures are or are to be.
pub struct Form {
    pub pixel: Pixel,
    pub width: u32,
    pub height: u32,
    /// As libswscale names it.
    pub matrix: i32,
    pub full_range: bool,
}

pub struct Context(*mut ffi::SwsContext);

// SAFETY: nothing but its owner has it, and it is not bound to a thread.
unsafe impl Send for Context {}

impl Context {
    /// `None` where libswscale cannot do it.
    pub fn new(from: &Form, to: &Form, flags: Flags) -> Option<Self> {
        // SAFETY: it returns null or a context that is ours.
        let made = Self(unsafe { ffi::sws_alloc_context() });
        if made.0.is_null() {
            return None;
        }
        let ends =
            [(from, [c"srcw", c"srch", c"src_format", c"src_range"]), (to, [c"dstw", c"dsth", c"dst_format", c"dst_range"])];
        for (form, names) in ends {
            let format: ffi::AVPixelFormat = form.pixel.into();
            let values = [i64::from(form.width), i64::from(form.height), format as i64, i64::from(form.full_range)];
            names.into_iter().zip(values).for_each(|(name, value)| made.set(name, value));
        }
        made.set(c"sws_flags", i64::from(flags.bits()));
        // SAFETY: the tables are FFmpeg's constants; the context is ours, and its settings are made.
        let is_ready = unsafe {
            let [matrix, other] = [from, to].map(|form| ffi::sws_getCoefficients(form.matrix));
            let initialized = ffi::sws_init_context(made.0, ptr::null_mut(), ptr::null_mut()) >= 0;
            if initialized {
                let [full, other_full] = [from, to].map(|form| form.full_range.into());
                // Of pictures without a matrix it fails, and has nothing to do.
                ffi::sws_setColorspaceDetails(made.0, matrix, full, other, other_full, 0, 1 << 16, 1 << 16);
            }
            initialized
        };
        is_ready.then_some(made)
    }

    pub fn as_mut_ptr(&mut self) -> *mut ffi::SwsContext {
        self.0
    }

    fn set(&self, name: &CStr, value: i64) {
        // SAFETY: an option of a context that is ours; of a value that it does not take, it keeps its own and fails to initialize.
        unsafe { ffi::av_opt_set_int(self.0.cast(), name.as_ptr(), value, 0) };
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it is ours; null is allowed.
        unsafe { ffi::sws_freeContext(self.0) };
    }
}
