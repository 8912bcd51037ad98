//! Encodings other than UTF-8: how a script in one is read, and sent as it is.
//!
//! psql reads bytes, and so the text in here has to stand for bytes: every byte that isn't ASCII, or that
//! belongs to a character of several bytes (its second one may look like a quote or a backslash), is a
//! character of its own, far up where no text has any: a mark. The lexer takes marks for letters, as psql
//! does. On the way to the server marks become the bytes again; for people they become what they mean.

use std::borrow::Cow;

/// The first byte of a character, and one of the others.
const FIRST: u32 = 0x10_f800;
const REST: u32 = 0x10_fc00;

/// How bytes make characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coding {
    /// UTF-8, and SQL_ASCII, which says nothing about bytes.
    #[default]
    Utf8,
    /// A byte a character; of some the characters are known.
    Single(Option<usize>),
    Several(Several),
}

/// How many bytes a character has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Several {
    /// Two behind a high one, but for half-width kana.
    Sjis,
    /// Two behind a high one: BIG5, GBK, UHC, EUC_CN.
    Double,
    Gb18030,
    /// EUC_JP, EUC_KR, JOHAB: three behind SS3.
    Euc,
    /// EUC_TW: four behind SS2.
    EucTw,
}

impl Coding {
    /// By a name that PostgreSQL takes: case and punctuation don't count. None: it isn't known here.
    #[must_use]
    pub fn named(name: &str) -> Option<Coding> {
        let clean: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        Some(match clean.as_str() {
            "utf8" | "unicode" | "sqlascii" => Coding::Utf8,
            "sjis" | "shiftjis" | "mskanji" | "win932" | "windows932" | "shiftjis2004" => {
                Coding::Several(Several::Sjis)
            }
            "big5" | "win950" | "windows950" | "gbk" | "win936" | "windows936" | "uhc" | "win949"
            | "windows949" | "euccn" => Coding::Several(Several::Double),
            "gb18030" => Coding::Several(Several::Gb18030),
            "johab" | "eucjp" | "euckr" | "eucjis2004" => Coding::Several(Several::Euc),
            "euctw" => Coding::Several(Several::EucTw),
            "latin3" | "latin4" | "latin6" | "latin7" | "latin8" | "latin10" | "iso88593" | "iso88594"
            | "iso88595" | "iso88596" | "iso88597" | "iso88598" | "iso885910" | "iso885913" | "iso885914"
            | "iso885916" | "win866" | "windows866" | "alt" | "win874" | "windows874" | "win1253"
            | "windows1253" | "win1254" | "windows1254" | "win1255" | "windows1255" | "win1256"
            | "windows1256" | "win1257" | "windows1257" | "win1258" | "windows1258" | "abc" | "tcvn"
            | "tcvn5712" | "vscii" | "koi8u" => Coding::Single(None),
            clean => {
                let known = SINGLES.iter().position(|single| single.also.contains(&clean))?;
                Coding::Single(Some(known))
            }
        })
    }

    /// Bytes of the character that begins here.
    fn length(self, bytes: &[u8]) -> usize {
        let (first, second) = (bytes[0], bytes.get(1).copied().unwrap_or_default());
        if first < 0x80 {
            return 1;
        }
        match self {
            Coding::Utf8 | Coding::Single(_) => 1,
            Coding::Several(Several::Sjis) if (0xa1..=0xdf).contains(&first) => 1,
            Coding::Several(Several::Gb18030) if second.is_ascii_digit() => 4,
            Coding::Several(Several::Euc | Several::EucTw) if first == 0x8f => 3,
            Coding::Several(Several::EucTw) if first == 0x8e => 4,
            Coding::Several(_) => 2,
        }
    }

