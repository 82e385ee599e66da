//! Images: look up, load from a tarball, tag, remove.

use std::path::Path;
use std::time::Duration;

use bollard::models::ImageInspect;
use bollard::query_parameters::{ImportImageOptions, RemoveImageOptions, TagImageOptions};
use futures_util::StreamExt;
use tokio_util::io::ReaderStream;

use super::error::within;
use super::{Docker, DockerError, QUICK};

/// Deadline for loading an image: EBS volumes made from a fresh snapshot are slow at their first read (minutes).
const LOAD: Duration = Duration::from_secs(600);

impl Docker {
    /// `GET /images/{name}/json`; `None` where there is none.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn image(&self, name: &str) -> Result<Option<ImageInspect>, DockerError> {
        let call = self.client.inspect_image(name);
        match within("GET /images/{name}/json", QUICK, call).await {
            Ok(found) => Ok(Some(found)),
            Err(DockerError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `POST /images/load` from a file. Errors in the progress stream are errors.
    ///
    /// # Errors
    /// [`DockerError::File`] where the file can't be opened, else what the engine said.
    pub async fn load_image(&self, tarball: &Path) -> Result<(), DockerError> {
        let file = tokio::fs::File::open(tarball)
            .await
            .map_err(|error| DockerError::File {
                path: tarball.display().to_string(),
                error,
            })?;
        // Larger than the reader's 4 KiB, so that a load is not a hundred thousand wake-ups.
        const PART: usize = 256 * 1024;
        let parts = ReaderStream::with_capacity(file, PART);
        let options = ImportImageOptions {
            quiet: true,
            ..Default::default()
        };
        let loading = async {
            let mut progress = Box::pin(self.client.import_image_stream(options, parts, None));
            while let Some(line) = progress.next().await {
                if let Some(detail) = line?.error_detail {
                    return Err(DockerError::Refused {
                        status: 200,
                        message: detail.message.unwrap_or_default(),
                    });
                }
            }
            Ok(())
        };
        within("POST /images/load", LOAD, loading).await
    }

    /// `POST /images/{name}/tag`.
    ///
    /// # Errors
    /// [`DockerError::NotFound`] where the image is missing.
    pub async fn tag_image(&self, image: &str, repo: &str, tag: &str) -> Result<(), DockerError> {
        let options = TagImageOptions {
            repo: Some(repo.to_owned()),
            tag: Some(tag.to_owned()),
        };
        let call = self.client.tag_image(image, Some(options));
        within("POST /images/{name}/tag", QUICK, call).await
    }

    /// `DELETE /images/{name}`: a tag, and the image with its last tag. None there is fine.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn remove_image(&self, name: &str) -> Result<(), DockerError> {
        let call = self
            .client
            .remove_image(name, None::<RemoveImageOptions>, None);
        match within("DELETE /images/{name}", QUICK * 6, call).await {
            Ok(_) | Err(DockerError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
