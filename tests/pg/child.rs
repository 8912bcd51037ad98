//! Programs that run beside us: what they say, how they end, and that nothing of them is left.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use holdpoint::pg::child::{Child, Ended, LINE_AT_MOST, Line, News, Program, Stream};

fn shell(script: &str) -> Program {
    Program {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        folder: "/".into(),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        input: Vec::new(),
        remove: Vec::new(),
    }
}

async fn all(mut child: Child) -> (Vec<Line>, Ended) {
    let mut lines = Vec::new();
    loop {
        match child.next().await {
            News::Said(line) => lines.push(line),
            News::Ended(ended) => return (lines, ended),
        }
    }
}

/// The next line of standard output as a process id.
async fn pid(child: &mut Child) -> u32 {
    match child.next().await {
        News::Said(line) => line.text.trim().parse().unwrap(),
        News::Ended(ended) => panic!("{ended:?}"),
    }
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A process that runs; one that has ended and isn't waited for yet doesn't.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[tokio::test]
async fn lines_of_both_streams_and_the_code() {
    let child = Child::start(shell("echo one; echo two >&2; printf three; exit 3")).unwrap();
    let (lines, ended) = all(child).await;
    assert_eq!(ended, Ended::Code(3));
    let of = |from| lines.iter().filter(|l| l.from == from).map(|l| l.text.as_str()).collect::<Vec<_>>();
    assert_eq!(of(Stream::Out), ["one", "three"], "the last line needs no end");
    assert_eq!(of(Stream::Err), ["two"]);
    let (_, ended) = all(Child::start(shell("kill -TERM $$")).unwrap()).await;
    assert_eq!(ended, Ended::Signal(15));
}

#[tokio::test]
async fn it_has_the_environment_the_folder_and_the_input_it_was_given() {
    let mut program = shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=; pwd; cat");
    program.environment.push(("PGHOST".into(), "h".into()));
    program.folder = "/usr".into();
    program.input = b"given\n".to_vec();
    let (lines, _) = all(Child::start(program).unwrap()).await;
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["PATH=/usr/bin:/bin", "PGHOST=h", "/usr", "given"]);
    // More than a pipe holds, and nobody reads it.
    let mut program = shell("exit 0");
    program.input = vec![b'x'; 1 << 20];
    assert_eq!(all(Child::start(program).unwrap()).await.1, Ended::Code(0));
}

#[tokio::test]
async fn a_flood_is_read_to_its_end_and_a_long_line_is_cut() {
    let child = Child::start(shell("head -c 1000000 /dev/zero | tr '\\0' x; echo; seq 100000")).unwrap();
    let (lines, ended) = all(child).await;
    assert_eq!(ended, Ended::Code(0));
    assert_eq!((lines[0].text.len(), lines[0].cut), (LINE_AT_MOST, true));
    assert_eq!((lines.len(), lines[100_000].text.as_str(), lines[1].cut), (100_001, "100000", false));
}

#[tokio::test]
async fn what_it_leaves_behind_ends_with_it() {
    let mut child = Child::start(shell("sleep 1000 & echo $!; exit 0")).unwrap();
    let left = pid(&mut child).await;
    assert_eq!(child.next().await, News::Ended(Ended::Code(0)));
    until("the sleeper's end", || !lives(left)).await;
}

