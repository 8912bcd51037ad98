//! A tmux server of a test's own, gone with the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::pty::Pty;

pub struct Tmux {
    socket: PathBuf,
    _dir: tempfile::TempDir,
}

impl Tmux {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self { socket: dir.path().join("tmux"), _dir: dir }
    }

    pub fn socket(&self) -> String {
        self.socket.display().to_string()
    }

    /// What it answers.
    #[track_caller]
    pub fn ask(&self, args: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(args).stdin(Stdio::null()).env_remove("TMUX");
        let output = command.output().expect("tmux is installed: .ci/run names what the tests need");
        assert!(output.status.success(), "tmux {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A client in a terminal of its own, without the settings of whoever runs the test.
    pub fn client(&self, args: &[&str], environment: &[(String, String)], columns: u16, lines: u16) -> Pty {
        let socket = self.socket();
        let args: Vec<&str> =
            ["-u", "-f", "/dev/null", "-S", &socket].into_iter().chain(args.iter().copied()).collect();
        Pty::of("tmux", &args, Path::new("/"), environment, columns, lines)
    }

    /// As when the machine's memory runs out: the server dies, and all that runs in it is hung up on.
    pub fn kill(&self) {
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .arg("kill-server")
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.kill();
    }
}
