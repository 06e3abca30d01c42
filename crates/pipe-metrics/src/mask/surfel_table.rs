//! Areas of surface elements by the eight voxels around them.
//!
//! Does not know distances.

/// Triangles of marching cubes, by which of eight voxels belong to a mask: for each triangle its normal, scaled by its area,
/// as the sizes of its three components (z, y, x) in eighths. The second half mirrors the first: inside and outside swapped.
///
/// # Source
/// `_NEIGHBOUR_CODE_TO_NORMALS` of DeepMind's surface-distance 0.1, Copyright 2018 Google Inc., Apache License 2.0; without
/// signs, which areas do not need.
const NORMALS: [&str; 128] = [
    "",
    "111",
    "111",
    "220 220",
    "111",
    "202 202",
    "111 111",
    "111 222 400",
    "111",
    "111 111",
    "202 202",
    "111 222 400",
    "220 220",
    "111 222 400",
    "111 222 400",
    "400 400",
    "111",
    "022 022",
    "111 111",
    "040 111 222",
    "111 111",
    "004 111 222",
    "111 111 111",
    "111 111 222 222",
    "111 111",
    "022 022 111",
    "111 202 202",
    "022 111 202 333",
    "111 220 220",
    "022 111 220 333",
    "111 111 222 400",
    "111 222 400",
    "111",
    "111 111",
    "022 022",
    "040 111 222",
    "111 111",
    "111 202 202",
    "022 022 111",
    "022 111 202 333",
    "111 111",
    "111 111 111",
    "004 111 222",
    "111 111 222 222",
    "111 220 220",
    "111 111 222 400",
    "022 111 220 333",
    "111 222 400",
    "220 220",
    "040 111 222",
    "040 111 222",
    "040 040",
    "111 220 220",
    "111 202 220 333",
    "040 111 111 222",
    "040 111 222",
    "111 220 220",
    "040 111 111 222",
    "111 202 220 333",
    "040 111 222",
    "220 220 220 220",
    "111 220 220",
    "111 220 220",
    "220 220",
    "111",
    "111 111",
    "111 111",
    "111 220 220",
    "022 022",
    "004 111 222",
    "022 022 111",
    "022 111 220 333",
    "111 111",
    "111 111 111",
    "111 202 202",
    "111 111 222 400",
    "040 111 222",
    "111 111 222 222",
    "022 111 202 333",
    "111 222 400",
    "202 202",
    "004 111 222",
    "111 202 202",
    "111 202 220 333",
    "004 111 222",
    "004 004",
    "004 111 111 222",
    "004 111 222",
    "111 202 202",
    "004 111 111 222",
    "202 202 202 202",
    "111 202 202",
    "111 202 220 333",
    "004 111 222",
    "111 202 202",
    "202 202",
    "111 111",
    "111 111 111",
    "022 022 111",
    "040 111 111 222",
    "022 022 111",
    "004 111 111 222",
    "022 022 022 022",
    "022 022 111",
    "111 111 111",
    "111 111 111 111",
    "004 111 111 222",
    "111 111 111",
    "040 111 111 222",
    "111 111 111",
    "022 022 111",
    "111 111",
    "111 222 400",
    "111 111 222 222",
    "022 111 202 333",
    "040 111 222",
    "022 111 220 333",
    "004 111 222",
    "022 022 111",
    "022 022",
    "111 111 222 400",
    "111 111 111",
    "111 202 202",
    "111 111",
    "111 220 220",
    "111 111",
    "111 111",
    "111",
];

/// Areas for all 256 neighbourhoods, in squares of the unit of `sides` (z, y, x).
///
/// Bit 7 of a neighbourhood is the voxel with the smallest z, y and x, bit 0 that with the largest; x runs fastest.
pub(crate) fn areas([z, y, x]: [f64; 3]) -> Vec<f64> {
    let across = [y * x, z * x, z * y];
    let area = |normal: &str| {
        let parts = normal.bytes().zip(across).map(|(digit, across)| (f64::from(digit - b'0') / 8.0 * across).powi(2));
        parts.sum::<f64>().sqrt()
    };
    let half: Vec<f64> = NORMALS.iter().map(|code| code.split_whitespace().map(area).sum()).collect();
    half.iter().chain(half.iter().rev()).copied().collect()
}

/// Lengths of contour for all 16 neighbourhoods of a plane, in the unit of `sides` (y, x).
///
/// Bit 3 is the pixel with the smallest y and x, bit 0 that with the largest; x runs fastest.
///
/// # Source
/// `create_table_neighbour_code_to_contour_length` of DeepMind's surface-distance 0.1.
pub(crate) fn lengths([y, x]: [f64; 2]) -> Vec<f64> {
    let corner = 0.5 * y.hypot(x);
    let half = [0.0, corner, corner, x, corner, y, 2.0 * corner, corner];
    half.iter().chain(half.iter().rev()).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_have_the_area_of_faces() {
        let areas = areas([2.0, 3.0, 5.0]);
        assert_eq!(areas.len(), 256);
        assert_eq!((areas[0], areas[255]), (0.0, 0.0));
        // The four voxels with larger z, y, or x.
        for (code, area) in [(0b0000_1111, 15.0), (0b0011_0011, 10.0), (0b0101_0101, 6.0)] {
            assert!((areas[code] - area).abs() < 1e-12, "{code:08b}: {}", areas[code]);
        }
        assert_eq!(lengths([2.0, 3.0])[0b0011], 3.0);
        assert_eq!(lengths([2.0, 3.0])[0b1010], 2.0);
    }
}
