//! The plans that are killed and resumed: the shipped ones, and those made for it.

use std::path::{Path, PathBuf};

use crate::lab::{Lab, Scenario};

impl Lab {
    /// The shipped plan: its guards name a server and a database that aren't ours.
    pub async fn kochel(&self) -> Scenario {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(root.join("plans/kochel-phase-a.toml")).unwrap();
        let mut guards = false;
        let lines: Vec<String> = text
            .lines()
            .filter(|line| {
                guards = if line.starts_with('[') { line.starts_with("[target]") } else { guards };
                let key = line.split('=').next().unwrap_or_default().trim();
                !(guards && matches!(key, "database" | "host" | "port" | "user"))
            })
            .map(|line| {
                line.replace("db_name = \"postgres\"", "db_name = \"is not null\"").replace(
                    "\"../migrations/kochel\"",
                    &format!("\"{}\"", root.join("migrations/kochel").display()),
                )
            })
            .collect();
        let plan = self.dir.path().join("kochel.toml");
        std::fs::write(&plan, lines.join("\n")).unwrap();
        let before = std::fs::read_to_string(root.join("migrations/kochel/_before.sql")).unwrap();
        let answers = Some(files().join("kochel-answers.toml"));
        self.scenario("kochel", plan, answers, &before).await
    }

    /// A shipped plan with its answers; somebody's word stands for its rehearsal, and a small database
    /// will do.
    pub async fn shipped(&self, name: &'static str, plan: &str, sql: &str) -> Scenario {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let lines: Vec<String> = std::fs::read_to_string(root.join(format!("plans/{plan}.toml")))
            .unwrap()
            .lines()
            .map(|line| {
                if line.starts_with("requires ") {
                    return "confirm = \"It was rehearsed\"".to_owned();
                }
                // Cases run side by side: each writes into its own run's folder, and none into a repository.
                if line.starts_with("artifacts ") {
                    return String::new();
                }
                line.replace("default = \"230MB\"", "default = \"5MB\"").replace(
                    &format!("\"../migrations/{sql}\""),
                    &format!("\"{}\"", root.join("migrations").join(sql).display()),
                )
            })
            .collect();
        let mut text = lines.join("\n");
        if let Some(begins) = text.find("command = '''") {
            let ends = begins + text[begins..].find("}'''").unwrap() + 4;
            text.replace_range(begins..ends, "command = [\"true\"]");
        }
        let path = self.dir.path().join(format!("{name}.toml"));
        std::fs::write(&path, text).unwrap();
        let answers = std::fs::read_to_string(root.join(format!("plans/answers/{plan}.toml"))).unwrap();
        let own = self.dir.path().join(format!("{name}-answers.toml"));
        std::fs::write(&own, answers.replacen("[confirm]\n", "[confirm]\nrehearsed = \"A. Operator\"\n", 1))
            .unwrap();
        let before = std::fs::read_to_string(root.join(format!("migrations/{sql}/_before.sql"))).unwrap();
        self.scenario(name, path, Some(own), &before).await
    }

    /// The promotion, where somebody's word stands for the run on staging, and nothing is written into a repository.
    pub async fn production(&self) -> Scenario {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = std::fs::read_to_string(root.join("plans/production-promotion.toml")).unwrap();
        let log = self.dir.path().join("staging.md");
        std::fs::write(&log, "every script ran\n").unwrap();
        let set_flag = root.join("plans/production/set-flag");
        for (begin, end, instead) in [
            ("  [phase.step.requires]", "\n\n", "confirm = \"It was validated\"".to_owned()),
            ("database = ", "\n\n", String::new()),
            ("artifacts   = ", "\n", String::new()),
            ("prod_db  ", "set_flag ", String::new()),
            ("\"ops/bin/set-flag\"", ",", format!("\"{}\"", set_flag.display())),
            ("\".github/workflows", ",", "\"{artifacts}/boundary-check.yml\"".to_owned()),
            ("\"ops/audit/", "\n", format!("\"{}\"", log.display())),
            ("default = \"on\"", ",", "default = \"off\"".to_owned()),
            ("default = \"30min\"", ",", "default = \"50ms\"".to_owned()),
            ("default = \"1h\"", ",", "default = \"50ms\"".to_owned()),
            ("verify = \"restore\"", "\n", "verify = \"list\"".to_owned()),
            ("command = \'\'\'\ngit add", "-- \"$WORKFLOW\"\'\'\'", "command = [\"true\"]".to_owned()),
            (
                "\"../migrations/production\"",
                "\n",
                format!("\"{}\"", root.join("migrations/production").display()),
            ),
        ] {
            let from = text.find(begin).unwrap_or_else(|| panic!("the plan has no {begin}"));
            let at = from + text[from..].find(end).unwrap();
            let upto = if end.starts_with("--") { at + end.len() } else { at };
            text.replace_range(from..upto, &instead);
        }
        let path = self.dir.path().join("production.toml");
        std::fs::write(&path, text).unwrap();
        let answers = std::fs::read_to_string(root.join("plans/answers/production-promotion.toml")).unwrap();
        let own = self.dir.path().join("production-answers.toml");
        std::fs::write(&own, answers.replacen("[confirm]\n", "[confirm]\nstaging = \"A. Operator\"\n", 1))
            .unwrap();
        let before = std::fs::read_to_string(root.join("migrations/production/_before.sql")).unwrap();
        self.scenario("production", path, Some(own), &before).await
    }

