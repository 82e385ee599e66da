//! Containers: look up, create, start, wait, stop, remove, read the last lines.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::container::LogOutput;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerSummaryStateEnum};
use bollard::query_parameters::{
    CreateContainerOptions, KillContainerOptions, ListContainersOptions, LogsOptions,
    RemoveContainerOptions, StopContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt;

use super::error::within;
use super::{Docker, DockerError, QUICK};
use crate::host::process::ContainerProcess;

/// Deadline for creating, starting and removing: a loaded disk makes them slow, minutes mean a hang.
const CHANGE: Duration = Duration::from_secs(60);

/// What is known of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Id of the image that it was made from.
    pub image_id: String,
    /// Its labels.
    pub labels: HashMap<String, String>,
    /// It runs.
    pub running: bool,
    /// Docker is taking it down.
    pub paused: bool,
    /// Process id of its first process, while it runs.
    pub pid: Option<i64>,
    /// Exit status of its last run.
    pub exit_code: i64,
    /// The kernel killed it for want of memory.
    pub oom_killed: bool,
    /// When it was started, in Docker's words.
    pub started_at: Option<String>,
    /// Docker's error of its last start.
    pub error: String,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Exit status; 128 and the signal's number for a signal.
    pub code: i64,
}

impl Container {
    /// Its first process, where the engine says that it runs.
    pub fn process(&self) -> Option<ContainerProcess> {
        let pid = self.pid.filter(|_| self.running)?;
        Some(ContainerProcess {
            pid: i32::try_from(pid).ok()?,
            container: self.id.clone(),
        })
    }

    /// Whether it runs: an engine that lost its containerd may say so of a process that has ended.
    pub fn runs(&self) -> bool {
        self.running && !self.process().is_some_and(|process| process.gone())
    }
}

