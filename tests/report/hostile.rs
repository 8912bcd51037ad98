//! Every text of a journal and a plan is foreign: whatever stands in it, the page keeps its structure.

use pulldown_cmark::{Event, Options, Parser};
use serde_json::{Map, Value};

use crate::story::{Story, events};

/// Each would be something, if it came through.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</td></tr></table></pre></code></title></style></svg><h1>x</h1>",
    "' onmouseover='x' \" style=\"x\" &lt;b&gt; &#60;i&#62;",
    "[x](javascript:alert(1)) ![y](//evil.example/p.png) <https://evil.example>",
    "https://evil.example www.evil.example ann@evil.example @everybody",
    "| a | b | \\| c \\\\| `d` ``e`` **f** __g__ ~~h~~ $i$ ^j^",
    "`` ` ``` | \\",
    "# x",
    "- x",
    "> x",
    "1. x",
    "===",
    "---",
    "~~~",
    "[x]: https://evil.example",
    ": x",
    "\u{1b}[2J\u{202e}txet\u{2066}\u{200b}\u{0}\u{feff}",
    "-->]]>--!><!--",
    "&amp;&quot;&nbsp;\u{2028}\u{e0041}",
];

/// Words of ours, where a text that isn't one of them can't stand.
const WORDS: &[&str] = &[
    "event",
    "direction",
    "how",
    "environment",
    "stepping",
    "mode",
    "when",
    "on_failure",
    "on",
    "outcome",
    "timezone",
    "lock",
];

/// Names by which journal and plan know a step.
const IDS: &[&str] = &["id", "step", "steps", "phase", "checkpoint", "watch", "authorization"];

/// The same events with something hostile behind every text; or before it, and before every id too, by which nothing
/// of the plan is found any more.
fn poisoned(hostile: &str, before: bool) -> Vec<Map<String, Value>> {
    let mut all = events();
    for event in &mut all {
        let name = event["event"].as_str().unwrap().to_owned();
        for (key, value) in event.iter_mut() {
            let ours = match key.as_str() {
                "what" => matches!(name.as_str(), "decided" | "backend_ending" | "backend_ended"),
                "reason" => name == "held",
                "counts" | "objects" | "deltas" => true,
                "step" if *value == "target" => true,
                key => WORDS.contains(&key) || !before && IDS.contains(&key) && !has_texts(value),
            };
            if !ours {
                poison(value, hostile, before);
            }
        }
    }
    all
}

/// A list of steps in full, not of their ids.
fn has_texts(value: &Value) -> bool {
    value.as_array().and_then(|values| values.first()).is_some_and(Value::is_object)
}

fn poison(value: &mut Value, hostile: &str, before: bool) {
    match value {
        Value::String(text) if before => *text = format!("{hostile} {text}"),
        Value::String(text) => *text = format!("{text} {hostile}"),
        Value::Array(values) => values.iter_mut().for_each(|value| poison(value, hostile, before)),
        Value::Object(map) => {
            let ours = |key: &str, value: &Value| {
                let verdict = key == "verdict" && value.is_string();
                let id = !before && IDS.contains(&key) && !has_texts(value);
                verdict
                    || id
                    || WORDS.contains(&key)
                    || matches!(key, "deltas" | "steps" if value.is_object())
            };
            map.iter_mut()
                .filter(|(key, value)| !ours(key, value))
                .for_each(|(_, value)| poison(value, hostile, before));
        }
        _ => {}
    }
}

/// The plan with something hostile in its texts; ids have to stay what they are, since the journal names them.
fn poisoned_plan(hostile: &str) -> String {
    let escaped: String = hostile.chars().map(|c| format!("\\U{:08X}", u32::from(c))).collect();
    let plan = std::fs::read_to_string("tests/report/evening.toml").unwrap();
    let texts = ["title ", "about ", "else ", "reference ", "author ", "ticket ", "owner ", "statement "];
    let line = |line: &str| match line.rsplit_once('"') {
        Some((text, rest)) if texts.iter().any(|key| line.trim_start().starts_with(key)) => {
            format!("{text} {escaped}\"{rest}")
        }
        _ => line.to_owned(),
    };
    let lines: Vec<String> = plan.lines().map(line).collect();
    lines.join("\n")
}

