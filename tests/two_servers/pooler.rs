//! A pooler that hands out its one session of the server a transaction at a time, as they do: what somebody sets in
//! it, the next one finds. Nothing that is asked through it may set anything.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::two::Two;

/// Of a login it takes these, and refuses others.
const TAKEN: [&str; 4] = ["user", "database", "client_encoding", "application_name"];
const VERSION_3: u32 = 3 << 16;
const ASKS_FOR_TLS: [u32; 2] = [80_877_103, 80_877_104];

struct Pooler {
    port: u16,
    clients: Arc<AtomicU32>,
}

/// Its session, and how the server greeted it.
struct Kept {
    server: UnixStream,
    greeting: Vec<u8>,
}

impl Pooler {
    async fn start(socket: &Path, user: &str, database: &str) -> Self {
        let mut server = UnixStream::connect(socket).await.unwrap();
        let named = format!("user\0{user}\0database\0{database}\0\0");
        let mut login = u32::try_from(8 + named.len()).unwrap().to_be_bytes().to_vec();
        login.extend(VERSION_3.to_be_bytes());
        login.extend(named.as_bytes());
        server.write_all(&login).await.unwrap();
        let mut greeting = Vec::new();
        loop {
            let message = message(&mut server).await.expect("a greeting");
            match message[0] {
                b'Z' => break,
                b'S' => greeting.extend(message),
                _ => {}
            }
        }
        let kept = Arc::new(Mutex::new(Kept { server, greeting }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, clients) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU32::new(0)));
        let count = Arc::clone(&clients);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, Arc::clone(&kept)));
            }
        });
        Self { port, clients }
    }
}

/// A message with its letter and length; `None`: there is no more.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let mut all = head.to_vec();
    all.resize(1 + length, 0);
    from.read_exact(&mut all[5..]).await.ok()?;
    Some(all)
}

async fn serve(mut client: TcpStream, kept: Arc<Mutex<Kept>>) -> Option<()> {
    let login = loop {
        let length = client.read_u32().await.ok()? as usize;
        let mut body = vec![0; length - 4];
        client.read_exact(&mut body).await.ok()?;
        let code = u32::from_be_bytes(body[..4].try_into().unwrap());
        if ASKS_FOR_TLS.contains(&code) {
            client.write_all(b"N").await.ok()?;
        } else if code == VERSION_3 {
            break String::from_utf8_lossy(&body[4..]).into_owned();
        } else {
            return None;
        }
    };
    let words: Vec<&str> = login.split('\0').collect();
    if let Some([name, _]) =
        words.as_chunks::<2>().0.iter().find(|[name, _]| !name.is_empty() && !TAKEN.contains(name))
    {
        let why = format!("SFATAL\0C08P01\0Munsupported startup parameter: {name}\0\0");
        let mut refusal = vec![b'E'];
        refusal.extend(u32::try_from(4 + why.len()).unwrap().to_be_bytes());
        refusal.extend(why.as_bytes());
        client.write_all(&refusal).await.ok()?;
        return None;
    }
    let mut hello = b"R\0\0\0\x08\0\0\0\0".to_vec();
    hello.extend(&kept.lock().await.greeting);
    // A key of its own: no session of the server is this client's.
    hello.extend(b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x01Z\0\0\0\x05I");
    client.write_all(&hello).await.ok()?;
    let mut held: Option<OwnedMutexGuard<Kept>> = None;
    loop {
        let asked = message(&mut client).await.filter(|message| message[0] != b'X');
        let Some(asked) = asked else {
            // Whoever leaves in the middle of a transaction leaves none of it.
            if let Some(mut held) = held {
                held.server.write_all(b"Q\0\0\0\x0dROLLBACK\0").await.ok()?;
                while message(&mut held.server).await?[0] != b'Z' {}
            }
            return None;
        };
        let mut mine = match held.take() {
            Some(mine) => mine,
            None => Arc::clone(&kept).lock_owned().await,
        };
        mine.server.write_all(&asked).await.ok()?;
        let mut ends = !matches!(asked[0], b'Q' | b'S');
        let mut idle = false;
        while !ends {
            let answer = message(&mut mine.server).await?;
            client.write_all(&answer).await.ok()?;
            ends = answer[0] == b'Z';
            idle = ends && answer[5] == b'I';
        }
        held = (!idle).then_some(mine);
    }
}

const ASKS: &str = r#"
[[phase.step]]
id = "asked"
title = "Asked"
on = "pooler"
check = "SELECT who FROM me"
expect = "target"

[[phase.step]]
id = "program"
title = "Program"
on = "pooler"
changes = false
command = ["psql", "-XAtc", "SELECT who FROM me"]
expect = { contains = "target" }

[[phase.step]]
id = "change"
title = "Change"
sql = "CREATE TABLE changed (n int)"

[[phase.step]]
id = "again"
title = "Asked again"
on = "pooler"
check = "SELECT count(*) FROM changed"
expect = 0

[[phase.watch]]
id = "pool"
title = "Clients get in"
on = "pooler"
every = "20ms"
sql = "SELECT count(*) FROM me"
expect = 1

[[phase.watch]]
id = "roles"
title = "As a client"
on = "pooler"
every = "20ms"
as = "client"
sql = "SELECT current_user"
expect = "client"
"#;

#[tokio::test]
async fn what_is_asked_through_a_pooler_sets_nothing_in_it() {
    let two = Two::with(
        "DO $$ BEGIN CREATE ROLE client; EXCEPTION WHEN duplicate_object THEN NULL; END $$; CREATE TABLE me (who text)",
    )
    .await;
    two.target.sql("INSERT INTO me VALUES ('target')").await;
    let socket = two.target.server.embedded().dir().join(".s.PGSQL.5432");
    let pooler = Pooler::start(&socket, "postgres", &two.target.db).await;
    let address = format!("postgres://postgres@127.0.0.1:{}/{}?sslmode=disable", pooler.port, two.target.db);
    two.target.env("POOLER_URL", &address);
    two.plan(ASKS);
    let ran = two.target.run().await;
    ran.exits(0);
    for watch in ran.all("watch_ended") {
        assert_eq!((&watch["holds"], &watch["breaches"]), (&true.into(), &0.into()), "{watch:#}");
    }
    assert_eq!(ran.all("watch_ended").len(), 2);
    assert!(pooler.clients.load(Ordering::Relaxed) >= 4, "two watches, a check and a program");

    // Whoever comes next finds the session as the first did.
    let mut next = holdpoint::pg::Session::connect_bare(
        &holdpoint::pg::ConnectConfig::parse(&address, &holdpoint::pg::Environment::default()).unwrap(),
        "next",
    )
    .await
    .unwrap();
    let set = "SELECT string_agg(name || ' = ' || setting, ', ' ORDER BY name) FROM pg_settings WHERE source = 'session'";
    assert_eq!(next.query(set, &[]).await.unwrap().scalar(), None);
    let who = next.query(
        "SELECT current_user || ' ' || session_user || ' ' || current_setting('transaction_read_only')",
        &[],
    );
    assert_eq!(who.await.unwrap().scalar(), Some("postgres postgres off"));
    // And it isn't taken for the server itself.
    for words in
        [["run", "--target", &address].as_slice(), &["check", "plan.toml", "--online", "--target", &address]]
    {
        two.target.call(words).await.exits(3).says("is a connection pooler");
    }
}
