//! A transaction that only reads, with pinned settings: for checkpoints outside of steps and for the
//! console.

use crate::pg::ledger::identifier;
use crate::pg::{PgError, Session};

/// Values come in the same text form, however a role or a file has set up its session.
pub(super) const PIN: &str = "SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; \
     SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL search_path = DEFAULT; \
     SET LOCAL TimeZone = DEFAULT; SET LOCAL row_security = DEFAULT; SET LOCAL lc_monetary = DEFAULT; \
     SET LOCAL default_text_search_config = DEFAULT; SET LOCAL transform_null_equals = DEFAULT; \
     SET LOCAL array_nulls = DEFAULT; SET LOCAL xmlbinary = DEFAULT; SET LOCAL xmloption = DEFAULT; \
     SET LOCAL statement_timeout = DEFAULT; SET LOCAL standard_conforming_strings = on";

/// The open transaction.
pub(super) struct Standing;

impl Standing {
    /// `bounds` are settings of its own, as SQL.
    pub async fn begin(
        look: &mut Session,
        role: Option<&str>,
        bounds: Option<&str>,
    ) -> Result<Self, PgError> {
        look.batch(&format!("BEGIN READ ONLY; {PIN}; SET LOCAL lock_timeout = '5s'")).await?;
        if let Some(bounds) = bounds {
            look.batch(bounds).await?;
        }
        if let Some(role) = role {
            look.batch(&format!("SET LOCAL ROLE {}", identifier(role))).await?;
        }
        // From the first query on, the transaction can't be made READ WRITE any more.
        look.query("SELECT 1", &[]).await?;
        Ok(Self)
    }

    pub async fn end(self, look: &mut Session) -> Result<(), PgError> {
        look.batch("ROLLBACK").await.map(drop)
    }
}
