//! The connection that a registered agent holds: the real one's goes to ECS, this one's to itself.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::control::Control;
use crate::log;

/// Holds it while the control file does not take it away.
pub async fn hold(mut control: watch::Receiver<Control>) -> Infallible {
    loop {
        // The sender lives as long as the agent.
        let _ = control.wait_for(|control| !control.disconnect).await;
        let both_ends = connect().await;
        if let Err(error) = &both_ends {
            log::error(&format!("no connection: {error}"));
        }
        let _ = control.wait_for(|control| control.disconnect).await;
        log::warn("disconnected");
    }
}

async fn connect() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let connecting = TcpStream::connect(listener.local_addr()?);
    let (ours, theirs) = tokio::try_join!(connecting, listener.accept())?;
    Ok((ours, theirs.0))
}
