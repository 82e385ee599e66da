//! The agent's image in the engine.

use std::path::Path;

use crate::host::docker::Docker;
use crate::settings::Agent;
use crate::supervise::news::News;

use super::{Crew, Kind};

impl Crew {
    pub(super) fn prepare_image(&mut self) {
        let Some(docker) = self.docker.clone() else {
            return;
        };
        let wanted = self.settings.agent.clone();
        self.spawn(Kind::Image, async move {
            match prepare(&docker, &wanted).await {
                Ok(id) => News::ImageReady { id },
                Err((invalid, why)) => News::ImageMissing { invalid, why },
            }
        });
    }
}

async fn prepare(docker: &Docker, wanted: &Agent) -> Result<String, (bool, String)> {
    let look = || async {
        docker
            .image(&wanted.image)
            .await
            .map_err(|error| (false, error.to_string()))
    };
    if let Some(image) = look().await? {
        return Ok(image.id);
    }
    let tarball = Path::new(&wanted.tarball);
    if !tarball.exists() {
        return Err((
            false,
            format!(
                "{} is not loaded, and there is no {}",
                wanted.image, wanted.tarball
            ),
        ));
    }
    tracing::info!("loading {}", wanted.tarball);
    docker
        .load_image(tarball)
        .await
        .map_err(|error| (true, format!("{}: {error}", wanted.tarball)))?;
    look().await?.map(|image| image.id).ok_or_else(|| {
        (
            true,
            format!("{} holds no {}", wanted.tarball, wanted.image),
        )
    })
}
