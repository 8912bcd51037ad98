//! In which transactions a run wrote, so that its rows can be told from those of others.

use super::event::Touched;
use super::state::Wrote;

impl Wrote {
    pub(super) fn in_transaction(&mut self, xid: Option<&str>, end: Option<&str>) {
        let Some(xid) = xid.and_then(|xid| xid.parse().ok()) else { return };
        let end = end.and_then(|end| end.parse().ok()).filter(|end| *end > xid);
        self.transactions.push((xid, end));
    }

    pub(super) fn touched(&mut self, touched: &[Touched]) {
        self.removes |= touched.iter().any(|table| table.deleted > 0 || table.lock == "AccessExclusive");
    }
}