#[tokio::test]
async fn one_that_left_the_group_and_holds_the_pipe_keeps_nobody() {
    let mut child = Child::start(shell("setsid sleep 1000 & echo $!; sleep 0.2; exit 0")).unwrap();
    let left = pid(&mut child).await;
    assert_eq!(child.next().await, News::Ended(Ended::Code(0)));
    assert!(lives(left), "nothing reaches it any more");
    let left = nix::unistd::Pid::from_raw(i32::try_from(left).unwrap());
    nix::sys::signal::kill(left, Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn it_is_asked_to_end_and_then_made_to() {
    // TERM, since a shell that is started with INT ignored (behind `&` or nohup) can't trap that. It
    // waits without a program of its own: the signal goes to the whole group, a `sleep` would die of
    // it, and the shell would say so.
    let script = "trap 'echo asked; exit 9' TERM; echo $$; while :; do :; done";
    let mut child = Child::start(shell(script)).unwrap();
    assert_eq!(pid(&mut child).await, child.pid());
    let mut said = Vec::new();
    let ended = child.stop(Signal::SIGTERM, Duration::from_secs(60), |line| said.push(line.text)).await;
    assert_eq!((ended, said), (Ended::Code(9), vec!["asked".to_owned()]));

    let mut child = Child::start(shell("trap '' TERM; echo $$; sleep 1000 & echo $!; wait")).unwrap();
    let (own, sleeper) = (pid(&mut child).await, pid(&mut child).await);
    assert_eq!(child.stop(Signal::SIGTERM, Duration::from_millis(50), drop).await, Ended::Signal(9));
    until("the end of both", || !lives(own) && !lives(sleeper)).await;
}

#[tokio::test]
async fn dropping_it_ends_it_and_removes_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let secret: PathBuf = folder.path().join("a secret");
    std::fs::write(&secret, "x").unwrap();
    let mut program = shell("trap '' HUP INT TERM; echo $$; sleep 1000 & echo $!; wait");
    program.remove.push(secret.clone());
    let mut child = Child::start(program).unwrap();
    let (own, sleeper) = (pid(&mut child).await, pid(&mut child).await);
    assert!(secret.exists());
    drop(child);
    until("the end of both", || !lives(own) && !lives(sleeper)).await;
    until("the file's end", || !Path::new(&secret).exists()).await;
}

#[tokio::test]
async fn its_files_are_gone_when_it_has_ended() {
    let secret = tempfile::NamedTempFile::new().unwrap().keep().unwrap().1;
    let mut program = shell("exit 0");
    program.remove.push(secret.clone());
    assert_eq!(all(Child::start(program).unwrap()).await.1, Ended::Code(0));
    assert!(!secret.exists());
}

#[tokio::test]
async fn one_that_isnt_there_says_so() {
    let mut program = shell("");
    program.program = "/nowhere/psql".into();
    let error = Child::start(program).unwrap_err();
    assert!(error.to_string().starts_with("start /nowhere/psql: No such file"), "{error}");
}

/// A server that wants a password from everybody.
#[tokio::test]
async fn a_program_of_postgresql_gets_our_connection_without_a_secret_to_see() {
    use std::os::unix::fs::PermissionsExt;
    let server = crate::common::server::TestServer::start().await;
    server.sql("postgres", "CREATE ROLE ada LOGIN PASSWORD 'ge:h\\eim'").await;
    let hba = format!("local all {} trust\nlocal all all scram-sha-256\n", server.config("x").user());
    server.write_data_file("pg_hba.conf", &hba);
    server.sql("postgres", "SELECT pg_reload_conf()").await;
    let config = server.config("postgres").with_user("ada").with_password("ge:h\\eim");
    let wrong = config.with_password("wrong");
    let began = Instant::now();
    while holdpoint::pg::Session::connect(&wrong, "test").await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(30), "the server asks for no password");
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = [("lock_timeout", "5s".to_owned()), ("search_path", "a, b".to_owned())];
    let handed = config.hand_over(folder.path(), "the app", &settings).unwrap();
    assert_eq!(handed.passfile.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let shown = format!("{:?}", handed.environment);
    assert!(!shown.contains("eim") && !shown.contains("CARGO"), "{shown}");
    let sql = "SELECT current_user, current_setting('application_name'), current_setting('lock_timeout'), \
               current_setting('search_path')";
    let program = Program {
        program: server.embedded().bin_dir().join("psql"),
        args: ["-X", "-w", "-At", "-c", sql].map(Into::into).to_vec(),
        folder: "/".into(),
        environment: handed.environment,
        input: Vec::new(),
        remove: vec![handed.passfile.clone()],
    };
    let (lines, ended) = all(Child::start(program).unwrap()).await;
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!((texts, ended), (vec!["ada|the app|5s|a, b"], Ended::Code(0)));
    assert!(!handed.passfile.exists());
}
