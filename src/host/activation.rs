//! Sockets that systemd has opened and hands over (sd_listen_fds(3)).

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use listenfd::ListenFd;
use tokio::net::UnixListener;

/// The socket that systemd listens on for this service. Where there is none it is bound at `path` with `mode`, in place of
/// one that an earlier process left. To be called in a runtime.
///
/// # Errors
/// Those of bind(2); what was handed over is no unix socket.
pub fn unix_listener(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if let Some(passed) = ListenFd::from_env().take_unix_listener(0)? {
        passed.set_nonblocking(true)?;
        return UnixListener::from_std(passed);
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    Ok(listener)
}
