//! The first convolution of a network that takes another number of channels than the file's.
//! It does not know names.

use crate::weights::Array;

/// Tells whether a first convolution of shape `found` can serve one of shape `expected`: all but the inputs agree, and the
/// file's are gray or colour.
pub(super) fn fits(found: &[usize], expected: &[usize]) -> bool {
    match (found, expected) {
        ([outputs, inputs, kernel @ ..], [expected_outputs, _, expected_kernel @ ..]) => {
            outputs == expected_outputs && kernel == expected_kernel && matches!(inputs, 1 | 3)
        }
        _ => false,
    }
}

/// Gives the weights for `inputs` channels, so that an image of equal channels gives what it gave before.
///
/// # Source
/// `patch_first_conv` of segmentation_models.pytorch: one channel gets the sum over the file's; channel i of n gets the file's
/// channel i modulo c, times c / n.
pub(super) fn adapted(array: &Array, inputs: usize) -> Array {
    let Array { shape, values } = array;
    let [outputs, channels] = [shape[0], shape[1]];
    let kernel: usize = shape[2..].iter().product();
    let plane = |output: usize, channel: usize| &values[(output * channels + channel) * kernel..][..kernel];
    let mut adapted = Vec::with_capacity(outputs * inputs * kernel);
    for output in 0..outputs {
        if inputs == 1 {
            adapted.extend((0..kernel).map(|at| (0..channels).map(|channel| plane(output, channel)[at]).sum::<f32>()));
            continue;
        }
        let share = channels as f32 / inputs as f32;
        for input in 0..inputs {
            adapted.extend(plane(output, input % channels).iter().map(|value| value * share));
        }
    }
    let mut shape = shape.clone();
    shape[1] = inputs;
    Array { shape, values: adapted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(channels: usize, values: &[f32], inputs: usize, expected: &[f32]) {
        let outputs = values.len() / channels;
        let array = Array { shape: vec![outputs, channels, 1, 1], values: values.to_vec() };
        let found = adapted(&array, inputs);
        assert_eq!(found, Array { shape: vec![outputs, inputs, 1, 1], values: expected.to_vec() });
    }

    #[test]
    fn channels() {
        check(3, &[1.0, 2.0, 4.0, -1.0, 0.5, 0.0], 1, &[7.0, -0.5]);
        check(3, &[1.0, 2.0, 4.0], 2, &[1.5, 3.0]);
        check(3, &[1.0, 2.0, 4.0], 6, &[0.5, 1.0, 2.0, 0.5, 1.0, 2.0]);
        check(1, &[3.0], 3, &[1.0, 1.0, 1.0]);
    }

    #[test]
    fn shapes() {
        assert!(fits(&[64, 3, 7, 7], &[64, 1, 7, 7]));
        assert!(!fits(&[64, 4, 7, 7], &[64, 1, 7, 7]));
        assert!(!fits(&[64, 3, 7, 7], &[64, 1, 3, 3]));
        assert!(!fits(&[32, 3, 7, 7], &[64, 1, 7, 7]));
        assert!(!fits(&[64], &[64]));
    }
}
