//! `check --online`: what there is to say of both sides before the window.

use std::sync::Arc;

use crate::common::proxy::{Proxy, Upstream};
use crate::common::runs::Bench;
use crate::common::server::TestServer;
use crate::two::{Two, address};

/// What `check --online` and `run` say of the two sides.
async fn both_say(two: &Two, code: i32, words: &str) {
    let said = two.target.call(&["check", "plan.toml", "--online"]).await;
    said.exits(code).says(words);
    let ran = two.target.run().await;
    ran.exits(code).says(words);
}

/// Whoever looks before the window is told what the run would say.
#[tokio::test]
async fn looked_at_before_the_window_the_sides_are_what_they_are_in_the_run() {
    // Copies of the same files: nothing that a server says of itself tells them apart.
    let mut copy = TestServer::start().await;
    let ids = "SELECT system_identifier || ' ' || d.oid FROM pg_control_system(), pg_database d WHERE datname = current_database()";
    let target = TestServer::start().await;
    assert_eq!(copy.value("postgres", ids).await, target.value("postgres", ids).await);
    let target = Bench::of(Arc::new(target), "postgres");
    let two = Two { target, server: Arc::new(TestServer::start().await), source: "postgres".into() };
    let here = address(&two.target.server, "postgres");
    two.target.env("POOLER_URL", &here);
    two.target.env("PATH", &std::env::var("PATH").unwrap_or_default());
    two.plan("\n[[phase.step]]\nid = \"ask\"\ntitle = \"Ask\"\ncheck = \"SELECT count(*) FROM pg_class\"\nexpect = \"> 1\"\n");

    two.leads_to(&address(&copy, "postgres"));
    both_say(&two, 0, "").await;
    copy.write_data_file("standby.signal", "");
    copy.restart().await;
    both_say(&two, 3, "the source is a standby of the target").await;
    let socket = two.target.server.embedded().dir().join(".s.PGSQL.5432");
    let proxy = Proxy::start(Upstream::Unix(socket)).await;
    let around = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.address.port());
    for way in [&here, &around] {
        two.leads_to(way);
        both_say(&two, 3, "source and target are the same database").await;
    }
    // A role that may see nothing of others' sessions sees that much.
    two.target.sql("CREATE ROLE asker LOGIN").await;
    two.leads_to(&here.replace("user=postgres", "user=asker"));
    both_say(&two, 3, "source and target are the same database").await;
    two.leads_to(&address(&two.target.server, "template1"));
    both_say(&two, 0, "").await;
    for elsewhere in [address(&two.target.server, "template1"), address(&two.server, "postgres")] {
        two.target.env("POOLER_URL", &elsewhere);
        both_say(&two, 3, "the pooler leads to another database than the target's direct address").await;
    }
}