impl Docker {
    /// `GET /containers/{name}/json`; `None` where there is none.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn container(&self, name: &str) -> Result<Option<Container>, DockerError> {
        self.container_within(name, QUICK).await
    }

    /// The same with a deadline of its own: an engine that hangs may answer pings and nothing about a container.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn container_within(
        &self,
        name: &str,
        deadline: Duration,
    ) -> Result<Option<Container>, DockerError> {
        let call = self.client.inspect_container(name, None);
        match within("GET /containers/{name}/json", deadline, call).await {
            Ok(found) => Ok(Some(described(found))),
            Err(DockerError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The volumes of one driver that containers have, each as often as it is mounted in one, and whether that one runs.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn volumes_in_use(&self, driver: &str) -> Result<Vec<(String, bool)>, DockerError> {
        let options = ListContainersOptions {
            all: true,
            ..Default::default()
        };
        let call = self.client.list_containers(Some(options));
        let listed = within("GET /containers/json", QUICK, call).await?;
        let mut found = Vec::new();
        for container in listed {
            let runs = matches!(
                container.state,
                Some(ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::PAUSED)
            );
            let mounts = container.mounts.unwrap_or_default().into_iter();
            let ours = mounts.filter(|mount| mount.driver.as_deref() == Some(driver));
            found.extend(ours.filter_map(|mount| Some((mount.name?, runs))));
        }
        Ok(found)
    }

    /// `POST /containers/create`; the id.
    ///
    /// # Errors
    /// [`DockerError::Conflict`] where the name is taken, [`DockerError::NotFound`] where the image is missing.
    pub async fn create(
        &self,
        name: &str,
        body: ContainerCreateBody,
    ) -> Result<String, DockerError> {
        let options = CreateContainerOptions {
            name: Some(name.to_owned()),
            ..Default::default()
        };
        let call = self.client.create_container(Some(options), body);
        Ok(within("POST /containers/create", CHANGE, call).await?.id)
    }

    /// `POST /containers/{name}/start`; a container that runs is fine.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn start(&self, name: &str) -> Result<(), DockerError> {
        let call = self.client.start_container(name, None);
        within("POST /containers/{name}/start", CHANGE, call).await
    }

    /// `POST /containers/{name}/stop`: SIGTERM, and SIGKILL after the grace. None there, or not running, is fine.
    ///
    /// # Errors
    /// [`DockerError::Deadline`] a second after the grace.
    pub async fn stop(&self, name: &str, grace: Duration) -> Result<(), DockerError> {
        let options = StopContainerOptions {
            t: i32::try_from(grace.as_secs()).ok(),
            ..Default::default()
        };
        let call = self.client.stop_container(name, Some(options));
        let deadline = grace + Duration::from_secs(1);
        absence_is_fine(within("POST /containers/{name}/stop", deadline, call).await)
    }

    /// `POST /containers/{name}/kill`. None there, or not running, is fine.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn kill(&self, name: &str) -> Result<(), DockerError> {
        let options = KillContainerOptions {
            signal: "KILL".to_owned(),
        };
        let call = self.client.kill_container(name, Some(options));
        absence_is_fine(within("POST /containers/{name}/kill", QUICK, call).await)
    }

    /// `DELETE /containers/{name}?force=true`. None there is fine.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn remove(&self, name: &str) -> Result<(), DockerError> {
        let options = RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        let call = self.client.remove_container(name, Some(options));
        absence_is_fine(within("DELETE /containers/{name}", CHANGE, call).await)
    }

    /// Waits until a container ends, however long that takes.
    ///
    /// # Errors
    /// [`DockerError`] when the engine goes away or there is no such container.
    pub async fn ended(&self, name: &str) -> Result<Ended, DockerError> {
        let options = WaitContainerOptions {
            condition: "not-running".to_owned(),
        };
        let mut answers = Box::pin(self.client.wait_container(name, Some(options)));
        match answers.next().await {
            Some(Ok(answer)) => Ok(Ended {
                code: answer.status_code,
            }),
            // The client library turns every status but 0 into an error.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => {
                Ok(Ended { code })
            }
            Some(Err(error)) => Err(error.into()),
            None => Err(DockerError::Unreachable(
                "the connection was closed".to_owned(),
            )),
        }
    }

    /// The lines that a container wrote between two moments, at most `bytes` of them, the last ones.
    /// By time and not by `tail`, since Docker loses lines when `tail` and `until` are asked for together.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn lines(
        &self,
        name: &str,
        since: SystemTime,
        until: SystemTime,
        bytes: usize,
    ) -> Result<Vec<String>, DockerError> {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            since: seconds(since),
            // Docker cuts at whole seconds.
            until: seconds(until).saturating_add(1),
            tail: "all".to_owned(),
            ..Default::default()
        };
        let reading = async {
            let mut kept = Vec::new();
            let mut output = Box::pin(self.client.logs(name, Some(options)));
            while let Some(part) = output.next().await {
                match part? {
                    LogOutput::StdOut { message }
                    | LogOutput::StdErr { message }
                    | LogOutput::Console { message } => kept.extend_from_slice(&message),
                    LogOutput::StdIn { .. } => {}
                }
                if kept.len() > 2 * bytes {
                    kept.drain(..kept.len() - bytes);
                }
            }
            Ok::<_, DockerError>(kept)
        };
        let kept = within("GET /containers/{name}/logs", QUICK, reading).await?;
        let last = &kept[kept.len().saturating_sub(bytes)..];
        Ok(String::from_utf8_lossy(last)
            .lines()
            .map(str::to_owned)
            .collect())
    }
}

fn absence_is_fine(result: Result<(), DockerError>) -> Result<(), DockerError> {
    match result {
        Err(DockerError::NotFound(_) | DockerError::Conflict(_)) => Ok(()),
        other => other,
    }
}

fn described(found: ContainerInspectResponse) -> Container {
    let state = found.state.unwrap_or_default();
    Container {
        id: found.id.unwrap_or_default(),
        image_id: found.image.unwrap_or_default(),
        labels: found
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default(),
        running: state.running.unwrap_or_default(),
        paused: state.paused.unwrap_or_default(),
        pid: state.pid.filter(|pid| *pid > 0),
        exit_code: state.exit_code.unwrap_or_default(),
        oom_killed: state.oom_killed.unwrap_or_default(),
        started_at: state.started_at,
        error: state.error.unwrap_or_default(),
    }
}

fn seconds(moment: SystemTime) -> i32 {
    let since_epoch = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    i32::try_from(since_epoch.as_secs()).unwrap_or(i32::MAX)
}
