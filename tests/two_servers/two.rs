//! A target on one server and a source on another one.

use std::sync::{Arc, Weak};

use crate::common::runs::{Bench, Ran};
use crate::common::server::TestServer;

/// The source's server, shared by the tests that run at the same time.
async fn sources() -> Arc<TestServer> {
    static SERVER: tokio::sync::Mutex<Weak<TestServer>> = tokio::sync::Mutex::const_new(Weak::new());
    let mut slot = SERVER.lock().await;
    if let Some(server) = slot.upgrade() {
        return server;
    }
    let server = Arc::new(TestServer::start().await);
    *slot = Arc::downgrade(&server);
    server
}

pub struct Two {
    /// The target, its folder and plan.
    pub target: Bench,
    pub server: Arc<TestServer>,
    pub source: String,
}

/// How a database is reached.
pub fn address(server: &TestServer, database: &str) -> String {
    format!("host={} user=postgres dbname={database}", server.embedded().dir().display())
}

impl Two {
    /// Empty ones; the program finds the source's address in SOURCE_URL, and the target's, as a pooler's, in
    /// POOLER_URL.
    pub async fn new() -> Self {
        Self::with_source_on(sources().await).await
    }

    /// With the source on a server of its own kind.
    pub async fn with_source_on(server: Arc<TestServer>) -> Self {
        let target = Bench::new().await;
        let source = server.fresh_database().await;
        let two = Self { target, server, source };
        two.leads_to(&address(&two.server, &two.source));
        two.target.env("POOLER_URL", &address(&two.target.server, &two.target.db));
        two.target.env("PATH", &std::env::var("PATH").unwrap_or_default());
        two
    }

    /// With these statements run on both.
    pub async fn with(sql: &str) -> Self {
        let two = Self::new().await;
        two.both(sql).await;
        two
    }

    /// The source is at another address from now on.
    pub fn leads_to(&self, address: &str) {
        self.target.env("SOURCE_URL", address);
    }

    pub async fn both(&self, sql: &str) {
        self.target.sql(sql).await;
        self.source(sql).await;
    }

    pub async fn source(&self, sql: &str) {
        self.server.sql(&self.source, sql).await;
    }

    pub async fn of_source(&self, sql: &str) -> String {
        self.server.value(&self.source, sql).await
    }

    /// Nobody gets into the source any more, or again.
    pub async fn source_is_open(&self, open: bool) {
        let name = &self.source;
        self.server.sql("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {open}")).await;
        if !open {
            let sql =
                format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
            self.server.sql("postgres", &sql).await;
        }
    }

    /// A plan of one phase with these steps, for both.
    pub fn plan(&self, steps: &str) {
        let head = "[vars]\nsource = { env = \"SOURCE_URL\", secret = true }\npooler = { env = \"POOLER_URL\" }\n\
                    [source]\nurl = \"{source}\"\n[target]\npooler = \"{pooler}\"\n";
        self.target.plan_with(head, steps);
    }

    /// Runs a plan with one comparison of this step's keys.
    pub async fn compare(&self, keys: &str) -> Ran {
        self.plan(&format!("\n[[phase.step]]\nid = \"same\"\ntitle = \"Same\"\n{keys}\n"));
        let ran = self.target.run().await;
        if ran.code == 6 {
            // The next one begins afresh.
            self.target.call(&["resume", "--end", "seen"]).await.exits(1);
        }
        ran
    }

    /// A comparison that found something: what it says.
    #[track_caller]
    pub fn differs(ran: &Ran) -> String {
        ran.exits(6);
        let (passed, got) = ran.verdict("Same");
        assert!(!passed, "{ran}");
        got.to_owned()
    }

    /// Everything that its verdict lists.
    #[track_caller]
    pub fn listed(ran: &Ran) -> Vec<String> {
        let result = ran.last("checkpoint_result");
        let list = result["verdict"]["differences"].as_array().cloned().unwrap_or_default();
        list.iter().map(|one| one["column"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
