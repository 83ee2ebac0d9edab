//! Where a server takes connections.

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pm_spec::{Door, Environment};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};

/// A connection, whatever it runs over.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// Whether somebody takes a connection there; else what is in the way.
pub async fn connect(door: &Door, env: &Environment) -> Result<(), String> {
    open(door, env).await.map(drop)
}

pub(crate) async fn open(door: &Door, env: &Environment) -> Result<Box<dyn Connection>, String> {
    match door {
        Door::Tcp(written) => {
            let place = meant(written, env);
            let failed = |error| format!("connect to {place}: {}", words(&error));
            let mut last = None;
            for address in addresses(&place).await? {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok(Box::new(stream)),
                    Err(error) => last = last.or(Some(error)),
                }
            }
            Err(last.map_or_else(|| format!("connect to {place}: no such place"), failed))
        }
        Door::Unix(path) => {
            let stream = UnixStream::connect(Path::new(OsStr::from_bytes(path.as_bytes()))).await;
            let failed = |error| format!("connect to {}: {}", path.display(), words(&error));
            stream.map(|stream| Box::new(stream) as Box<dyn Connection>).map_err(failed)
        }
    }
}

/// `localhost` is both of its addresses; any other name is looked up, which may take long: who asks often gives addresses.
async fn addresses(place: &str) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = place.rsplit_once(':').unwrap_or((place, ""));
    let wrong = |_| format!("`{place}` is no address with a port");
    let is_name = host.starts_with(char::is_alphabetic) && host != "localhost";
    if host != "localhost" && !is_name {
        return place.parse().map(|address| vec![address]).map_err(wrong);
    }
    let port: u16 = port.parse().map_err(|_| format!("`{place}` has no port"))?;
    if is_name {
        let found = lookup_host((host, port)).await;
        return found.map(Iterator::collect).map_err(|error| format!("{host}: {}", words(&error)));
    }
    Ok(vec![([127, 0, 0, 1], port).into(), ([0, 0, 0, 0, 0, 0, 0, 1], port).into()])
}

/// `$NAME` and `${NAME}` are the app's variables: instances that count up have each a port of their own.
pub(crate) fn meant(written: &str, env: &Environment) -> String {
    let mut parts = written.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let braced = part.strip_prefix('{').and_then(|part| part.split_once('}'));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let bare = || part.split_at(part.find(|c| !is_name(c)).unwrap_or(part.len()));
        let (name, rest) = braced.unwrap_or_else(bare);
        text += &env.get(name).map(pm_spec::ByteString::display).unwrap_or_default();
        text += rest;
    }
    text
}

/// Without the number of the error, which helps nobody.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_app_are_put_in() {
        let mut env = Environment::new();
        env.set("PORT", "8001");
        for (written, meaning) in [
            ("localhost:$PORT", "localhost:8001"),
            ("localhost:${PORT}", "localhost:8001"),
            ("$PORT.$NONE", "8001."),
            ("127.0.0.1:80", "127.0.0.1:80"),
        ] {
            assert_eq!(meant(written, &env), meaning);
        }
    }

    #[tokio::test]
    async fn what_is_no_address_is_said() {
        assert_eq!(addresses("localhost:80").await.map(|all| all.len()), Ok(2));
        assert_eq!(addresses("[::1]:80").await.map(|all| all.len()), Ok(1));
        for wrong in ["localhost", "localhost:", "127.0.0.1", "no host.invalid:80", ""] {
            addresses(wrong).await.unwrap_err();
        }
    }
}
