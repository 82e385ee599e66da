//! The agent's image in the engine: found, loaded and verified; changed by a self-update.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::agent_image::{
    Cache, Decision, KnownImage, LoadedImage, Origin, RECORD_PATH, Record, STATE_AFTER_LOAD,
    STATE_MODE, STATE_PATH, Step, Wanted, candidate, decide, desired_image, prunable, update_files,
    verify,
};
use crate::finding::Finding;
use crate::host::docker::{Docker, DockerError};
use crate::host::files::{Root, replace};
use crate::supervise::news::{ImageProblem, News};
use crate::supervise::state::{Answer, Event};

use super::{Crew, Kind};

/// Root alone reads the record.
const RECORD_MODE: u32 = 0o600;

/// Why the image is not ready.
struct NotReady {
    problem: ImageProblem,
    why: String,
}

impl From<DockerError> for NotReady {
    fn from(error: DockerError) -> Self {
        NotReady {
            problem: ImageProblem::Unknown,
            why: error.to_string(),
        }
    }
}

impl Crew {
    fn wanted(&self) -> Wanted {
        Wanted::new(&self.settings.agent, std::env::consts::ARCH)
    }

    pub(super) fn prepare_image(&mut self) {
        let Some(docker) = self.docker.clone() else {
            return;
        };
        if self.left_to_amazon() {
            // Its unit loads the image.
            let ready = Event::Answered(Answer::ImageReady);
            let _ = self.news.send(News::Plain(ready));
            return;
        }
        let wanted = self.wanted();
        let root = self.root.clone();
        let record = self.image_record.clone();
        self.spawn(Kind::Image, async move {
            match prepare(&docker, root, wanted, record).await {
                Ok((image, noticed)) => News::ImageReady {
                    image: Box::new(image),
                    noticed,
                },
                Err(NotReady { problem, why }) => News::ImageMissing { problem, why },
            }
        });
    }

    /// Writes the record of images. Records are written in the order of these calls.
    pub fn write_image_record(&mut self, bytes: Vec<u8>) {
        let turn = self.record_turn.clone();
        tokio::task::spawn_local(async move {
            let _turn = turn.lock().await;
            write_record(bytes).await;
        });
    }

    /// Reads which image the agent wants to run.
    pub fn read_desired_image(&mut self) {
        let root = self.root.clone();
        let wanted = self.wanted();
        self.spawn(Kind::Image, async move {
            let reading = tokio::task::spawn_blocking(move || candidate(&root, &wanted));
            match reading.await {
                Ok(Ok(image)) => News::UpdateWanted(Box::new(image)),
                Ok(Err(error)) => News::NoUpdate(Box::new(error.finding())),
                Err(error) => News::ImageChanged(Err(error.to_string())),
            }
        });
    }

    /// Does the steps of a change of images, after the record of it is on the disk.
    pub fn change_image(&mut self, steps: Vec<Step>) {
        let Some(docker) = self.docker.clone() else {
            let _ = self.news.send(News::ImageChanged(Err(
                "the Docker daemon is not up".to_owned()
            )));
            return;
        };
        let reference = self.settings.agent.image.clone();
        let turn = self.record_turn.clone();
        self.spawn(Kind::Image, async move {
            drop(turn.lock().await);
            let changed = change(&docker, &reference, steps).await;
            News::ImageChanged(changed.map(Box::new).map_err(|error| error.to_string()))
        });
    }

    /// Removes an image that nothing needs.
    pub fn remove_image(&mut self, id: String) {
        let Some(docker) = self.docker.clone() else {
            return;
        };
        tokio::task::spawn_local(async move {
            if let Err(error) = docker.remove_image(&id).await {
                tracing::debug!("image {id} stays: {error}");
            }
        });
    }

    /// Removes tarballs of updates that nothing needs.
    pub fn prune_updates(&mut self) {
        let root = self.root.clone();
        let record = self.image_record.clone();
        tokio::task::spawn_blocking(move || {
            let files = update_files(&root, SystemTime::now());
            let desired = desired_image(&root).ok();
            for file in prunable(&files, &record, desired.as_deref()) {
                match std::fs::remove_file(root.path(&file)) {
                    Ok(()) => tracing::info!("removed {file}, which nothing needs"),
                    Err(error) => tracing::debug!("{file} stays: {error}"),
                }
            }
        });
    }
}

