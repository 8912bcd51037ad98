//! The move to another server, as a demo shows it; its runs and failures are in `tests/two_servers`.

use crate::book::Book;
use crate::scene::Said;
use crate::scene::corner::Corner;

#[test]
fn the_demo_moves_a_database() {
    let corner = Corner::new();
    let said = Said::by(corner.command("demo cloud-migration-lane3 --plain --events events.jsonl"));
    said.exits(0)
        .says("the same: 5 tables")
        .says("every required key is present")
        .says("taken as done (not asked for on a private server: a rehearsal of cloud-migration-lane3");
    // Nobody has rehearsed anything: what rests on that is the demo's word.
    let text = std::fs::read_to_string(corner.tmp.path().join("events.jsonl")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let ticked = events.filter(|event| event["event"] == "confirmed").collect::<Vec<_>>();
    let how = |item: &str| {
        let found = ticked.iter().find(|event| event["item"] == item);
        found.unwrap_or_else(|| panic!("{item} isn't ticked: {ticked:#?}"))["by"]["how"].clone()
    };
    assert_eq!(how("Rollback rehearsed in 15 minutes"), "demo");
    assert_eq!(how("Rowcounts equal (exact)"), "proof");
    std::fs::remove_file(corner.tmp.path().join("events.jsonl")).unwrap();
    corner.is_clean();
}

/// On private servers, both of them; on a copy of staging it is in `tests/two_servers`.
#[tokio::test]
async fn it_is_rehearsed() {
    let book = Book::of_source("cloud-migration-lane3", "lane3").await;
    book.rehearse().exits(0).says("residue none").says("of the 15:00 allowed");
}