    /// The move to another server, here to another database of the same one; somebody's word stands for its
    /// rehearsal.
    pub async fn lane3(&self) -> Scenario {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = std::fs::read_to_string(root.join("plans/cloud-migration-lane3.toml")).unwrap();
        let sql = format!("\"{}\"", root.join("migrations/lane3").display());
        for (begin, end, instead) in [
            ("  [phase.step.requires]", "\n\n", "confirm = \"It was rehearsed\""),
            ("artifacts   = ", "\n", ""),
            ("env_file    = ", "\n", ""),
            ("\"../migrations/lane3\"", "\n", &sql),
        ] {
            let from = text.find(begin).unwrap_or_else(|| panic!("the plan has no {begin}"));
            let at = from + text[from..].find(end).unwrap();
            text.replace_range(from..at, instead);
        }
        let path = self.dir.path().join("lane3.toml");
        std::fs::write(&path, text).unwrap();
        let answers = std::fs::read_to_string(root.join("plans/answers/cloud-migration-lane3.toml")).unwrap();
        let own = self.dir.path().join("lane3-answers.toml");
        std::fs::write(&own, answers.replacen("[confirm]\n", "[confirm]\nrehearsed = \"A. Operator\"\n", 1))
            .unwrap();
        let before = std::fs::read_to_string(root.join("migrations/lane3/_before.sql")).unwrap();
        let source = self.scenario("lane3_source", path.clone(), None, &before).await.template;
        Scenario { source: Some(source), ..self.scenario("lane3", path, Some(own), "").await }
    }

    /// How a database is reached, in one text.
    pub fn address(&self, database: &str) -> String {
        format!("host={} user=postgres dbname={database}", self.server.embedded().dir().display())
    }

    /// A plan of tests/chaos/plans, on an empty database.
    pub async fn plan(&self, name: &'static str) -> Scenario {
        let plan = files().join(format!("{name}.toml"));
        self.scenario(name, plan, None, "").await
    }

    /// A plan given as text, with the files beside it.
    pub async fn written(&self, name: &'static str, plan: &str, more: &[(&str, &str)]) -> Scenario {
        let folder = self.dir.path().join(format!("plan-{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        for (file, text) in more {
            std::fs::write(folder.join(file), text).unwrap();
        }
        let path = folder.join(format!("{name}.toml"));
        std::fs::write(&path, plan).unwrap();
        self.scenario(name, path, None, "").await
    }

    async fn scenario(
        &self,
        name: &'static str,
        plan: PathBuf,
        answers: Option<PathBuf>,
        before: &str,
    ) -> Scenario {
        let template = format!("template_{name}");
        self.server.copy_database(&template, "template0").await;
        if !before.is_empty() {
            let script = self.dir.path().join(format!("{name}-before.sql"));
            std::fs::write(&script, before).unwrap();
            let output = self
                .server
                .psql_output(&template, &["-q", "-v", "ON_ERROR_STOP=1", "-f", script.to_str().unwrap()]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Scenario { name, plan, answers, template, source: None }
    }
}

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/plans")
}
