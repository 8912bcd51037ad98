//! Which rows a run wrote, by the transactions that it committed.

/// The transactions of a run.
///
/// A row knows the transaction, or the savepoint in it, that wrote it last. The ids of savepoints lie
/// between the transaction's own and the next one that the server gave out when it was about to commit.
/// Others' transactions can lie there too: their rows then count as ours, never the reverse.
#[derive(Debug, Clone, Default)]
pub struct Ours {
    windows: Vec<(u64, Option<u64>)>,
    removes: bool,
}

impl Ours {
    /// `windows`: of each transaction the id, and the first id beyond it where it is known. `removes`:
    /// it took rows away, or may have.
    pub fn new(windows: Vec<(u64, Option<u64>)>, removes: bool) -> Self {
        Self { windows, removes }
    }

    /// Whether the run may have written a row that has this transaction's id.
    pub(super) fn wrote(&self, xmin: u32) -> bool {
        self.windows.iter().any(|(from, to)| {
            // Rows have the lower half of an id; half of all ids are younger than any one.
            let width = to.map_or(1 << 31, |to| to.saturating_sub(*from).max(1));
            u64::from(xmin.wrapping_sub(low(*from))) < width
        })
    }

    /// Whether a row that is gone may have been taken away by the run.
    pub(super) fn removes(&self) -> bool {
        self.removes
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what a row has")]
fn low(id: u64) -> u32 {
    id as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_the_transaction_and_its_savepoints() {
        let ours = Ours::new(vec![(100, Some(103)), ((1 << 32) + 7, Some((1 << 32) + 8))], false);
        assert_eq!(
            [99, 100, 102, 103, 7, 8, 6].map(|id| ours.wrote(id)),
            [false, true, true, false, true, false, false]
        );
        let open = Ours::new(vec![(u64::from(u32::MAX), None)], false);
        assert_eq!([u32::MAX, 0, 5, u32::MAX - 1].map(|id| open.wrote(id)), [true, true, true, false]);
        // An end that isn't beyond the beginning is of an older snapshot, and says nothing.
        assert!(Ours::new(vec![(10, Some(10))], false).wrote(10));
    }
}
