//! What a dump says about its database itself, and not about what is in it.

use super::tokens::{Piece, Tok, Tokens};

/// The statements of a dump that make the database and set it up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfDatabase {
    /// What makes it.
    pub create: Option<Create>,
    /// Its owner, settings, privileges and comment, in order, under its own name.
    pub rest: Vec<String>,
    /// Its settings once more, each as what follows a name: ` SET work_mem TO '8MB'`.
    pub settings: Vec<String>,
}

/// `CREATE DATABASE name …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    options: String,
}

impl Create {
    /// The same under another name, which is an identifier as SQL has it.
    #[must_use]
    pub fn named(&self, name: &str) -> String {
        format!("CREATE DATABASE {name}{}", self.options)
    }
}

/// Reads the text of `pg_dump --create`.
#[must_use]
pub fn of_database(dump: &str) -> OfDatabase {
    let mut found = OfDatabase::default();
    let mut statement: Vec<Piece<'_>> = Vec::new();
    for piece in Tokens::with_plain_semicolons(dump) {
        if piece.tok != Tok::End {
            statement.push(piece);
            continue;
        }
        let text = match (statement.first(), statement.last()) {
            (Some(first), Some(last)) => dump.get(first.start..last.start + last.text.len()),
            _ => None,
        };
        if let Some(text) = text {
            take(&statement, text, &mut found);
        }
        statement.clear();
    }
    found
}

fn take(statement: &[Piece<'_>], text: &str, found: &mut OfDatabase) {
    let begins = |words: &[&str]| {
        statement.len() > words.len() && words.iter().zip(statement).all(|(word, piece)| piece.is(word))
    };
    if begins(&["CREATE", "DATABASE"]) {
        let name = statement[2];
        let behind = name.start + name.text.len() - statement[0].start;
        found.create = Some(Create { options: text[behind..].to_owned() });
        return;
    }
    if begins(&["ALTER", "DATABASE"]) && statement.get(3).is_some_and(|word| word.is("SET")) {
        let name = statement[2];
        let behind = name.start + name.text.len() - statement[0].start;
        found.settings.push(text[behind..].to_owned());
    }
    let on = |word: &str| {
        let mut pairs = statement.windows(2);
        pairs.any(|pair| pair[0].is(word) && pair[1].is("DATABASE"))
    };
    // Who granted what stands before it, and is taken back behind it.
    let is_about_it = begins(&["ALTER", "DATABASE"])
        || begins(&["ALTER", "ROLE"]) && on("IN")
        || ["GRANT", "REVOKE", "COMMENT", "SECURITY"].iter().any(|word| begins(&[word])) && on("ON")
        || begins(&["UPDATE", "pg_catalog", ".", "pg_database"])
        || ["SET", "RESET"].iter().any(|word| begins(&[word, "SESSION"]));
    if is_about_it {
        found.rest.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_database_is_told_from_what_is_in_it() {
        let dump = "--\n-- Name: a;b; Type: DATABASE\n--\nSET lock_timeout = 0;\n\
            CREATE DATABASE \"a;\"\"b\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'C';\n\n\
            ALTER DATABASE \"a;\"\"b\" OWNER TO app;\n\\connect -reuse-previous=on \"dbname='a;\"\"b'\"\n\
            SELECT pg_catalog.set_config('search_path', '', false);\n\
            COMMENT ON DATABASE \"a;\"\"b\" IS 'one; GRANT x\n;two';\n\
            ALTER DATABASE \"a;\"\"b\" SET search_path TO 'app', '';\n\
            ALTER ROLE app IN DATABASE \"a;\"\"b\" SET work_mem TO '8MB';\nALTER ROLE app SET jit TO 'off';\n\
            COMMENT ON SCHEMA app IS 'ON DATABASE';\nGRANT ALL ON SCHEMA app TO PUBLIC;\n\
            REVOKE CONNECT ON DATABASE \"a;\"\"b\" FROM PUBLIC;\nSET SESSION AUTHORIZATION other;\n\
            GRANT CONNECT ON DATABASE \"a;\"\"b\" TO reader;\nRESET SESSION AUTHORIZATION;\n";
        let found = of_database(dump);
        assert_eq!(
            found.create.map(|create| create.named("\"new\"")).as_deref(),
            Some("CREATE DATABASE \"new\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'C'")
        );
        let begins: Vec<&str> = found.rest.iter().map(|one| one.split('"').next().unwrap_or(one)).collect();
        assert_eq!(
            begins,
            [
                "ALTER DATABASE ",
                "COMMENT ON DATABASE ",
                "ALTER DATABASE ",
                "ALTER ROLE app IN DATABASE ",
                "REVOKE CONNECT ON DATABASE ",
                "SET SESSION AUTHORIZATION other",
                "GRANT CONNECT ON DATABASE ",
                "RESET SESSION AUTHORIZATION"
            ]
        );
        assert_eq!(found.settings, [" SET search_path TO 'app', ''"]);
        assert!(found.rest[1].ends_with("'one; GRANT x\n;two'"), "{:?}", found.rest[1]);
    }
}
