//! systemd over D-Bus, by the system bus.

use std::time::Duration;

use futures_util::StreamExt;
use zbus::OwnedObjectPath;

use super::files::{Kind, Root};

/// Deadline for every call.
const CALL: Duration = Duration::from_secs(5);

/// Whether the tree is that of a system which systemd has booted (sd_booted(3)).
pub fn has_booted(root: &Root) -> bool {
    root.kind("/run/systemd/system") == Kind::Directory
}

/// Whether this is the running host, and systemd's.
pub fn is_here(root: &Root) -> bool {
    root.is_host() && has_booted(root)
}

/// A call to systemd failed.
#[derive(Debug, thiserror::Error)]
pub enum SystemdError {
    /// The bus could not be used.
    #[error("systemd can't be reached over the system bus, which the package dbus provides: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("systemd did not answer {call} within {} s", CALL.as_secs())]
    Deadline {
        /// The method.
        call: &'static str,
    },
    /// A unit did not come to its end in time.
    #[error("{unit} had not ended after {} s", .deadline.as_secs())]
    Slow {
        /// The unit.
        unit: String,
        /// How long it was given.
        deadline: Duration,
    },
    /// A unit failed.
    #[error("{unit} ended with {result}; see `systemctl status {unit}`")]
    Ended {
        /// The unit.
        unit: String,
        /// systemd's word for the end of the job: `failed`, `timeout`, `dependency`, …
        result: String,
    },
    /// It refused.
    #[error("systemd refused {call}: {message}")]
    Refused {
        /// The method.
        call: &'static str,
        /// Its words.
        message: String,
    },
}

/// What systemd says of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// `loaded`, `not-found`, `masked`, …
    pub load_state: String,
    /// `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading`.
    pub active_state: String,
    /// `running`, `dead`, `auto-restart`, …
    pub sub_state: String,
    /// `success`, `exit-code`, `signal`, …: how its last run ended.
    pub result: String,
    /// Exit status of its main process, or the signal that ended it.
    pub main_status: i32,
    /// A start or stop of it is under way or waits for another unit.
    pub job_pending: bool,
    /// `enabled`, `disabled`, `static`, `masked`, …
    pub file_state: String,
}

impl Unit {
    /// True where there is a unit file that can be started.
    pub fn installed(&self) -> bool {
        self.load_state == "loaded"
    }

    /// True while it runs or is about to.
    pub fn up_or_coming(&self) -> bool {
        matches!(
            self.active_state.as_str(),
            "active" | "activating" | "reloading"
        )
    }