/// Tags of a page, as they are written, but for figures and places in the picture.
fn tags(html: &str) -> Vec<&str> {
    let body = html.split("</style>").nth(1).unwrap();
    body.split('<').skip(1).map(|part| part.split('>').next().unwrap()).collect()
}

/// What a reader of Markdown makes of a page, without its words.
fn structure(markdown: &str) -> Vec<String> {
    let mut out = Vec::new();
    for event in Parser::new_ext(markdown, Options::all()) {
        match event {
            Event::Text(_) | Event::Code(_) => {}
            Event::InlineHtml(tag) if ["<br>"].contains(&tag.as_ref()) => out.push(tag.to_string()),
            Event::InlineHtml(tag) if ["<code>", "</code>", "<!-- -->"].contains(&tag.as_ref()) => {}
            other => out.push(format!("{other:?}")),
        }
    }
    out
}

#[test]
fn no_text_becomes_markup() {
    let mut wrong = Vec::new();
    // The same with something harmless is what it has to look like.
    for before in [false, true] {
        let harmless = Story::of(&poisoned("harmless", before), &poisoned_plan("harmless"));
        let (wanted_tags, wanted) = (harmless.written("html"), structure(&harmless.written("md")));
        let wanted_tags = tags(&wanted_tags);
        assert!(wanted_tags.len() > 1000 && wanted.len() > 1000, "{} {}", wanted_tags.len(), wanted.len());
        for hostile in HOSTILE {
            let story = Story::of(&poisoned(hostile, before), &poisoned_plan(hostile));
            let html = story.written("html");
            let found = tags(&html);
            let differs = found.iter().zip(&wanted_tags).find(|(found, wanted)| found != wanted);
            assert!(found == wanted_tags, "{hostile:?}: {differs:?}");
            let md = story.written("md");
            let found = structure(&md);
            let differs = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted);
            if found != wanted {
                wrong.push(format!("{hostile:?} (before: {before}): {differs:?}"));
            }
            for text in [&html, &md] {
                let unsafe_one = text.chars().find(|c| *c != '\n' && holdpoint::text::scrub::is_unsafe(*c));
                assert_eq!(unsafe_one, None, "{hostile:?}");
            }
            let json: Value = serde_json::from_str(&story.written("json")).unwrap();
            let note = json["notes"][0]["text"].as_str().unwrap();
            assert!(note.contains(hostile), "JSON has it as it is: {note}");
        }
    }
    assert!(wrong.is_empty(), "Markdown of another structure:\n{}", wrong.join("\n"));
}

#[test]
fn the_page_allows_nothing_but_its_own_style() {
    let html = Story::told().written("html");
    let policy =
        html.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let hash = policy.split("'sha256-").nth(1).unwrap().split('\'').next().unwrap();
    let digest = holdpoint::journal::digest(style.as_bytes());
    assert_eq!(hex_of(hash), digest, "the policy's hash is of another style");
    for bad in ["<script", "javascript:", " src=", " href=", "@import", "url(", " style=\"", " on"] {
        let found = tags(&html).into_iter().chain([style]).find(|part| part.contains(bad));
        assert_eq!(found, None, "{bad}");
    }
    assert!(style.contains("prefers-color-scheme: dark") && style.contains("@media print"));
    // Named and described for those who don't see it.
    assert!(html.contains("role=\"img\" aria-labelledby=\"timeline-title timeline-desc\""));
    assert_eq!((html.matches("<title id=").count(), html.matches("<desc id=").count()), (1, 1));
}

/// Base64 as hexadecimal.
fn hex_of(base64: &str) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String =
        base64.chars().filter_map(|c| LETTERS.find(c)).map(|six| format!("{six:06b}")).collect();
    let bytes = bits.as_bytes().chunks_exact(8).map(|byte| std::str::from_utf8(byte).unwrap());
    bytes.map(|byte| format!("{:02x}", u8::from_str_radix(byte, 2).unwrap())).collect()
}
