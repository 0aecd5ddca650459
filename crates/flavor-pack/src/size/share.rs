//! Shares of a whole that add up to it.

/// Shares `total` out in proportion to the weights, by largest remainder: the shares add up to `total`, and none is
/// further than one from its exact part. Of equal remainders the earlier one wins. Nobody gets anything where all weights
/// are zero.
pub(super) fn share(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let part = |weight: u64| u128::from(total) * u128::from(weight);
    // A part is at most the total.
    let mut shares: Vec<u64> =
        weights.iter().map(|weight| u64::try_from(part(*weight) / sum).unwrap_or(total)).collect();
    let given: u64 = shares.iter().sum();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|position| std::cmp::Reverse(part(weights[*position]) % sum));
    // Fewer are left than there are shares: each lost less than one.
    for position in order.into_iter().take(usize::try_from(total - given).unwrap_or(usize::MAX)) {
        shares[position] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_add_up_to_the_total_whatever_the_weights() {
        for (total, weights) in [
            (10, vec![1, 1, 1]),
            (0, vec![5, 6]),
            (7, vec![0, 0, 3]),
            (1, vec![1, 1]),
            (u64::MAX, vec![u64::MAX, u64::MAX, 1]),
        ] {
            assert_eq!(share(total, &weights).iter().sum::<u64>(), total, "{total} {weights:?}");
        }
    }

    #[test]
    fn the_largest_remainder_gets_what_is_left() {
        assert_eq!(share(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(share(10, &[5, 4, 2]), [4, 4, 2]);
        assert_eq!(share(100, &[0, 50, 150]), [0, 25, 75]);
    }

    #[test]
    fn nobody_gets_anything_where_all_weights_are_zero() {
        assert_eq!(share(9, &[0, 0]), [0, 0]);
        assert!(share(9, &[]).is_empty());
    }
}
