//! Which expected row is which row that came, when the order doesn't count.
//!
//! Cells are conditions and may overlap: `>= 1` and `5` against 5 and 7 fit only in one way, and
//! taking the first that fits would report a difference that isn't there. So this is a maximum
//! matching of the two sides, by augmenting paths.

use std::collections::VecDeque;

/// For each on the left, its partner on the right. `fits` lists, for each on the left, those on the
/// right it could be.
pub(super) fn pair(fits: &[Vec<usize>], right: usize) -> Vec<Option<usize>> {
    let mut partner_of_left: Vec<Option<usize>> = vec![None; fits.len()];
    let mut partner_of_right: Vec<Option<usize>> = vec![None; right];
    // Nearly all find their place at once; what follows is for the rest.
    for (left, candidates) in fits.iter().enumerate() {
        if let Some(&free) = candidates.iter().find(|&&right| partner_of_right[right].is_none()) {
            partner_of_left[left] = Some(free);
            partner_of_right[free] = Some(left);
        }
    }
    for left in 0..fits.len() {
        if partner_of_left[left].is_none() {
            augment(left, fits, &mut partner_of_left, &mut partner_of_right);
        }
    }
    partner_of_left
}

/// Finds a place for one more by moving others, breadth first: no recursion that a large set could
/// exhaust.
fn augment(
    start: usize,
    fits: &[Vec<usize>],
    partner_of_left: &mut [Option<usize>],
    partner_of_right: &mut [Option<usize>],
) {
    let mut came_from: Vec<Option<usize>> = vec![None; partner_of_right.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(left) = queue.pop_front() {
        for &right in &fits[left] {
            if came_from[right].is_some() {
                continue;
            }
            came_from[right] = Some(left);
            if let Some(next) = partner_of_right[right] {
                queue.push_back(next);
                continue;
            }
            let mut free = Some(right);
            while let Some(right) = free {
                let Some(left) = came_from[right] else {
                    break;
                };
                free = partner_of_left[left].replace(right);
                partner_of_right[right] = Some(left);
                if left == start {
                    break;
                }
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_conditions_find_their_only_way() {
        // The first fits both, the second only what the first would take.
        assert_eq!(pair(&[vec![0, 1], vec![0]], 2), [Some(1), Some(0)]);
        // A chain of moves.
        let fits = [vec![0, 1], vec![1, 2], vec![2, 3], vec![0]];
        assert!(pair(&fits, 4).iter().all(Option::is_some));
    }

    #[test]
    fn one_row_is_matched_once() {
        assert_eq!(pair(&[vec![0], vec![0]], 1), [Some(0), None]);
        assert_eq!(pair(&[vec![]], 0), [None]);
    }
}
