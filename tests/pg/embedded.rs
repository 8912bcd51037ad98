//! The private server: found, started, hidden, stopped, swept.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::server::TestServer;
use holdpoint::pg::Session;
use holdpoint::pg::embedded::{Embedded, EmbeddedError, Options, sweep};

/// Returns when `what` is so; shows its name when it doesn't come.
fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !so() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Not a zombie: in a container nobody may collect those.
    stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(' ') && !rest.starts_with(" Z"))
}

/// Not a test by itself: a program that owns a server until its standard input ends.
#[tokio::test]
#[ignore = "started by the others as a process of its own"]
async fn owner() {
    let keep = std::env::var_os("TEST_OWNER_KEEPS").is_some();
    let server = match Embedded::start(Options { keep, ..Options::default() }).await {
        Ok(server) => server,
        Err(error) => return println!("\nfailed: {error}"),
    };
    println!("\nserver {} {}", server.pid(), server.dir().display());
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    if keep {
        println!("\n{}", server.keep().connect);
    } else {
        server.stop().await;
    }
}

struct Owner {
    child: Child,
    pid: u32,
    dir: PathBuf,
    /// Kept open: the owner has more to say.
    _output: BufReader<std::process::ChildStdout>,
}

fn spawn_owner(command: &mut Command) -> Child {
    command.args(["embedded::owner", "--exact", "--ignored", "--nocapture"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the owner starts")
}

fn await_owner(mut child: Child) -> Owner {
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).unwrap() == 0 {
            panic!("no server: {said}");
        }
        if let Some((pid, dir)) =
            line.trim_end().strip_prefix("server ").and_then(|rest| rest.split_once(' '))
        {
            return Owner { child, pid: pid.parse().unwrap(), dir: PathBuf::from(dir), _output: output };
        }
        said.push_str(&line);
    }
}

fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

#[tokio::test]
async fn it_is_private_and_gone_afterwards() {
    let server = TestServer::start().await;
    let embedded = server.embedded();
    let dir = embedded.dir().to_owned();
    assert_eq!(
        server.value("postgres", "SELECT current_user || ' ' || current_setting('listen_addresses')").await,
        "postgres "
    );
    let meta = std::fs::metadata(&dir).unwrap();
    assert_eq!(meta.mode() & 0o777, 0o700);
    assert!(dir.join(".s.PGSQL.5432").as_os_str().len() < 107);
    let process = std::fs::metadata(format!("/proc/{}", embedded.pid())).unwrap();
    assert_ne!(process.uid(), 0);
    assert_eq!(meta.uid(), process.uid());
    // No supplementary group of ours is left, and no TCP socket is listened on.
    let status = std::fs::read_to_string(format!("/proc/{}/status", embedded.pid())).unwrap();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap().trim().to_owned();
    if nix::unistd::geteuid().is_root() {
        assert_eq!(groups, "");
    }
    let address = std::fs::read_to_string(embedded.data_dir().join("postmaster.pid")).unwrap();
    assert_eq!(address.lines().nth(5), Some(""), "the listen address");
    assert_eq!(server.psql("postgres", "SELECT 1 + 1"), "2");
    let database = server.fresh_database().await;
    server.sql(&database, "CREATE TABLE t (x int);\nSELECT 'two\nlines'").await;
    let statements = server.statements(&database);
    assert_eq!(statements.last().unwrap().1, "CREATE TABLE t (x int);\nSELECT 'two\nlines'");
    assert_eq!(statements.last().unwrap().0, "holdpoint test");

    let pid = embedded.pid();
    drop(server);
    assert!(!alive(pid) && !dir.exists());
}

#[tokio::test]
async fn it_restarts_with_its_data_and_stops_under_load() {
    let mut server = TestServer::start().await;
    server.sql("postgres", "CREATE TABLE t AS SELECT 7 AS x").await;
    let mut session = server.session("postgres").await;
    session.queue_simple("SELECT pg_sleep(600)").unwrap();
    session.flush().await.unwrap();
    server.restart().await;
    assert_eq!(server.value("postgres", "SELECT x FROM t").await, "7");
    let _busy = server.session("postgres").await;
}

#[tokio::test]
async fn a_setting_that_doesnt_exist_shows_the_log() {
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let error = Embedded::start(Options { settings, ..Options::default() }).await.unwrap_err();
    assert!(matches!(&error, EmbeddedError::Start { log, .. } if log.contains("no_such_setting")), "{error}");
}

#[tokio::test]
async fn a_folder_without_programs_is_named() {
    let options = Options { bin_dir: Some(PathBuf::from("/etc")), ..Options::default() };
    let error = Embedded::start(options).await.unwrap_err();
    assert!(error.to_string().contains("/etc has no initdb"), "{error}");
}

