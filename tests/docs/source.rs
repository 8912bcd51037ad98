//! Structs and enums of a source file with their comments: enough of Rust for the files that events are
//! made of, as rustfmt leaves them.

/// A field, a variant, or a whole type.
#[derive(Debug, Clone, Default)]
pub struct Part {
    pub name: String,
    pub docs: String,
    /// `#[serde(…)]` and others, as written.
    pub attributes: String,
    /// The type, for a field; what stands in the parentheses, for a variant of a tuple.
    pub of: String,
    pub fields: Vec<Part>,
}

impl Part {
    /// As serde writes a variant's name.
    pub fn snake(&self) -> String {
        let mut out = String::new();
        for c in self.name.chars() {
            if c.is_uppercase() && !out.is_empty() {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        }
        out
    }
}

/// A struct or an enum.
#[derive(Debug, Clone)]
pub struct Type {
    pub part: Part,
    pub is_enum: bool,
}

/// The public types of a file.
pub fn types(text: &str) -> Vec<Type> {
    let mut out = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    let (mut docs, mut attributes) = (Vec::new(), String::new());
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        at += 1;
        let is_enum = line.starts_with("pub enum ");
        if let Some(doc) = line.strip_prefix("/// ") {
            docs.push(doc);
        } else if line.starts_with("#[") {
            attributes.push_str(line);
        } else if (is_enum || line.starts_with("pub struct ")) && line.ends_with('{') {
            let name = line.split([' ', '<']).nth(2).unwrap_or_default().to_owned();
            let length = lines[at..].iter().take_while(|line| **line != "}").count();
            let body = lines[at..at + length].join("\n");
            at += length;
            let part = Part {
                name,
                docs: std::mem::take(&mut docs).join(" "),
                attributes: std::mem::take(&mut attributes),
                fields: parts(&body, is_enum),
                ..Part::default()
            };
            out.push(Type { part, is_enum });
        } else {
            docs.clear();
            attributes.clear();
        }
    }
    out
}

/// What stands between the braces of a struct, or of an enum.
fn parts(body: &str, is_enum: bool) -> Vec<Part> {
    let mut out = Vec::new();
    let mut part = Part::default();
    let (mut text, mut depth) = (String::new(), 0_i32);
    for line in body.lines().map(str::trim) {
        if depth == 0 && text.is_empty() {
            if let Some(doc) = line.strip_prefix("///") {
                if !part.docs.is_empty() {
                    part.docs.push(' ');
                }
                part.docs.push_str(doc.trim());
                continue;
            }
            if line.starts_with("#[") {
                part.attributes.push_str(line);
                continue;
            }
        }
        for c in line.chars() {
            match c {
                '(' | '{' | '<' | '[' => depth += 1,
                ')' | '}' | '>' | ']' => depth -= 1,
                ',' if depth == 0 => {
                    out.push(finished(std::mem::take(&mut part), &std::mem::take(&mut text), is_enum));
                    continue;
                }
                _ => {}
            }
            text.push(c);
        }
        // Inner comments and fields stay lines.
        if !text.is_empty() {
            text.push('\n');
        }
    }
    if !text.trim().is_empty() {
        out.push(finished(part, &text, is_enum));
    }
    out
}

fn finished(mut part: Part, text: &str, is_variant: bool) -> Part {
    let text = text.trim();
    if !is_variant {
        let (name, of) = text.split_once(':').unwrap_or((text, ""));
        part.name = name.trim().trim_start_matches("pub ").to_owned();
        part.of = of.split_whitespace().collect::<Vec<_>>().join(" ");
    } else if let Some((name, inner)) = text.split_once('{') {
        part.name = name.trim().to_owned();
        part.fields = parts(inner.trim_end().trim_end_matches('}').trim_matches('\n'), false);
    } else if let Some((name, inner)) = text.split_once('(') {
        part.name = name.trim().to_owned();
        part.of = inner.trim_end().trim_end_matches(')').to_owned();
    } else {
        part.name = text.to_owned();
    }
    part
}