/// Looks for the image until the engine says whether it has it: one that hangs has not lost it.
async fn answered(docker: &Docker, reference: &str) -> Result<Option<LoadedImage>, DockerError> {
    const AGAIN: Duration = Duration::from_secs(1);
    loop {
        match look(docker, reference).await {
            Err(error @ (DockerError::Deadline { .. } | DockerError::Exhausted(_))) => {
                tracing::debug!("the image is looked for again: {error}");
                tokio::time::sleep(AGAIN).await;
            }
            answer => return answer,
        }
    }
}

async fn prepare(
    docker: &Docker,
    root: Root,
    wanted: Wanted,
    record: Record,
) -> Result<(KnownImage, Option<Finding>), NotReady> {
    let loaded = answered(docker, &wanted.reference).await?;
    let decided = {
        let wanted = wanted.clone();
        let loaded = loaded.clone();
        tokio::task::spawn_blocking(move || {
            let cache = Cache::read(&root, &wanted, record);
            decide(&cache, loaded.as_ref(), &wanted)
        })
        .await
        .map_err(|error| NotReady {
            problem: ImageProblem::Invalid,
            why: error.to_string(),
        })?
    };
    match decided {
        Decision::Ready {
            image,
            mark_cached,
            noticed,
        } => {
            if mark_cached {
                write_cache_state().await;
            }
            Ok((image, noticed))
        }
        Decision::Load {
            tarball,
            expected,
            mut image,
            why,
        } => {
            tracing::info!("loading {tarball}: {why}");
            let invalid = |why: String| NotReady {
                problem: ImageProblem::Invalid,
                why,
            };
            docker
                .load_image(Path::new(&tarball))
                .await
                .map_err(|error| invalid(format!("{tarball}: {error}")))?;
            let found = look(docker, &wanted.reference).await?;
            let found = found
                .ok_or_else(|| invalid(format!("{tarball} brought no {}", wanted.reference)))?;
            verify(&found, &expected, &wanted)
                .map_err(|unsuitable| invalid(unsuitable.finding(&tarball).sentence()))?;
            write_cache_state().await;
            image.id.clone_from(&found.id);
            Ok((image, None))
        }
        Decision::Missing { why, command } => Err(NotReady {
            problem: ImageProblem::Absent,
            why: format!("{why}; to fetch it: {command}"),
        }),
        Decision::Refused(finding) => Err(NotReady {
            problem: ImageProblem::Invalid,
            why: finding.sentence(),
        }),
    }
}

async fn look(docker: &Docker, reference: &str) -> Result<Option<LoadedImage>, DockerError> {
    Ok(docker.image(reference).await?.map(LoadedImage::from))
}

/// So that a change back to ecs-init finds its cache in order.
async fn write_cache_state() {
    write(STATE_PATH, STATE_MODE, STATE_AFTER_LOAD.into()).await;
}

async fn write_record(bytes: Vec<u8>) {
    write(RECORD_PATH, RECORD_MODE, bytes).await;
}

async fn write(path: &'static str, mode: u32, bytes: Vec<u8>) {
    let writing = tokio::task::spawn_blocking(move || replace(Path::new(path), mode, &bytes));
    match writing.await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!("{path} could not be written: {error}"),
        Err(error) => tracing::warn!("{path} could not be written: {error}"),
    }
}

async fn change(
    docker: &Docker,
    reference: &str,
    steps: Vec<Step>,
) -> Result<KnownImage, DockerError> {
    for step in steps {
        match step {
            Step::Tag { image, reference } => {
                let (repo, tag) = reference.rsplit_once(':').unwrap_or((&reference, "latest"));
                docker.tag_image(&image, repo, tag).await?;
            }
            Step::Untag { reference } => docker.remove_image(&reference).await?,
            Step::Load { tarball } => {
                tracing::info!("loading {tarball}");
                docker.load_image(Path::new(&tarball)).await?;
            }
        }
    }
    let found = look(docker, reference).await?;
    found
        .map(|image| image.known(Origin::Update, None))
        .ok_or_else(|| DockerError::NotFound(format!("{reference} is not there after the change")))
}