    /// True after a clean stop: nobody but an operator (or a shutdown) ends a daemon so.
    pub fn stopped_cleanly(&self) -> bool {
        self.active_state == "inactive" && self.result == "success"
    }
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn subscribe(&self) -> zbus::Result<()>;
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    fn kill_unit(&self, name: &str, whom: &str, signal: i32) -> zbus::Result<()>;
    #[zbus(signal)]
    fn job_removed(
        &self,
        id: u32,
        job: OwnedObjectPath,
        unit: String,
        result: String,
    ) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Unit",
    default_service = "org.freedesktop.systemd1"
)]
trait UnitObject {
    #[zbus(property(emits_changed_signal = "false"))]
    fn load_state(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn active_state(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn sub_state(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn job(&self) -> zbus::Result<(u32, OwnedObjectPath)>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn unit_file_state(&self) -> zbus::Result<String>;
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Service",
    default_service = "org.freedesktop.systemd1"
)]
trait ServiceObject {
    #[zbus(property(emits_changed_signal = "false"))]
    fn result(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn exec_main_status(&self) -> zbus::Result<i32>;
}

/// A connection to systemd.
#[derive(Debug, Clone)]
pub struct Systemd {
    connection: zbus::Connection,
}

impl Systemd {
    /// Connects to the system bus, which is there before any service: systemd holds its socket. systemd's private
    /// socket would need no bus, but its answers name a sender that zbus refuses (`org.freedesktop.systemd1`).
    ///
    /// # Errors
    /// [`SystemdError::Unreachable`] where it does not answer within the deadline.
    pub async fn connect() -> Result<Self, SystemdError> {
        let building = zbus::connection::Builder::system()
            .method_timeout(CALL)
            .build();
        let connection = tokio::time::timeout(CALL, building)
            .await
            .map_err(|_| format!("no answer within {} s", CALL.as_secs()))
            .and_then(|built| built.map_err(|error| error.to_string()))
            .map_err(SystemdError::Unreachable)?;
        Ok(Systemd { connection })
    }

    /// What systemd says of a unit; loads its file if it is there.
    ///
    /// # Errors
    /// [`SystemdError`].
    pub async fn unit(&self, name: &str) -> Result<Unit, SystemdError> {
        let path = self.load(name).await?;
        let unit = self.unit_object(&path).await?;
        let service = ServiceObjectProxy::builder(&self.connection)
            .path(path)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .map_err(|error| refused("GetUnit", &error))?;
        Ok(Unit {
            load_state: call("Get LoadState", unit.load_state()).await?,
            active_state: call("Get ActiveState", unit.active_state()).await?,
            sub_state: call("Get SubState", unit.sub_state()).await?,
            // Number 0 stands for none.
            job_pending: call("Get Job", unit.job()).await?.0 != 0,
            // A unit without a file has no service properties.
            result: call("Get Result", service.result())
                .await
                .unwrap_or_default(),
            main_status: call("Get ExecMainStatus", service.exec_main_status())
                .await
                .unwrap_or_default(),
            file_state: call("Get UnitFileState", unit.unit_file_state())
                .await
                .unwrap_or_default(),
        })
    }

    /// Enqueues the start of a unit and does not wait for it, so that nothing can deadlock with it.
    ///
    /// # Errors
    /// [`SystemdError::Refused`] where the unit is masked or missing.
    pub async fn start(&self, name: &str) -> Result<(), SystemdError> {
        let manager = self.manager().await?;
        call("StartUnit", manager.start_unit(name, "replace")).await?;
        Ok(())
    }

    /// Enqueues the restart of a unit and does not wait for it.
    ///
    /// # Errors
    /// [`SystemdError::Refused`] where the unit is masked or missing.
    pub async fn restart(&self, name: &str) -> Result<(), SystemdError> {
        let manager = self.manager().await?;
        call("RestartUnit", manager.restart_unit(name, "replace")).await?;
        Ok(())
    }

    /// Enqueues the stop of a unit and does not wait for it.
    ///
    /// # Errors
    /// [`SystemdError`].
    pub async fn stop(&self, name: &str) -> Result<(), SystemdError> {
        let manager = self.manager().await?;
        call("StopUnit", manager.stop_unit(name, "replace")).await?;
        Ok(())
    }

    /// Starts a unit of type oneshot and waits for its end.
    ///
    /// # Errors
    /// [`SystemdError::Ended`] where it failed, [`SystemdError::Slow`] after the deadline; systemd goes on with it then.
    pub async fn run(&self, name: &str, deadline: Duration) -> Result<(), SystemdError> {
        tokio::time::timeout(deadline, self.run_to_its_end(name))
            .await
            .unwrap_or_else(|_| {
                Err(SystemdError::Slow {
                    unit: name.to_owned(),
                    deadline,
                })
            })
    }

    async fn run_to_its_end(&self, name: &str) -> Result<(), SystemdError> {
        let manager = self.manager().await?;
        call("Subscribe", manager.subscribe()).await?;
        // Listening before the start, so that the end of a quick job is not missed.
        let mut ends = manager
            .receive_job_removed()
            .await
            .map_err(|error| refused("Subscribe", &error))?;
        let job = call("StartUnit", manager.start_unit(name, "replace")).await?;
        while let Some(end) = ends.next().await {
            let end = end.args().map_err(|error| refused("JobRemoved", &error))?;
            if end.job == job {
                return match end.result.as_str() {
                    "done" => Ok(()),
                    result => Err(SystemdError::Ended {
                        unit: name.to_owned(),
                        result: result.to_owned(),
                    }),
                };
            }
        }
        Err(SystemdError::Unreachable(
            "the connection was closed".to_owned(),
        ))
    }

    /// Kills a unit's main process (SIGKILL); its own restart settings bring it back.
    ///
    /// # Errors
    /// [`SystemdError`].
    pub async fn kill(&self, name: &str) -> Result<(), SystemdError> {
        const SIGKILL: i32 = 9;
        let manager = self.manager().await?;
        call("KillUnit", manager.kill_unit(name, "main", SIGKILL)).await
    }

    /// Forgets that a unit failed, so that its start limit does not keep it down.
    ///
    /// # Errors
    /// [`SystemdError`].
    pub async fn reset_failed(&self, name: &str) -> Result<(), SystemdError> {
        let manager = self.manager().await?;
        call("ResetFailedUnit", manager.reset_failed_unit(name)).await
    }

    /// Waits, however long that takes, until the state of a unit satisfies a condition.
    ///
    /// # Errors
    /// [`SystemdError`] when systemd goes away.
    pub async fn unit_becomes(
        &self,
        name: &str,
        condition: impl Fn(&Unit) -> bool,
    ) -> Result<Unit, SystemdError> {
        let manager = self.manager().await?;
        call("Subscribe", manager.subscribe()).await?;
        let path = self.load(name).await?;
        let object = UnitObjectProxy::builder(&self.connection)
            .path(path)
            .build()
            .await
            .map_err(|error| refused("GetUnit", &error))?;
        let mut changes = object.receive_active_state_changed().await;
        loop {
            let unit = self.unit(name).await?;
            if condition(&unit) {
                return Ok(unit);
            }
            if changes.next().await.is_none() {
                return Err(SystemdError::Unreachable(
                    "the connection was closed".to_owned(),
                ));
            }
        }
    }

    async fn load(&self, name: &str) -> Result<OwnedObjectPath, SystemdError> {
        let manager = self.manager().await?;
        call("LoadUnit", manager.load_unit(name)).await
    }

    async fn manager(&self) -> Result<ManagerProxy<'_>, SystemdError> {
        ManagerProxy::builder(&self.connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .map_err(|error| refused("Manager", &error))
    }

    async fn unit_object(
        &self,
        path: &OwnedObjectPath,
    ) -> Result<UnitObjectProxy<'_>, SystemdError> {
        UnitObjectProxy::builder(&self.connection)
            .path(path.clone())
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .map_err(|error| refused("GetUnit", &error))
    }
}

async fn call<T>(
    name: &'static str,
    calling: impl Future<Output = zbus::Result<T>>,
) -> Result<T, SystemdError> {
    match tokio::time::timeout(CALL, calling).await {
        Ok(result) => result.map_err(|error| refused(name, &error)),
        Err(_) => Err(SystemdError::Deadline { call: name }),
    }
}

fn refused(call: &'static str, error: &zbus::Error) -> SystemdError {
    SystemdError::Refused {
        call,
        message: error.to_string(),
    }
}
