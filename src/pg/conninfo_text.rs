//! The two notations of a connection string, as pairs of key and value.

use super::config::ConfigError;

type Pairs = Vec<(String, String)>;

/// Splits a connection string; later pairs win over earlier ones.
pub(super) fn pairs(text: &str) -> Result<Pairs, ConfigError> {
    let text = text.trim();
    if text.contains('\0') {
        return Err(ConfigError("it contains a NUL byte; remove it".to_owned()));
    }
    match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        Some(rest) => url(rest),
        None if text.contains("://") => {
            let scheme = text.split("://").next().unwrap_or_default();
            Err(ConfigError(format!(
                "`{scheme}://` isn't a PostgreSQL URL; write postgres://user@host/database"
            )))
        }
        // Like psql, a single word is a database's name.
        None if !text.is_empty() && !text.contains('=') => {
            if text.contains(char::is_whitespace) {
                return Err(ConfigError(
                    "neither a URL nor key=value; write postgres://user@host/database".to_owned(),
                ));
            }
            Ok(vec![("dbname".to_owned(), text.to_owned())])
        }
        None => keywords(text),
    }
}

/// `key = value 'quoted value' …` with libpq's backslashes. Values aren't repeated in errors: one may be
/// a password.
fn keywords(text: &str) -> Result<Pairs, ConfigError> {
    let mut pairs = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(pairs);
        }
        let mut key = String::new();
        while let Some(character) = rest.next_if(|character| *character != '=' && !character.is_whitespace())
        {
            key.push(character);
        }
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        if rest.next_if_eq(&'=').is_none() {
            return Err(ConfigError(format!(
                "no `=` after key number {}; quote a value that has spaces: password='a b'",
                pairs.len() + 1
            )));
        }
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        let quoted = rest.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match rest.peek() {
                None if quoted => {
                    return Err(ConfigError(format!(
                        "the quoted value of `{key}` doesn't end; close it with '"
                    )));
                }
                None => break,
                Some('\'') if quoted => {
                    rest.next();
                    break;
                }
                Some(character) if !quoted && character.is_whitespace() => break,
                Some('\\') => {
                    rest.next();
                    value.extend(rest.next());
                }
                Some(_) => value.extend(rest.next()),
            }
        }
        pairs.push((key, value));
    }
}

/// `[user[:password]@][host][:port][/dbname][?key=value&…]`, percent-decoded.
fn url(rest: &str) -> Result<Pairs, ConfigError> {
    let mut pairs = Vec::new();
    let mut push = |key: &str, value: &str| -> Result<(), ConfigError> {
        if !value.is_empty() {
            pairs.push((key.to_owned(), decode(value, key)?));
        }
        Ok(())
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, dbname) = rest.split_once('/').unwrap_or((rest, ""));
    if !authority.contains('@') && (rest.contains('@') || query.contains('@')) {
        let port = authority.rsplit_once(':').map_or("0", |(_, port)| port);
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ConfigError(
                "user or password has a character that ends it; write / as %2F and ? as %3F".to_owned(),
            ));
        }
    }
    let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    push("user", user)?;
    push("password", password)?;
    if place.contains(',') {
        return Err(ConfigError(
            "several hosts aren't supported yet; name the one server that the change is for".to_owned(),
        ));
    }
    let (host, port) = match place.strip_prefix('[') {
        Some(literal) => {
            let (address, rest) = literal
                .split_once(']')
                .ok_or_else(|| ConfigError("an IPv6 address doesn't end; close it with ]".to_owned()))?;
            match rest.strip_prefix(':') {
                Some(port) => (address, port),
                None if rest.is_empty() => (address, ""),
                None => {
                    return Err(ConfigError(format!(
                        "`{rest}` after an IPv6 address; a port begins with `:`"
                    )));
                }
            }
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    push("host", host)?;
    push("port", port)?;
    push("dbname", dbname)?;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let Some((key, value)) = parameter.split_once('=') else {
            return Err(ConfigError(format!(
                "the parameter `{parameter}` has no value; write {parameter}=…"
            )));
        };
        let key = decode(key, "a key")?;
        let value = decode(value, &key)?;
        // libpq takes JDBC's spelling too.
        if key == "ssl" && value == "true" {
            pairs.push(("sslmode".to_owned(), "require".to_owned()));
        } else {
            pairs.push((key, value));
        }
    }
    Ok(pairs)
}

fn decode(text: &str, what: &str) -> Result<String, ConfigError> {
    let wrong = |why: &str| ConfigError(format!("{what} in the URL {why}; write a percent sign as %25"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(0) => return Err(wrong("contains %00")),
            Some(byte) => bytes.push(byte),
            None => return Err(wrong("has a % without two hexadecimal digits")),
        }
        rest = &tail[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong("isn't UTF-8"))
}
