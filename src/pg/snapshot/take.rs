//! A snapshot from a server.

use super::content::{Snapshot, Source, VERSION};
use crate::pg::config::ConnectConfig;
use crate::pg::fingerprint::{COVERS, NOT_COMPARED};
use crate::pg::identity::Target;
use crate::pg::image::{Image, Missing};
use crate::pg::inventory::Inventory;
use crate::pg::measure::MeasureError;
use crate::pg::session::Session;

/// Takes one. Nothing is written: every query runs in a transaction that is read-only, and what isn't in
/// one is refused by the session.
pub async fn take(
    config: &ConnectConfig,
    tables: &[String],
    missing: Missing,
) -> Result<Snapshot, MeasureError> {
    let mut session = Session::connect(config, "snapshot").await?;
    session.batch("SET default_transaction_read_only = on").await?;
    let target = Target::look(&mut session).await?;
    let counts = Inventory::take(&mut session, &[]).await?.counts;
    let image = Image::take(&mut session, tables, missing).await?;
    session.close().await;
    let mut covers: Vec<String> = COVERS.iter().map(|what| (*what).to_owned()).collect();
    covers.push("values of sequences".to_owned());
    covers.extend(image.rows.keys().map(|table| format!("rows of {table}")));
    let mut not_covered = vec!["rows of tables that weren't named with --rows".to_owned()];
    not_covered.extend(unreadable(&image));
    not_covered.extend(NOT_COMPARED.iter().map(|what| (*what).to_owned()));
    Ok(Snapshot {
        holdpoint_snapshot: VERSION,
        program: concat!("holdpoint ", env!("CARGO_PKG_VERSION")).to_owned(),
        taken_at: jiff::Timestamp::now(),
        source: Source {
            database: target.identity.database,
            host: target.identity.host,
            port: target.identity.port,
            user: target.identity.user,
            server_version: target.identity.server_version,
            encoding: target.encoding,
            system_identifier: target.identity.system_identifier,
        },
        counts,
        covers,
        not_covered,
        fingerprint: image.fingerprint.digest(),
        tables: tables.to_vec(),
        image,
    })
}

/// What the role may not see.
fn unreadable(image: &Image) -> Option<String> {
    let sequences = image.fingerprint.objects.keys().filter_map(|key| key.strip_prefix("sequence "));
    let hidden = sequences.filter(|name| !image.sequence_values.contains_key(*name)).count();
    match hidden {
        0 => None,
        1 => Some("the value of 1 sequence that this role may not read".to_owned()),
        n => Some(format!("the values of {n} sequences that this role may not read")),
    }
}
