//! The connection that a registered agent holds: the real one's goes to ECS, this one's to itself.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::control::Control;
use crate::log;

/// The port it goes to, so that a packet filter can cut and refuse it.
pub const PORT: u16 = 10443;
/// Something is sent this often, and a lost connection is made again this often.
const BEAT: Duration = Duration::from_millis(500);

/// Holds it while the control file does not take it away, and makes it again when it was cut.
pub async fn hold(mut control: watch::Receiver<Control>) -> Infallible {
    loop {
        // The sender lives as long as the agent.
        let _ = control.wait_for(|control| !control.disconnect).await;
        let cut = tokio::select! {
            cut = until_cut() => cut,
            _ = control.wait_for(|control| control.disconnect) => {
                log::warn("disconnected");
                continue;
            }
        };
        log::error(&format!("no connection: {cut}"));
        tokio::time::sleep(BEAT).await;
    }
}

async fn until_cut() -> io::Error {
    let (ours, theirs) = match connect().await {
        Ok(both_ends) => both_ends,
        Err(error) => return error,
    };
    loop {
        tokio::time::sleep(BEAT).await;
        if let Err(error) = ours.try_write(b".").and(theirs.try_read(&mut [0; 16]))
            && error.kind() != io::ErrorKind::WouldBlock
        {
            return error;
        }
    }
}

async fn connect() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).await?;
    let connecting = TcpStream::connect(listener.local_addr()?);
    let (ours, theirs) = tokio::try_join!(connecting, listener.accept())?;
    Ok((ours, theirs.0))
}
