//! Where the server programs are, and how to get them when they aren't anywhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::EmbeddedError;

/// A folder with `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    pub bin_dir: PathBuf,
    /// In full, like `15.4 (Debian 15.4-1)`: a data folder only fits its own.
    pub version: String,
}

impl Programs {
    /// In this order: the folder that was named, HOLDPOINT_PG_BIN, `pg_config`, PATH, and the newest in
    /// the places where packages put them.
    pub fn find(named: Option<&Path>) -> Result<Self, EmbeddedError> {
        let from_variable =
            std::env::var_os("HOLDPOINT_PG_BIN").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        if let Some(dir) = named.map(Path::to_owned).or(from_variable) {
            return Self::in_folder(&dir);
        }
        candidates()
            .iter()
            .find_map(|dir| Self::in_folder(dir).ok())
            .ok_or_else(|| EmbeddedError::NotInstalled { install: install_hint() })
    }

    fn in_folder(dir: &Path) -> Result<Self, EmbeddedError> {
        for program in ["initdb", "postgres"] {
            if !dir.join(program).is_file() {
                return Err(EmbeddedError::NotThere { dir: dir.to_owned(), program });
            }
        }
        // Absolute and without links: the server starts in another folder.
        let bin_dir = dir.canonicalize().map_err(EmbeddedError::io("read", dir))?;
        let program = bin_dir.join("postgres");
        let broken = |reason: String| EmbeddedError::Broken { program: program.clone(), reason };
        let output =
            Command::new(&program).arg("--version").output().map_err(|error| broken(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        match text.trim().strip_prefix("postgres (PostgreSQL) ") {
            Some(version) if output.status.success() => Ok(Self { bin_dir, version: version.to_owned() }),
            _ => Err(broken(format!("it calls itself `{}`", text.trim()))),
        }
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }
}

/// Folders in which programs of PostgreSQL may be: pg_config's, PATH, and packages' places, newest first.
pub(in crate::pg) fn candidates() -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output()
        && output.status.success()
    {
        dirs.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    dirs.extend(
        std::env::var_os("PATH").iter().flat_map(std::env::split_paths).filter(|dir| dir.is_absolute()),
    );
    let mut packaged = Vec::new();
    for pattern in [
        "/usr/lib/postgresql/*/bin",
        "/usr/pgsql-*/bin",
        "/usr/libexec/postgresql*",
        "/opt/homebrew/opt/postgresql*/bin",
        "/usr/local/opt/postgresql*/bin",
    ] {
        let found = glob::glob(pattern).into_iter().flatten().filter_map(Result::ok);
        packaged.extend(found.map(|dir| (version_in(&dir), dir)));
    }
    packaged.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    dirs.extend(packaged.into_iter().map(|(_, dir)| dir));
    dirs
}

/// The version in a path like /usr/lib/postgresql/15/bin or …/opt/postgresql@16/bin; 9.6 sorts before 10.
fn version_in(dir: &Path) -> f64 {
    let text = dir.to_string_lossy();
    let mut numbers = text.split(|character: char| !character.is_ascii_digit() && character != '.');
    numbers.find_map(|number| number.parse().ok()).unwrap_or(0.0)
}

/// One line that says what to install here.
pub fn install_hint() -> String {
    match install_command() {
        Some(command) => format!("install them with `{}`", command.join(" ")),
        None => "install PostgreSQL's server package, or name its folder with --pg-bin".to_owned(),
    }
}

/// What this system's package manager is to be called with; run it only when a person agreed.
pub fn install_command() -> Option<Vec<String>> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let root = nix::unistd::geteuid().is_root();
    command_for(&release, cfg!(target_os = "macos"), root)
}

fn command_for(os_release: &str, macos: bool, root: bool) -> Option<Vec<String>> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let family = format!("{} {}", value("ID"), value("ID_LIKE"));
    let is = |names: &[&str]| family.split_whitespace().any(|word| names.contains(&word));
    let command: &[&str] = if macos {
        &["brew", "install", "postgresql@17"]
    } else if is(&["debian", "ubuntu"]) {
        &["apt-get", "install", "-y", "postgresql"]
    } else if is(&["fedora", "rhel", "centos"]) {
        &["dnf", "install", "-y", "postgresql-server"]
    } else if is(&["alpine"]) {
        &["apk", "add", "postgresql"]
    } else if is(&["arch"]) {
        &["pacman", "-S", "--noconfirm", "postgresql"]
    } else if is(&["suse", "opensuse"]) {
        &["zypper", "--non-interactive", "install", "postgresql-server"]
    } else {
        return None;
    };
    // Homebrew refuses to run as root; the others need it.
    let sudo = (!root && !macos).then_some("sudo");
    Some(sudo.into_iter().chain(command.iter().copied()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_its_own_command() {
        let line =
            |release: &str, macos, root| command_for(release, macos, root).map(|words| words.join(" "));
        assert_eq!(line("ID=debian\n", false, true).unwrap(), "apt-get install -y postgresql");
        assert_eq!(
            line("ID=mint\nID_LIKE=\"ubuntu debian\"", false, false).unwrap(),
            "sudo apt-get install -y postgresql"
        );
        assert_eq!(
            line("ID=rocky\nID_LIKE=\"rhel centos fedora\"", false, true).unwrap(),
            "dnf install -y postgresql-server"
        );
        assert_eq!(line("ID=alpine", false, true).unwrap(), "apk add postgresql");
        assert_eq!(line("", true, false).unwrap(), "brew install postgresql@17");
        assert_eq!(line("ID=plan9", false, true), None);
    }

    #[test]
    fn the_newest_version_comes_first() {
        assert!(
            version_in(Path::new("/usr/lib/postgresql/9.6/bin"))
                < version_in(Path::new("/usr/lib/postgresql/15/bin"))
        );
        assert!(
            version_in(Path::new("/opt/homebrew/opt/postgresql@16/bin"))
                > version_in(Path::new("/usr/pgsql-15/bin"))
        );
    }

    #[test]
    fn a_named_folder_without_the_programs_says_so() {
        let error = Programs::find(Some(Path::new("/etc"))).unwrap_err();
        assert!(matches!(error, EmbeddedError::NotThere { .. }), "{error}");
    }
}
