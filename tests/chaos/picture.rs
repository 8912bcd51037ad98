//! What a database and its ledger look like, to be compared with what an undisturbed run leaves.

use std::collections::BTreeMap;

use holdpoint::pg::content;
use holdpoint::pg::fingerprint::Fingerprint;

use crate::lab::Lab;

/// Tables outside of holdpoint's schema: name, columns that are the same each time, and whether there
/// are others.
const SHAPES: &str = r"
SELECT format('%I.%I', n.nspname, c.relname),
       string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) FILTER (WHERE NOT v.volatile),
       bool_or(v.volatile)::text::char
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 CROSS JOIN LATERAL (SELECT a.atttypid = 'timestamptz'::regtype
       OR coalesce(pg_get_expr(d.adbin, d.adrelid) ~ 'nextval|uuid|random|now', false) AS volatile) v
 WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'holdpoint')
 GROUP BY 1 ORDER BY 1";

/// What is compared with an undisturbed run.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub schema: Fingerprint,
    /// Rows and a hash of their text, without columns that are different each time.
    pub tables: BTreeMap<String, (String, String)>,
    /// By the product's own hash, where no column is different each time.
    pub contents: BTreeMap<String, content::Content>,
    /// `step unit direction generation statements digest`
    pub ledger: Vec<String>,
}

impl Lab {
    pub async fn picture(&self, database: &str) -> Picture {
        let mut session = self.server.session(database).await;
        let schema = Fingerprint::take(&mut session).await.expect("a fingerprint");
        let shapes = session.query(SHAPES, &[]).await.expect("the tables").rows;
        let (mut tables, mut contents) = (BTreeMap::new(), BTreeMap::new());
        let mut fixed = Vec::new();
        for row in shapes {
            let [table, columns, volatile] = row.try_into().unwrap();
            let (table, columns) = (table.unwrap(), columns.unwrap_or_else(|| "NULL".into()));
            let sql = format!(
                "SELECT count(*), md5(coalesce(string_agg(r, E'\\n' ORDER BY r), '')) \
                 FROM (SELECT (ROW({columns}))::text COLLATE \"C\" AS r FROM {table}) rows"
            );
            let found = session.query(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let cell = |i: usize| found.rows[0][i].clone().unwrap_or_default();
            tables.insert(table.clone(), (cell(0), cell(1)));
            if volatile.as_deref() == Some("f") {
                fixed.push(table);
            }
        }
        contents.extend(content::contents(&mut session, &fixed, None).await.expect("the contents"));
        let ledger = session
            .query(
                // A program's digest is made with the run's own key: of the promotion's it says nothing here.
                "SELECT concat_ws(' ', step, unit, direction, generation, statements, \
                        CASE WHEN step ~ '^(ci|ramp|load)-' THEN 'program' ELSE digest END) FROM holdpoint.ledger ORDER BY 1",
                &[],
            )
            .await
            .map(|found| found.rows.into_iter().filter_map(|mut row| row.remove(0)).collect())
            .unwrap_or_default();
        session.close().await;
        Picture { schema, tables, contents, ledger }
    }
}