    /// Bytes as text with marks; none in UTF-8.
    #[must_use]
    pub fn marked(self, bytes: &[u8]) -> String {
        if self == Coding::Utf8 {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        let mut text = String::with_capacity(bytes.len());
        let mut from = 0;
        while from < bytes.len() {
            let length = self.length(&bytes[from..]).min(bytes.len() - from);
            for (at, &byte) in bytes[from..from + length].iter().enumerate() {
                let mark = match at {
                    0 if byte < 0x80 => u32::from(byte),
                    0 => FIRST + u32::from(byte),
                    _ => REST + u32::from(byte),
                };
                text.extend(char::from_u32(mark));
            }
            from += length;
        }
        text
    }

    /// Text with marks as people should read it: a character for each that the bytes make.
    #[must_use]
    pub fn shown(self, text: &str) -> Cow<'_, str> {
        if self == Coding::Utf8 || !text.chars().any(|c| u32::from(c) >= FIRST) {
            return Cow::Borrowed(text);
        }
        let table = match self {
            Coding::Single(Some(known)) => SINGLES.get(known).map(|single| single.upper),
            _ => None,
        };
        let table: Option<Vec<char>> = table.map(|upper| upper.chars().collect());
        let shown = text.chars().filter(|c| !is_rest(*c)).map(|c| match u32::from(c).checked_sub(FIRST) {
            Some(byte) => {
                let known = table.as_ref().and_then(|table| table.get((byte as usize).wrapping_sub(0x80)));
                known.copied().unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            None => c,
        });
        Cow::Owned(shown.collect())
    }
}

/// The bytes that a text with marks stands for.
#[must_use]
pub fn unmarked(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(|c| u32::from(c) >= FIRST) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c).checked_sub(FIRST) {
            // The lower byte of both kinds.
            Some(mark) => bytes.push((mark & 0xff) as u8),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// It belongs to the character before it.
pub(super) fn is_rest(c: char) -> bool {
    (REST..REST + 0x100).contains(&u32::from(c))
}

/// Marks of the second kind in bytes of UTF-8: those don't count as characters.
pub(super) fn rests(text: &[u8]) -> u64 {
    if !text.contains(&0xf4) {
        return 0;
    }
    marks(text).filter(|at| text[at + 2] >= 0xb0).count() as u64
}

/// Where a text has marks.
pub(super) fn marks(text: &[u8]) -> impl Iterator<Item = usize> {
    let is_mark = |three: &[u8]| matches!(three, [0xf4, 0x8f, 0xa0..=0xa3 | 0xb0..=0xb3]);
    text.windows(3).enumerate().filter(move |(_, three)| is_mark(three)).map(|(at, _)| at)
}

/// An encoding of one byte a character whose characters are known.
struct Single {
    /// Names that the server takes for it, in small letters and digits alone.
    also: &'static [&'static str],
    /// The characters of 0x80 to 0xff.
    upper: &'static str,
}

const SINGLES: &[Single] = &[
    Single {
        also: &["latin1", "iso88591"],
        upper: "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}\
         \u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\
         \u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõ\
         ö÷øùúûüýþÿ",
    },
    Single {
        also: &["latin2", "iso88592"],
        upper: "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}\
         \u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\
         \u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôő\
         ö÷řůúűüýţ˙",
    },
    Single {
        also: &["latin5", "iso88599"],
        upper: "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}\
         \u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\
         \u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõ\
         ö÷øùúûüışÿ",
    },
    Single {
        also: &["latin9", "iso885915"],
        upper: "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}\
         \u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\
         \u{a0}¡¢£€¥Š§š©ª«¬\u{ad}®¯°±²³Žµ¶·ž¹º»ŒœŸ¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõ\
         ö÷øùúûüýþÿ",
    },
    Single {
        also: &["win1250", "windows1250"],
        upper: "€\u{81}‚\u{83}„…†‡\u{88}‰Š‹ŚŤŽŹ\u{90}‘’“”•–—\u{98}™š›śťžź\u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż°±˛ł´µ¶·¸ąş»Ľ\
         ˝ľżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
    },
    Single {
        also: &["win", "win1251", "windows1251"],
        upper: "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПР\
         СТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
    },
    Single {
        also: &["win1252", "windows1252"],
        upper: "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼\
         ½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
    },
    Single {
        also: &["koi8", "koi8r"],
        upper: "─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\u{a0}⌡°²·÷═║╒ё╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡Ё╢╣╤╥╦╧╨╩╪╫╬©юабцдефгхийклмнопярстужвьыз\
         шэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_as_it_was() {
        let all: Vec<u8> = (1..=255).chain((1..=255).rev()).collect();
        for name in ["LATIN1", "SJIS", "BIG5", "GB18030", "JOHAB", "EUC_TW", "WIN1257"] {
            let coding = Coding::named(name).unwrap();
            assert_eq!(unmarked(&coding.marked(&all)).as_ref(), all, "{name}");
        }
    }

    #[test]
    fn characters_are_the_right_ones() {
        for (name, bytes, text) in [
            ("latin1", &b"gr\xfc\xdfe"[..], "grüße"),
            ("WIN1252", b"\x80 \x84q\x94", "€ „q”"),
            ("windows-1251", b"\xcf\xf0", "Пр"),
            ("SJIS", b"a\x83\x5cb", "a\u{fffd}b"),
            ("GB18030", b"\x81\x30\x81\x30'", "\u{fffd}'"),
        ] {
            let coding = Coding::named(name).unwrap();
            assert_eq!(coding.shown(&coding.marked(bytes)), text);
        }
        assert_eq!(Coding::named("nope"), None);
        assert!(SINGLES.iter().all(|single| single.upper.chars().count() == 128));
    }

    #[test]
    fn only_first_bytes_count() {
        let text = Coding::named("SJIS").unwrap().marked(b"a\x83\x5cb");
        assert_eq!((rests(text.as_bytes()), marks(text.as_bytes()).collect::<Vec<_>>()), (1, vec![1, 5]));
    }
}
