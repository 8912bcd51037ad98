//! What a connection string, the environment and a password file come to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdpoint::pg::{ConnectConfig, Environment, Host, RootCert, SslMode};

fn nobody() -> Environment {
    Environment::empty().with_os_user("me")
}

fn read(text: &str) -> ConnectConfig {
    ConnectConfig::parse(text, &nobody()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    ConnectConfig::parse(text, &nobody()).expect_err(text).to_string()
}

fn tcp(name: &str) -> Host {
    Host::Tcp { name: name.to_owned(), addr: None }
}

#[test]
fn defaults_are_libpqs() {
    let config = read("");
    assert_eq!(config.host(), &Host::DefaultSocket);
    assert_eq!((config.port(), config.user(), config.database()), (5432, "me", "me"));
    assert_eq!(
        (config.sslmode(), config.connect_timeout()),
        (SslMode::Prefer, Some(Duration::from_secs(10)))
    );
    assert_eq!(config.password(), None);
    assert_eq!(read("user=you").database(), "you");
    assert_eq!(read("justadatabase").database(), "justadatabase");
}

#[test]
fn urls_in_all_their_forms() {
    for (url, described) in [
        ("postgres://u:p@h:5433/d", "u@h:5433/d"),
        ("postgresql://u@h/d", "u@h:5432/d"),
        ("postgresql://h", "me@h:5432/me"),
        ("postgresql:///d", "me@local socket:5432/d"),
        ("postgresql://", "me@local socket:5432/me"),
        ("postgres://u%40x:p%3Aw@h/d%2Fe", "u@x@h:5432/d/e"),
        ("postgres://u@[::1]:5433/d", "u@[::1]:5433/d"),
        ("postgres://%2Fvar%2Frun%2Fpg/d", "me@/var/run/pg:5432/d"),
        ("postgres:///d?host=/tmp&port=6000", "me@/tmp:6000/d"),
        ("postgres://h/d?user=x&dbname=y", "x@h:5432/y"),
        ("  postgres://h/d  ", "me@h:5432/d"),
    ] {
        assert_eq!(read(url).describe(), described, "{url}");
    }
    let config = read(
        "postgres://u:p%3A%20w@h/d?sslmode=verify-full&sslrootcert=%2Fca.pem&connect_timeout=3\
         &application_name=my+app&options=-c%20a%3Db",
    );
    assert_eq!(config.password().as_deref(), Some("p: w"));
    assert_eq!(config.sslmode(), SslMode::VerifyFull);
    assert_eq!(config.sslrootcert(), Some(&RootCert::File(PathBuf::from("/ca.pem"))));
    assert_eq!(config.connect_timeout(), Some(Duration::from_secs(3)));
    assert_eq!(config.application_name(), Some("my+app"));
    assert_eq!(read("postgres://h/d?ssl=true").sslmode(), SslMode::Require);
}

#[test]
fn keywords_with_libpqs_quoting() {
    let config = read(r"host = h   port=1 user='a b' password='it\'s \\ here' dbname=a\ b");
    assert_eq!(config.describe(), "a b@h:1/a b");
    assert_eq!(config.password().as_deref(), Some(r"it's \ here"));
    assert_eq!(read("host=/tmp dbname=x").host(), &Host::Socket(PathBuf::from("/tmp")));
    assert_eq!(read("host=h host=i").host(), &tcp("i"));
    assert_eq!(read("host='' dbname=''").describe(), "me@local socket:5432/me");
    let config = read("hostaddr=127.0.0.1 host=db.example");
    assert_eq!(
        config.host(),
        &Host::Tcp { name: "db.example".into(), addr: Some("127.0.0.1".parse().unwrap()) }
    );
    assert_eq!(read("connect_timeout=0").connect_timeout(), None);
    assert_eq!(read("sslrootcert=system").sslmode(), SslMode::VerifyFull);
}

#[test]
fn what_cant_be_done_is_refused_by_name() {
    for (text, words) in [
        ("host=a,b", "several hosts"),
        ("postgres://a,b/d", "several hosts"),
        ("port=1,2", "several hosts"),
        ("sslcert=x", "sslcert=x isn't supported yet"),
        ("service=prod", "service=prod isn't supported yet"),
        ("target_session_attrs=read-write", "target_session_attrs=read-write isn't supported yet"),
        ("channel_binding=require", "say disable or prefer"),
        ("sslmode=allow", "`allow` isn't supported yet"),
        ("sslmode=verify-ca", "`verify-ca` isn't supported yet"),
        ("sslmode=on", "sslmode is disable, prefer, require or verify-full"),
        ("sslrootcert=system sslmode=require", "needs sslmode=verify-full"),
        ("keepalives_idle=3", "keepalives_idle"),
        ("prot=1", "did you mean `port`?"),
        ("passwrd=hunter2", "did you mean `password`?"),
        ("zzz=1", "unknown key `zzz`"),
        ("port=x", "port isn't a number"),
        ("port=0", "port isn't a number"),
        ("port=70000", "port isn't a number"),
        ("hostaddr=db", "an IP address is needed"),
        ("connect_timeout=soon", "a number of seconds"),
        ("keepalives=2", "keepalives is 0 or 1"),
        ("host=@abstract", "abstract sockets"),
        ("host", ""),
        ("host=h port", "no `=` after key number 2"),
        ("user='a", "doesn't end"),
        ("mysql://h/d", "isn't a PostgreSQL URL"),
        ("postgres://h/d?sslmode", "has no value"),
        ("postgres://u%zz@h/d", "without two hexadecimal digits"),
        ("postgres://u%@h/d", "without two hexadecimal digits"),
        ("postgres://u%00@h/d", "%00"),
        ("postgres://[::1/d", "close it with ]"),
        ("postgres://u%ff@h/d", "isn't UTF-8"),
    ] {
        if words.is_empty() {
            assert_eq!(read(text).database(), text);
            continue;
        }
        let error = error(text);
        assert!(error.contains(words), "{text}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    // Values that ask for what happens anyway pass.
    read(
        "target_session_attrs=any gssencmode=prefer channel_binding=prefer sslcompression=0 client_encoding=utf-8",
    );
}

#[test]
fn a_password_shows_nowhere() {
    let config = read("host=h password=hunter2");
    assert!(!format!("{config:?} {config} {:?}", config.libpq_environment()).contains("hunter2"));
    let environment = nobody().with("PGPASSWORD", "hunter2");
    assert!(!format!("{environment:?}").contains("hunter2"));
    for text in
        ["password=hunter2 port=x", "host=h hunter2", "postgres://u:hunter2@h:x/d", "password='hunter2"]
    {
        assert!(!error(text).contains("hunter2"), "{}", error(text));
    }
}

#[test]
fn the_environment_fills_in_what_isnt_given() {
    let environment = nobody()
        .with("PGHOST", "envhost")
        .with("PGPORT", "6543")
        .with("PGUSER", "envuser")
        .with("PGPASSWORD", "envpw")
        .with("PGDATABASE", "envdb")
        .with("PGSSLMODE", "require")
        .with("PGSSLROOTCERT", "/ca")
        .with("PGAPPNAME", "envapp")
        .with("PGCONNECT_TIMEOUT", "7")
        .with("PGOPTIONS", "-c x.y=z");
    let config = ConnectConfig::from_environment(&environment).unwrap();
    assert_eq!(config.describe(), "envuser@envhost:6543/envdb");
    assert_eq!((config.sslmode(), config.password().as_deref()), (SslMode::Require, Some("envpw")));
    assert_eq!(
        (config.application_name(), config.connect_timeout()),
        (Some("envapp"), Some(Duration::from_secs(7)))
    );
    let config = ConnectConfig::parse("postgres://u@h/d?sslmode=disable", &environment).unwrap();
    assert_eq!((config.describe().as_str(), config.sslmode()), ("u@h:6543/d", SslMode::Disable));

    let refused = |name: &str, value: &str| {
        ConnectConfig::from_environment(&nobody().with(name, value)).unwrap_err().to_string()
    };
    assert!(refused("PGSERVICE", "prod").contains("PGSERVICE (service)=prod isn't supported yet"));
    assert!(refused("PGSSLCERT", "/x").contains("PGSSLCERT"));
    assert!(refused("PGPORT", "x").contains("PGPORT isn't a number"));
    let config = ConnectConfig::from_environment(&nobody().with("PGCLIENTENCODING", "LATIN1")).unwrap();
    assert!(config.warnings()[0].contains("holdpoint speaks UTF8"));
    let nameless = ConnectConfig::parse("host=h", &Environment::empty()).unwrap_err().to_string();
    assert!(nameless.contains("no user is given"), "{nameless}");
}

fn passfile(dir: &Path, text: &str, mode: u32) -> PathBuf {
    let path = dir.join(".pgpass");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn the_password_file_is_found_and_matched() {
    let home = tempfile::tempdir().unwrap();
    passfile(home.path(), "h:5432:d:u:one\nlocalhost:*:*:me:local\n/sock:*:*:me:sock\n*:*:*:u:any\n", 0o600);
    let environment = nobody().with_home(home.path());
    let password = |text: &str| ConnectConfig::parse(text, &environment).unwrap().password();
    assert_eq!(password("host=h user=u dbname=d").as_deref(), Some("one"));
    assert_eq!(password("host=h user=u dbname=e").as_deref(), Some("any"));
    assert_eq!(password("host=h user=v dbname=d"), None);
    assert_eq!(password("").as_deref(), Some("local"), "a default socket is localhost");
    assert_eq!(password("host=/tmp").as_deref(), Some("local"));
    assert_eq!(password("host=/sock").as_deref(), Some("sock"));
    assert_eq!(password("host=h user=u dbname=d password=given").as_deref(), Some("given"));
    let config = ConnectConfig::parse("host=h user=u dbname=d", &environment).unwrap();
    assert_eq!(config.with_database("other").password().as_deref(), Some("any"));
    assert_eq!(config.passfile_line().as_deref(), Some("h:5432:d:u:one\n"));

    let other = tempfile::tempdir().unwrap();
    let path = passfile(other.path(), "*:*:*:*:other\n", 0o600);
    let environment = environment.with("PGPASSFILE", path.to_str().unwrap());
    assert_eq!(
        ConnectConfig::parse("host=h user=u", &environment).unwrap().password().as_deref(),
        Some("other")
    );
}

#[test]
fn a_password_file_that_others_can_read_is_ignored_with_a_warning() {
    let home = tempfile::tempdir().unwrap();
    for mode in [0o640, 0o604, 0o660] {
        let path = passfile(home.path(), "*:*:*:*:secret\n", mode);
        let config = ConnectConfig::parse("host=h", &nobody().with_home(home.path())).unwrap();
        assert_eq!(config.password(), None);
        assert!(
            config.warnings()[0].contains(&format!("chmod 0600 {}", path.display())),
            "{:?}",
            config.warnings()
        );
        fs::remove_file(path).unwrap();
    }
    let config = ConnectConfig::parse("host=h", &nobody().with_home(home.path())).unwrap();
    assert!(config.warnings().is_empty(), "no file, no warning");
}