/// Also with nothing in the cache, where both make the template, and with a damaged one.
#[test]
fn two_at_once_and_a_damaged_template() {
    let cache = tempfile::tempdir().unwrap();
    let start = || spawn_owner(this_program().env("XDG_CACHE_HOME", cache.path()));
    let (first, second) = (start(), start());
    let owners = [await_owner(first), await_owner(second)];
    assert_ne!(owners[0].dir, owners[1].dir);
    for mut owner in owners {
        drop(owner.child.stdin.take());
        assert!(owner.child.wait().unwrap().success());
        assert!(!alive(owner.pid) && !owner.dir.exists());
    }
    let entries = |suffix: &str| {
        let names = std::fs::read_dir(cache.path().join("holdpoint")).unwrap();
        let names = names.map(|entry| entry.unwrap().path());
        names.filter(|path| path.to_string_lossy().ends_with(suffix)).collect::<Vec<_>>()
    };
    let templates: Vec<_> = entries("").into_iter().filter(|path| path.is_dir()).collect();
    assert_eq!((templates.len(), entries(".making").len()), (1, 0), "{templates:?}");

    std::fs::write(templates[0].join("global/pg_control"), "nonsense").unwrap();
    let mut owner = await_owner(start());
    drop(owner.child.stdin.take());
    assert!(owner.child.wait().unwrap().success());
    assert!(std::fs::read(templates[0].join("global/pg_control")).unwrap().len() > 1000, "made anew");
}

#[test]
fn a_killed_owner_takes_its_server_along_and_is_swept() {
    let mut owner = await_owner(spawn_owner(&mut this_program()));
    let (pid, dir) = (owner.pid, owner.dir.clone());
    assert!(alive(pid) && dir.exists());
    sweep();
    assert!(dir.exists(), "nobody sweeps what is in use");
    owner.child.kill().unwrap();
    owner.child.wait().unwrap();
    wait_until("the server ends by itself", || !alive(pid));
    sweep();
    wait_until("the folder is gone", || !dir.exists()); // perhaps it's another test that sweeps it
}

#[test]
fn a_kept_server_survives_and_isnt_swept() {
    let mut owner = await_owner(spawn_owner(this_program().env("TEST_OWNER_KEEPS", "1")));
    owner.child.kill().unwrap();
    owner.child.wait().unwrap();
    sweep();
    assert!(alive(owner.pid) && owner.dir.exists());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = holdpoint::pg::ConnectConfig::socket(&owner.dir, 5432, "postgres", "postgres");
    runtime.block_on(async { Session::connect(&config, "test").await.unwrap().close().await });
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(owner.pid as i32), nix::sys::signal::Signal::SIGINT)
        .unwrap();
    wait_until("the server ends", || !alive(owner.pid));
    std::fs::remove_dir_all(&owner.dir).unwrap();
}

/// The temporary folder is open to everybody: nothing in it is believed.
#[test]
fn a_sweep_leaves_what_isnt_ours_and_kills_no_stranger() {
    let base = std::env::temp_dir();
    let make = |name: &str, mode: u32| {
        let dir = base.join(format!("holdpoint-pg-{name}{}", std::process::id()));
        std::fs::create_dir_all(dir.join("data")).unwrap();
        std::fs::write(dir.join("owner"), "1\n").unwrap();
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).unwrap();
        dir
    };
    let open = make("open", 0o755);
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    let ours = make("ours", 0o700);
    std::fs::write(ours.join("data/postmaster.pid"), format!("{}\n", stranger.id())).unwrap();
    let link = base.join(format!("holdpoint-pg-link{}", std::process::id()));
    std::os::unix::fs::symlink(&open, &link).unwrap();
    sweep();
    wait_until("the folder of ours is gone", || !ours.exists());
    assert!(open.exists() && link.exists());
    assert!(stranger.try_wait().unwrap().is_none(), "a process with that id isn't a server");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    std::fs::remove_file(link).unwrap();
    std::fs::remove_dir_all(open).unwrap();
}

#[test]
fn it_works_as_a_normal_user_too() {
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: all the other tests have run as a normal user");
    }
    // Copied to where that user can read it.
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("owner");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let user = nix::unistd::User::from_name("nobody").unwrap().expect("a user nobody");
    let mut command = Command::new(&program);
    {
        use std::os::unix::process::CommandExt;
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let cache = dir.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    std::os::unix::fs::chown(&cache, Some(user.uid.as_raw()), None).unwrap();
    command.env("HOME", "/nonexistent").env("XDG_CACHE_HOME", &cache).current_dir("/");
    let mut owner = await_owner(spawn_owner(&mut command));
    let uid = |path: &Path| std::fs::metadata(path).unwrap().uid();
    assert_eq!(uid(&owner.dir), user.uid.as_raw());
    assert_eq!(uid(Path::new(&format!("/proc/{}", owner.pid))), user.uid.as_raw());
    drop(owner.child.stdin.take());
    assert!(owner.child.wait().unwrap().success());
    assert!(!owner.dir.exists() && !alive(owner.pid));
}
