use holdpoint::plan::{FileCheck, LoadOptions, load};
#[test]
fn drafts() {
    for name in [
        "kochel-phase-a",
        "v7-database-phase",
        "cloud-migration-lane3",
        "production-promotion",
        "week2-staging",
    ] {
        let path = std::path::PathBuf::from(format!("tests/plans/{name}.toml"));
        match load(&path, LoadOptions { files: FileCheck::Skip }) {
            Ok(l) => println!("== {name} ok\n{}", l.warnings),
            Err(e) => println!("== {name} ERR\n{e}"),
        }
    }
}
#[test]
fn tmp_show() {
    let path = std::path::PathBuf::from("tests/plans/kochel-phase-a.toml");
    let l = load(&path, LoadOptions { files: FileCheck::Skip }).unwrap();
    println!("{}", holdpoint::plan::show::tree(&l.plan, 120));
    println!("{}", holdpoint::plan::show::rollback(&l.plan, 100));
    let path = std::path::PathBuf::from("tests/plans/cloud-migration-lane3.toml");
    let l = load(&path, LoadOptions { files: FileCheck::Skip }).unwrap();
    println!("{}", holdpoint::plan::show::rollback(&l.plan, 100));
}
