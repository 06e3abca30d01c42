//! Matrix products on strided memory, and memory that several blocks of work write into.
//! Does not know what the matrices stand for.
#![expect(unsafe_code, reason = "the matrix library takes pointers; blocks of work share one output")]

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;

/// A matrix to read: element `(row, column)` at `row * rows_apart + column * columns_apart`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows_apart: usize,
    pub(crate) columns_apart: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of consecutive values, `apart` from each other.
    pub(crate) fn rows(values: &'a [f32], apart: usize) -> Self {
        Self { values, rows_apart: apart, columns_apart: 1 }
    }

    /// The same matrix with rows and columns swapped.
    pub(crate) fn transposed(self) -> Self {
        Self { values: self.values, rows_apart: self.columns_apart, columns_apart: self.rows_apart }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        (rows - 1) * self.rows_apart + (columns - 1) * self.columns_apart < self.values.len()
    }
}

/// What a product does with the values that stand in its target.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Onto {
    /// Overwrites them.
    Nothing,
    /// Adds to them.
    Present,
}

/// Sizes of a product: `[rows, inner] x [inner, columns]`.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) inner: usize,
    pub(crate) columns: usize,
}

/// Memory that blocks of work write into at the same time, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct Output<'a> {
    start: *mut f32,
    length: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: every access goes through an unsafe method whose caller promises that no other thread
// touches the same values; the pointer itself may then travel.
unsafe impl Send for Output<'_> {}
// SAFETY: as above.
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
    /// Takes a slice to share.
    pub(crate) fn new(values: &'a mut [f32]) -> Self {
        Self { start: values.as_mut_ptr(), length: values.len(), borrowed: PhantomData }
    }

    /// One stretch of it.
    ///
    /// # Safety
    /// No other live reference, on any thread, overlaps `range`.
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &'a mut [f32] {
        assert!(range.start <= range.end && range.end <= self.length, "part outside of the output");
        // SAFETY: inside the slice that `new` borrowed for 'a; the caller promises exclusiveness.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }

    /// Writes a product into rows that start at `offset` and lie `apart` from each other.
    ///
    /// # Safety
    /// No other live reference or running product, on any thread, touches these rows' values.
    pub(crate) unsafe fn product(
        &self,
        offset: usize,
        apart: usize,
        onto: Onto,
        sizes: Sizes,
        left: Matrix<'_>,
        right: Matrix<'_>,
    ) {
        let Sizes { rows, inner, columns } = sizes;
        if rows == 0 || inner == 0 || columns == 0 {
            return;
        }
        assert!(left.holds(rows, inner) && right.holds(inner, columns), "operand too short");
        assert!(columns <= apart || rows == 1, "rows of the target overlap");
        assert!(offset + (rows - 1) * apart + columns <= self.length, "target outside of the output");
        // SAFETY: the three assertions bound every element that the library reads or writes; strides
        // come from slice lengths and fit isize; the caller promises exclusiveness of the target.
        // `Parallelism::None` keeps the blocking, and with it every sum's order, free of threads.
        unsafe {
            gemm::gemm(
                rows,
                columns,
                inner,
                self.start.add(offset),
                1,
                apart.cast_signed(),
                onto == Onto::Present,
                left.values.as_ptr(),
                left.columns_apart.cast_signed(),
                left.rows_apart.cast_signed(),
                right.values.as_ptr(),
                right.columns_apart.cast_signed(),
                right.rows_apart.cast_signed(),
                1.0_f32,
                1.0_f32,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

/// Writes a product into a slice that nobody else sees.
pub(crate) fn product(target: &mut [f32], apart: usize, onto: Onto, sizes: Sizes, left: Matrix<'_>, right: Matrix<'_>) {
    // SAFETY: `target` is borrowed mutably for the call, so nobody else touches it.
    unsafe { Output::new(target).product(0, apart, onto, sizes, left, right) }
}

/// Lends this thread's two work buffers, at least as long as asked; their contents are leftovers.
///
/// `work` must not call back into this function on the same thread.
pub(crate) fn with_buffers<R>(first: usize, second: usize, work: impl FnOnce(&mut [f32], &mut [f32]) -> R) -> R {
    thread_local! {
        // Kept between calls: fresh megabytes from the system cost more than the products in them.
        static BUFFERS: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
    }
    BUFFERS.with_borrow_mut(|(a, b)| {
        for (buffer, length) in [(&mut *a, first), (&mut *b, second)] {
            if buffer.len() < length {
                buffer.resize(length, 0.0);
            }
        }
        work(&mut a[..first], &mut b[..second])
    })
}
