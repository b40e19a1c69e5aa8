//! Percentiles.

/// Percentile of values, by the nearest rank.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[((values.len() * percent).div_ceil(100)).clamp(1, values.len()) - 1]
}
