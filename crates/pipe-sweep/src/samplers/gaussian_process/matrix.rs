//! Symmetric positive definite matrices: a decomposition, its inverse, and products.
//!
//! Does not know kernels.

/// A square matrix, by rows.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) size: usize,
    pub(super) values: Vec<f64>,
}

impl Matrix {
    pub(super) fn zeros(size: usize) -> Self {
        Self { size, values: vec![0.0; size * size] }
    }

    pub(super) fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.size..(at + 1) * self.size]
    }

    /// The lower triangle `L` with `L L' = self`, in the lower half; none where the matrix is not positive definite.
    pub(super) fn cholesky(&self) -> Option<Self> {
        let n = self.size;
        let mut lower = Self::zeros(n);
        for i in 0..n {
            let (done, rest) = lower.values.split_at_mut(i * n);
            let row = &mut rest[..n];
            for j in 0..i {
                let other = &done[j * n..j * n + j];
                row[j] = (self.values[i * n + j] - dot(&row[..j], other)) / done[j * n + j];
            }
            let left = self.values[i * n + i] - dot(&row[..i], &row[..i]);
            // Comparisons with NaN are false.
            if !(left > 0.0 && left.is_finite()) {
                return None;
            }
            row[i] = left.sqrt();
        }
        Some(lower)
    }

    /// Of a lower triangle `L`: `(L L')^-1`.
    pub(super) fn inverse_of_square(&self) -> Self {
        let n = self.size;
        // Rows of `inverse` are columns of `L^-1`, so that all products run along rows.
        let mut inverse = Self::zeros(n);
        for j in 0..n {
            let row = &mut inverse.values[j * n..(j + 1) * n];
            row[j] = 1.0 / self.values[j * n + j];
            for i in j + 1..n {
                let sum = dot(&self.values[i * n + j..i * n + i], &row[j..i]);
                row[i] = -sum / self.values[i * n + i];
            }
        }
        let mut square = Self::zeros(n);
        for i in 0..n {
            for j in 0..=i {
                let value = dot(&inverse.row(i)[i..], &inverse.row(j)[i..]);
                square.values[i * n + j] = value;
                square.values[j * n + i] = value;
            }
        }
        square
    }

    pub(super) fn times(&self, vector: &[f64]) -> Vec<f64> {
        (0..self.size).map(|at| dot(self.row(at), vector)).collect()
    }
}

/// The sum of products, in four lanes, which the compiler keeps in one register.
pub(super) fn dot(one: &[f64], other: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (one_fours, one_rest) = one.as_chunks::<4>();
    let (other_fours, other_rest) = other.as_chunks::<4>();
    for (a, b) in one_fours.iter().zip(other_fours) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = one_rest.iter().zip(other_rest).map(|(a, b)| a * b).sum();
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `L = [[2, 0, 0], [1, 3, 0], [4, 5, 6]]`.
    #[test]
    fn the_triangle_and_the_inverse_are_those_by_hand() {
        let square = Matrix { size: 3, values: vec![4.0, 2.0, 8.0, 2.0, 10.0, 19.0, 8.0, 19.0, 77.0] };
        let lower = square.cholesky().expect("it is right");
        assert_eq!(lower.values, [2.0, 0.0, 0.0, 1.0, 3.0, 0.0, 4.0, 5.0, 6.0]);
        let inverse = lower.inverse_of_square();
        for column in 0..3 {
            let unit = square.times(inverse.row(column));
            for (at, value) in unit.iter().enumerate() {
                assert!((value - f64::from(u8::from(at == column))).abs() < 1e-12, "{unit:?}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_has_no_triangle() {
        let flat = Matrix { size: 2, values: vec![1.0, 1.0, 1.0, 1.0] };
        assert!(flat.cholesky().is_none());
        let unknown = Matrix { size: 1, values: vec![f64::NAN] };
        assert!(unknown.cholesky().is_none());
    }
}
