//! What a plan is read from, and the files it names: there, below `sql_dir`, and nowhere else.

use std::path::{Path, PathBuf};

use holdpoint::plan::diagnostic::Diagnostics;
use holdpoint::plan::digest::{Change, digest};
use holdpoint::plan::model::{Action, PlanFile, Undo};
use holdpoint::plan::{LoadOptions, Loaded, load};

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
    std::fs::write(path, bytes).expect("write");
}

/// A folder with a plan of one step, and `sql/` beside it.
fn folder(step: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("tempdir");
    std::fs::create_dir(dir.path().join("sql")).expect("sql");
    let plan = dir.path().join("plan.toml");
    write(
        &plan,
        format!(
            "[plan]\nid = \"p\"\ntitle = \"P\"\nenvironment = \"dev\"\nsql_dir = \"sql\"\n\n\
             [[phase]]\nid = \"one\"\ntitle = \"One\"\n[[phase.step]]\nid = \"s\"\ntitle = \"S\"\n{step}\n"
        ),
    );
    (dir, plan)
}

fn ok(plan: &Path) -> Loaded {
    load(plan, LoadOptions::default()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn errors(plan: &Path) -> Diagnostics {
    load(plan, LoadOptions::default()).expect_err("a bad plan")
}

/// The one message about a plan.
fn message(plan: &Path) -> String {
    let found = errors(plan);
    let errors: Vec<_> = found.of(holdpoint::plan::diagnostic::Severity::Error).collect();
    assert_eq!(errors.len(), 1, "{found}");
    errors[0].message.clone()
}

#[test]
fn what_is_no_plan_has_one_message() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("plan.toml");
    assert_eq!(message(&path), "there is no such file");
    assert_eq!(message(dir.path()), "this is a directory, not a plan");
    for (bytes, expected) in [
        (&b""[..], "the file is empty"),
        (b" \n\t\n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"[plan]\nid = \"\xff\"", "the file isn't UTF-8: byte 13 (line 2) is 0xff"),
        (b"\xff\xfe[\x00p\x00", "the file isn't UTF-8: byte 0 (line 1) is 0xff"),
    ] {
        write(&path, bytes);
        assert_eq!(message(&path), expected);
    }
    let file = std::fs::File::create(&path).expect("create");
    file.set_len(65 * 1024 * 1024).expect("a sparse file");
    assert_eq!(message(&path), "the file is larger than 64 MiB");
    assert_eq!(message(Path::new("/dev/zero")), "this is not a regular file");
    let text = errors(&dir.path().join("no.toml")).to_string();
    assert_eq!(
        text,
        format!(
            "{}: error: there is no such file\n      help: name the plan's TOML file\n",
            dir.path().join("no.toml").display()
        )
    );
}

#[test]
fn bom_and_windows_line_ends_are_read() {
    let (_dir, plan) = folder("confirm = \"x\"");
    let text = std::fs::read_to_string(&plan).expect("plan");
    write(&plan, format!("\u{feff}{}", text.replace('\n', "\r\n")));
    assert_eq!(ok(&plan).plan.id, "p");
    write(&plan, format!("\u{feff}{}x = 1\r\n", text.replace('\n', "\r\n")));
    let found = errors(&plan);
    assert_eq!((found.all[0].line, found.all[0].column), (14, 1), "{found}");
}

#[test]
fn files_must_be_there() {
    let (dir, plan) = folder("file = \"a.sql\"\nrollback = { file = \"b.sql\" }");
    let found = errors(&plan);
    let shown = dir.path().canonicalize().expect("folder").join("sql");
    let messages: Vec<_> = found.all.iter().map(|d| (d.line, d.column, d.message.clone())).collect();
    assert_eq!(
        messages,
        [
            (13, 8, format!("there is no file `a.sql` in {}", shown.display())),
            (14, 21, format!("there is no file `b.sql` in {}", shown.display())),
        ]
    );
    write(&dir.path().join("sql/a.sql"), "SELECT 1;");
    std::fs::create_dir(dir.path().join("sql/b.sql")).expect("folder");
    assert_eq!(message(&plan), "`b.sql` is a directory, not a file");
    std::fs::remove_dir(dir.path().join("sql/b.sql")).expect("remove");
    write(&dir.path().join("sql/b.sql"), "SELECT 2;");
    assert_eq!(ok(&plan).plan.files.len(), 2);
    std::fs::remove_dir_all(dir.path().join("sql")).expect("remove");
    assert_eq!(message(&plan), "`sql_dir`: there is no folder `sql`");
}

#[test]
fn links_may_lead_around_but_not_out() {
    let (dir, plan) = folder("file = \"a.sql\"\nirreversible = \"x\"");
    let sql = dir.path().join("sql");
    write(&sql.join("real.sql"), "SELECT 1;");
    std::os::unix::fs::symlink("real.sql", sql.join("a.sql")).expect("link");
    ok(&plan);
    std::fs::remove_file(sql.join("a.sql")).expect("remove");
    std::os::unix::fs::symlink("/etc/hostname", sql.join("a.sql")).expect("link");
    let told = message(&plan);
    assert!(told.starts_with("`a.sql` leads out of "), "{told}");
    // The folder itself may be a link.
    std::fs::rename(&sql, dir.path().join("elsewhere")).expect("rename");
    std::os::unix::fs::symlink("elsewhere", &sql).expect("link");
    std::fs::remove_file(sql.join("a.sql")).expect("remove");
    write(&sql.join("a.sql"), "SELECT 1;");
    ok(&plan);
}

#[test]
fn globs_are_sorted_and_undone_last_first() {
    let (dir, plan) = folder("files = \"up/*.sql\"\nrollback = { files = \"down/{file}\" }");
    let told = message(&plan);
    assert!(told.starts_with("`files` matches nothing: `up/*.sql` in "), "{told}");
    for name in ["002.sql", "010.sql", "001.sql"] {
        write(&dir.path().join("sql/up").join(name), "SELECT 1;");
        write(&dir.path().join("sql/down").join(name), "SELECT 1;");
    }
    write(&dir.path().join("sql/up/.hidden.sql"), "");
    write(&dir.path().join("sql/up/deeper/003.sql"), "");
    let loaded = ok(&plan);
    let step = &loaded.plan.phases[0].steps[0];
    let names = |action: &Action| match action {
        Action::Files { files, .. } => files.iter().map(|f| f.name.clone()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(names(&step.action), ["up/001.sql", "up/002.sql", "up/010.sql"]);
    let Some(Undo::Own(undo)) = &step.rollback else { panic!("no rollback") };
    assert_eq!(names(&undo.action), ["down/010.sql", "down/002.sql", "down/001.sql"]);
    assert_eq!(loaded.plan.files.len(), 6);
    std::fs::remove_file(dir.path().join("sql/down/002.sql")).expect("remove");
    assert!(message(&plan).starts_with("there is no file `down/002.sql` in "));
}

#[test]
fn a_folder_with_pattern_characters_is_no_pattern() {
    let dir = tempfile::tempdir().expect("tempdir");
    let odd = dir.path().join("a[b]*");
    write(&odd.join("x.sql"), "SELECT 1;");
    write(
        &odd.join("plan.toml"),
        "[plan]\nid = \"p\"\ntitle = \"P\"\nenvironment = \"dev\"\n[[phase]]\ntitle = \"One\"\n\
         [[phase.step]]\nid = \"s\"\ntitle = \"S\"\nfiles = \"*.sql\"\nirreversible = \"x\"\n",
    );
    assert_eq!(ok(&odd.join("plan.toml")).plan.files[0].name, "x.sql");
}

#[test]
fn the_digest_names_what_changed() {
    let (dir, plan) = folder("file = \"a.sql\"\nrollback = { file = \"b.sql\" }");
    let sql = dir.path().join("sql");
    write(&sql.join("a.sql"), "SELECT 1;");
    write(&sql.join("b.sql"), "SELECT 2;");
    let loaded = ok(&plan);
    let before = digest(&loaded.plan, &loaded.source, &[]).expect("digest");
    let names: Vec<_> = before.files.iter().map(|f| (f.name.as_str(), f.bytes)).collect();
    assert_eq!(names, [("", loaded.source.len() as u64), ("a.sql", 9), ("b.sql", 9)]);
    write(&sql.join("b.sql"), "SELECT 3;");
    let after = digest(&loaded.plan, &loaded.source, &[]).expect("digest");
    assert_eq!(before.changes(&after), [Change::Changed("b.sql".into())]);
    assert_ne!(before.sha256, after.sha256);
    let included = PlanFile { name: "inc/c.sql".into(), path: sql.join("inc/c.sql") };
    write(&included.path, "SELECT 4;");
    let more = digest(&loaded.plan, &loaded.source, std::slice::from_ref(&included)).expect("digest");
    assert_eq!(after.changes(&more), [Change::Added("inc/c.sql".into())]);
    std::fs::remove_file(sql.join("a.sql")).expect("remove");
    let gone = digest(&loaded.plan, &loaded.source, &[]).expect_err("a.sql is gone").to_string();
    assert!(gone.contains("a.sql") && gone.contains("it was there when the plan was loaded"), "{gone}");
}
