//! A TCP proxy on 127.0.0.1 that cuts a connection at a chosen moment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// When to cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// When a client's message with this text has come in, without passing it on.
    Before(String),
    /// After having passed it on, when the server's next answer has come in, without passing that on:
    /// what was asked for is done, and the client can't know.
    BeforeAnswer(String),
    /// After having passed on the server's next answer too.
    AfterAnswer(String),
    /// When the server's answer has this command tag, without passing it on. With many statements in
    /// flight this is the one that is certain to hit after, say, COMMIT was done.
    BeforeTag(String),
}

impl Cut {
    fn text(&self) -> &str {
        match self {
            Self::Before(text)
            | Self::BeforeAnswer(text)
            | Self::AfterAnswer(text)
            | Self::BeforeTag(text) => text,
        }
    }
}

/// Where the proxy passes things on to.
#[derive(Debug, Clone)]
pub enum Upstream {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A running proxy; it ends with the runtime it was started in.
pub struct Proxy {
    pub address: SocketAddr,
    plan: Arc<Mutex<Option<Cut>>>,
    cuts: watch::Sender<u32>,
}

impl Proxy {
    pub async fn start(upstream: Upstream) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let plan = Arc::new(Mutex::new(None));
        let cuts = watch::Sender::new(0);
        let (seen, count) = (Arc::clone(&plan), cuts.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, upstream.clone(), Arc::clone(&seen), count.clone()));
            }
        });
        Self { address, plan, cuts }
    }

    /// Arms the next cut; it happens once.
    pub fn arm(&self, cut: Cut) {
        *self.plan.lock().expect("the plan") = Some(cut);
    }

    /// Cuts every connection now.
    pub fn cut_now(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How often it has cut.
    pub fn cuts(&self) -> u32 {
        *self.cuts.borrow()
    }

    /// Returns when it has cut `times` times.
    pub async fn wait_for_cuts(&self, times: u32) {
        let mut cuts = self.cuts.subscribe();
        cuts.wait_for(|cuts| *cuts >= times).await.expect("the proxy runs");
    }
}

async fn serve(
    client: TcpStream,
    upstream: Upstream,
    plan: Arc<Mutex<Option<Cut>>>,
    cuts: watch::Sender<u32>,
) {
    match upstream {
        Upstream::Tcp(address) => {
            let Ok(server) = TcpStream::connect(address).await else { return };
            relay(client, server, plan, cuts).await;
        }
        Upstream::Unix(path) => {
            let Ok(server) = UnixStream::connect(path).await else { return };
            relay(client, server, plan, cuts).await;
        }
    }
}

async fn relay<S>(client: TcpStream, server: S, plan: Arc<Mutex<Option<Cut>>>, cuts: watch::Sender<u32>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _ = client.set_nodelay(true);
    let mut cut_now = cuts.subscribe();
    cut_now.mark_unchanged();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    // The end of the client's bytes so far: a message may come in pieces.
    let mut seen: Vec<u8> = Vec::new();
    let mut answered: Vec<u8> = Vec::new();
    let mut waiting: Option<Cut> = None;
    loop {
        tokio::select! {
            read = from_client.read(&mut up) => {
                let Ok(n @ 1..) = read else { return };
                seen.extend_from_slice(&up[..n]);
                let hit = {
                    let mut plan = plan.lock().expect("the plan");
                    let found = plan
                        .as_ref()
                        .is_some_and(|cut| !matches!(cut, Cut::BeforeTag(_)) && contains(&seen, cut.text()));
                    if found { plan.take() } else { None }
                };
                seen.drain(..seen.len().saturating_sub(256));
                if let Some(cut) = hit {
                    seen.clear();
                    if matches!(cut, Cut::Before(_)) {
                        return cuts.send_modify(|cuts| *cuts += 1);
                    }
                    waiting = Some(cut);
                }
                if to_server.write_all(&up[..n]).await.is_err() { return }
            }
            read = from_server.read(&mut down) => {
                let Ok(n @ 1..) = read else { return };
                answered.extend_from_slice(&down[..n]);
                let tagged = {
                    let mut plan = plan.lock().expect("the plan");
                    let found = matches!(&*plan, Some(Cut::BeforeTag(tag)) if contains(&answered, &format!("{tag}\0")));
                    if found { plan.take() } else { None }
                };
                answered.drain(..answered.len().saturating_sub(64));
                if tagged.is_some() || matches!(waiting, Some(Cut::BeforeAnswer(_))) {
                    return cuts.send_modify(|cuts| *cuts += 1);
                }
                if to_client.write_all(&down[..n]).await.is_err() { return }
                if waiting.is_some() {
                    return cuts.send_modify(|cuts| *cuts += 1);
                }
            }
            _ = cut_now.changed() => return,
        }
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
