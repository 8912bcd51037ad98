//! What a text is as a cell before there is anything to compare it with: an error with its reason, or
//! the names that it needs.

use holdpoint::plan::expect::Cell;

#[test]
fn what_is_no_cell() {
    let cases = [
        ("=", "for the empty text write \"\""),
        ("!=", "~ ."),
        (">=", "nothing stands after >="),
        ("<= ", "nothing stands after <="),
        ("~", "write \"= ~\""),
        ("~ ", "nothing stands after ~"),
        ("~ (", "isn't a regular expression: unclosed group"),
        ("~ ^{schema}", "isn't a regular expression"),
        ("~^x", "put a blank after ~"),
        ("~/backup", "put a blank after ~"),
        (">= 5 rows", "\"rows\" can't follow"),
        (">= five", "\"five\" isn't a number"),
        (">five", "put a blank after >"),
        ("> 1,000", "\"1,000\" isn't a number"),
        (">= 10%", "10% of what?"),
        (">= 5 + 3", "no saved value"),
        ("< 5m", "\"5m\" isn't a number"),
        (">= 2024-13-01", "no saved value"),
        ("=foo", "put a blank after ="),
        ("!=foo", "put a blank after !="),
        ("= null", "write \"is null\""),
        ("!= NULL", "write \"is not null\""),
        ("!= 'failed'", "the quotes would be part"),
        ("= \"x\"", "the quotes would be part"),
        ("== 5", "== isn't a condition"),
        ("<> 5", "write != "),
        ("=> 5", "write >= "),
        ("!~ x", "isn't a condition"),
        ("~* x", "(?i)"),
        ("5..", "has no end; write \">= 5\""),
        ("..5", "has no beginning; write \"<= 5\""),
        ("2024-02-06..", "has no end"),
        ("{before}..", "has no end"),
        ("5..x", "\"x\" isn't an end of a range"),
        ("5...10", "isn't an end of a range"),
        ("10..5", "backwards"),
        ("2024-02-06..2024-02-01", "backwards"),
        ("5..2024-02-01", "aren't of one kind"),
        ("09:00..2024-02-01", "aren't of one kind"),
        ("230..260MB", "has no unit"),
        ("1MB..5", "has none"),
        ("{before} +", "begins as arithmetic, but it ends"),
        ("{before} + rows", "\"rows\" isn't a number"),
        ("{before}+16", "put blanks around"),
        ("<= {before} +", "it ends"),
        ("<= ({before} + 1", "isn't closed"),
        ("<= {be fore}", "isn't a name"),
        ("<= {before", "isn't closed"),
    ];
    for (source, words) in cases {
        let error = match Cell::text(source) {
            Ok(cell) => panic!("{source:?} is {cell:?}"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(words), "{source:?}: {error}");
    }
}

#[test]
fn names_are_known_before_anything_runs() {
    let names = |source: &str| Cell::text(source).unwrap().saved_names();
    assert_eq!(names("{a} + {b} * {a}"), ["a", "b"]);
    assert_eq!(names("<= {a} + 10%"), ["a"]);
    assert_eq!(names("{a}..{b} + 1"), ["a", "b"]);
    assert_eq!(names("v{a}.{b}"), ["a", "b"]);
    assert!(names("{\"a\": 1}").is_empty());
    assert!(names("{1,2}").is_empty());
    assert!(names("{}").is_empty());
    assert!(Cell::literal("{a}").saved_names().is_empty());
}
