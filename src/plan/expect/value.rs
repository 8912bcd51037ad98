//! What the server's text means, by the type it names.

use super::array::{self, RawItem};
use super::interval::{self, Length};
use super::json::Json;
use super::moment::{Moment, MomentKind};
use super::number::Number;
use super::show;

/// A type, as far as comparing goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer(&'static str),
    Numeric,
    Float(&'static str),
    Text(&'static str),
    /// `bpchar`: the blanks at its end are padding.
    Padded,
    Json(&'static str),
    Moment(MomentKind),
    Interval,
    Uuid,
    Bytes,
    Array(Box<Kind>),
    /// An enum or something that isn't known here, by its text form.
    Other,
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Boolean(bool),
    Number(Number),
    Text(String),
    Json(Json),
    Moment(Moment),
    Interval(Length),
    Uuid(u128),
    Bytes(Vec<u8>),
    Array(Array),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    pub(super) lower: Vec<i64>,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// As in PostgreSQL's arrays, NULL is the same as NULL here.
    Null,
    Value(Value),
    Nested(Vec<Item>),
}

/// Whether a saved value takes the type of what it is compared with.
pub(super) fn is_untyped(oid: u32) -> bool {
    matches!(oid, 0 | 705)
}

impl Kind {
    /// By the server's OID of a built-in type, which never changes.
    pub(super) fn of(oid: u32) -> Kind {
        match oid {
            16 => Kind::Boolean,
            17 => Kind::Bytes,
            18 => Kind::Text("char"),
            19 => Kind::Text("name"),
            20 => Kind::Integer("int8"),
            21 => Kind::Integer("int2"),
            23 => Kind::Integer("int4"),
            26 => Kind::Integer("oid"),
            25 | 0 | 705 => Kind::Text("text"),
            114 => Kind::Json("json"),
            3802 => Kind::Json("jsonb"),
            700 => Kind::Float("float4"),
            701 => Kind::Float("float8"),
            1042 => Kind::Padded,
            1043 => Kind::Text("varchar"),
            1082 => Kind::Moment(MomentKind::Date),
            1083 => Kind::Moment(MomentKind::Time),
            1114 => Kind::Moment(MomentKind::Timestamp),
            1184 => Kind::Moment(MomentKind::Instant),
            1266 => Kind::Moment(MomentKind::TimeWithZone),
            1186 => Kind::Interval,
            1700 => Kind::Numeric,
            2950 => Kind::Uuid,
            _ => match element(oid) {
                Some(element) => Kind::Array(Box::new(Kind::of(element))),
                None => Kind::Other,
            },
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Kind::Boolean => "bool".to_owned(),
            Kind::Integer(name) | Kind::Float(name) | Kind::Text(name) | Kind::Json(name) => {
                (*name).to_owned()
            }
            Kind::Numeric => "numeric".to_owned(),
            Kind::Padded => "char(n)".to_owned(),
            Kind::Moment(MomentKind::Date) => "date".to_owned(),
            Kind::Moment(MomentKind::Timestamp) => "timestamp".to_owned(),
            Kind::Moment(MomentKind::Instant) => "timestamptz".to_owned(),
            Kind::Moment(MomentKind::Time) => "time".to_owned(),
            Kind::Moment(MomentKind::TimeWithZone) => "timetz".to_owned(),
            Kind::Interval => "interval".to_owned(),
            Kind::Uuid => "uuid".to_owned(),
            Kind::Bytes => "bytea".to_owned(),
            Kind::Array(element) => format!("{}[]", element.name()),
            Kind::Other => "a type that is compared as text".to_owned(),
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Kind::Integer(_) | Kind::Numeric | Kind::Float(_))
    }

    /// Whether values of the two are of one sort: all numbers are, and all texts.
    pub(super) fn compares_with(&self, other: &Kind) -> bool {
        match (self, other) {
            (Kind::Array(one), Kind::Array(two)) => one.compares_with(two),
            (Kind::Json(_), Kind::Json(_)) | (Kind::Moment(_), Kind::Moment(_)) => true,
            _ if self.is_number() => other.is_number(),
            _ if self.is_text() => other.is_text(),
            _ => self == other,
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Kind::Text(_) | Kind::Padded | Kind::Other)
    }
}

fn element(array: u32) -> Option<u32> {
    Some(match array {
        1000 => 16,
        1001 => 17,
        1002 => 18,
        1003 => 19,
        1005 => 21,
        1007 => 23,
        1009 => 25,
        1014 => 1042,
        1015 => 1043,
        1016 => 20,
        1021 => 700,
        1022 => 701,
        1028 => 26,
        1115 => 1114,
        1182 => 1082,
        1183 => 1083,
        1185 => 1184,
        1187 => 1186,
        1231 => 1700,
        1270 => 1266,
        199 => 114,
        2951 => 2950,
        3807 => 3802,
        _ => return None,
    })
}

impl Value {
    /// Reads a value of a type, or says that it isn't one.
    pub(super) fn parse(kind: &Kind, text: &str) -> Result<Value, String> {
        let value = match kind {
            Kind::Boolean => match text {
                "t" | "true" => Some(Value::Boolean(true)),
                "f" | "false" => Some(Value::Boolean(false)),
                _ => None,
            },
            Kind::Integer(_) | Kind::Numeric | Kind::Float(_) => Number::parse(text).map(Value::Number),
            Kind::Text(_) | Kind::Other => Some(Value::Text(text.to_owned())),
            Kind::Padded => Some(Value::Text(text.trim_end_matches(' ').to_owned())),
            Kind::Json(_) => Json::parse(text).map(Value::Json),
            Kind::Moment(kind) => Moment::parse_as(*kind, text).map(Value::Moment),
            Kind::Interval => interval::interval(text).map(Value::Interval),
            Kind::Uuid => uuid(text).map(Value::Uuid),
            Kind::Bytes => bytes(text).map(Value::Bytes),
            Kind::Array(element) => {
                let raw = array::parse(text).ok_or_else(|| unreadable(kind, text))?;
                Some(Value::Array(Array { lower: raw.lower, items: items(element, raw.items)? }))
            }
        };
        value.ok_or_else(|| unreadable(kind, text))
    }
}

fn unreadable(kind: &Kind, text: &str) -> String {
    format!("{} can't be read as {}", show::text(text), kind.name())
}

fn items(element: &Kind, raw: Vec<RawItem>) -> Result<Vec<Item>, String> {
    raw.into_iter()
        .map(|item| match item {
            RawItem::Null => Ok(Item::Null),
            RawItem::Text(text) => Value::parse(element, &text).map(Item::Value),
            RawItem::Nested(inner) => items(element, inner).map(Item::Nested),
        })
        .collect()
}

/// In any of the forms that PostgreSQL reads.
fn uuid(text: &str) -> Option<u128> {
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => text,
    };
    let digits: String = inner.chars().filter(|c| *c != '-').collect();
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    if digits.len() % 2 != 0 {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        })
        .collect()
}
