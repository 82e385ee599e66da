//! Image tarballs as `docker save` writes them, made of one static program. Equal input gives equal bytes.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The real agent's image.
pub const AGENT_TAG: &str = "amazon/amazon-ecs-agent:latest";

/// What an image runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The stand-in agent.
    Agent,
    /// An ordinary container that sleeps until SIGTERM.
    Ordinary,
}

/// An image to be made.
#[derive(Debug, Clone)]
pub struct Image {
    /// What it runs.
    pub kind: Kind,
    /// The static program, `ecs-nanny-lab-agent`.
    pub program: PathBuf,
    /// Its tag.
    pub tag: String,
    /// `NAME=value`, added to the image's environment.
    pub env: Vec<String>,
    /// Architecture in Docker's words; `None` takes that of the program.
    pub architecture: Option<String>,
}

impl Image {
    /// The stand-in agent under the real agent's tag.
    pub fn agent(program: impl Into<PathBuf>) -> Self {
        Image {
            kind: Kind::Agent,
            program: program.into(),
            tag: AGENT_TAG.to_owned(),
            env: Vec::new(),
            architecture: None,
        }
    }

    /// An ordinary container's image, `lab/ordinary:latest`.
    pub fn ordinary(program: impl Into<PathBuf>) -> Self {
        Image {
            kind: Kind::Ordinary,
            tag: "lab/ordinary:latest".to_owned(),
            ..Image::agent(program)
        }
    }

    /// Sets the version that the agent tells.
    pub fn version(mut self, version: &str) -> Self {
        self.env.push(format!("LAB_AGENT_VERSION={version}"));
        self
    }

    /// Writes the tarball and answers with the image's id, `sha256:…`.
    ///
    /// # Errors
    /// The program can't be read or is not a 64-bit ELF file of a known machine; the output can't be written.
    pub fn write(&self, out: impl Write) -> Result<String> {
        let program = std::fs::read(&self.program)
            .with_context(|| format!("cannot read {}", self.program.display()))?;
        let architecture = match &self.architecture {
            Some(architecture) => architecture.as_str(),
            None => architecture_of(&program)
                .with_context(|| format!("{} is no agent", self.program.display()))?,
        };
        let mut layer = tar::Builder::new(Vec::new());
        append(&mut layer, "agent", 0o755, &program)?;
        let layer = layer.into_inner()?;
        let config = self.config(architecture, &hex_digest(&layer)).to_string();
        let id = hex_digest(config.as_bytes());

        let manifest = json!([{
            "Config": format!("{id}.json"),
            "RepoTags": [self.tag],
            "Layers": ["layer/layer.tar"],
        }]);
        let mut archive = tar::Builder::new(out);
        append(
            &mut archive,
            "manifest.json",
            0o644,
            manifest.to_string().as_bytes(),
        )?;
        append(
            &mut archive,
            &format!("{id}.json"),
            0o644,
            config.as_bytes(),
        )?;
        append(&mut archive, "layer/layer.tar", 0o644, &layer)?;
        archive.into_inner()?.flush()?;
        Ok(format!("sha256:{id}"))
    }

    fn config(&self, architecture: &str, layer_digest: &str) -> Value {
        let mut env = vec![
            "PATH=/host/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                .to_owned(),
        ];
        env.extend(self.env.iter().cloned());
        let config = match self.kind {
            Kind::Agent => json!({
                "Env": env,
                "Cmd": ["/agent"],
                "ExposedPorts": {"51678/tcp": {}, "51679/tcp": {}},
                "Healthcheck": {"Test": ["CMD", "/agent", "--healthcheck"]},
            }),
            Kind::Ordinary => json!({"Env": env, "Cmd": ["/agent", "--sleep"]}),
        };
        json!({
            "architecture": architecture,
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "ecs-nanny-lab"}],
        })
    }
}

/// The program's architecture in Docker's words, from its ELF header.
fn architecture_of(program: &[u8]) -> Result<&'static str> {
    let machine = program
        .starts_with(b"\x7fELF\x02")
        .then(|| program.get(18..20))
        .flatten();
    match machine {
        Some([62, 0]) => Ok("amd64"),
        Some([183, 0]) => Ok("arm64"),
        Some(other) => bail!("ELF machine {other:?}; wanted: x86-64 or AArch64"),
        None => bail!("it is not a 64-bit ELF file"),
    }
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &str,
    mode: u32,
    bytes: &[u8],
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    archive.append_data(&mut header, path, bytes)?;
    Ok(())
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn elf(machine: u8) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend([machine, 0]);
        file.write_all(&bytes).unwrap();
        file
    }

    fn archive_of(image: &Image) -> Vec<u8> {
        let mut out = Vec::new();
        image.write(&mut out).unwrap();
        out
    }

    #[test]
    fn equal_input_gives_equal_bytes_and_another_version_another_id() {
        let program = elf(62);
        let image = Image::agent(program.path());
        assert_eq!(archive_of(&image), archive_of(&image));
        let other = image.clone().version("1.106.0");
        assert_ne!(
            image.write(std::io::sink()).unwrap(),
            other.write(std::io::sink()).unwrap()
        );
    }

    #[test]
    fn the_manifest_names_the_tag_and_the_configuration_the_architecture() {
        let program = elf(183);
        let bytes = archive_of(&Image::agent(program.path()));
        let mut texts = tar::Archive::new(&bytes[..])
            .entries()
            .unwrap()
            .take(2)
            .map(|entry| {
                let mut text = String::new();
                entry.unwrap().read_to_string(&mut text).unwrap();
                serde_json::from_str::<Value>(&text).unwrap()
            })
            .collect::<Vec<_>>();
        let config = texts.pop().unwrap();
        let manifest = texts.pop().unwrap();
        assert_eq!(manifest[0]["RepoTags"][0], AGENT_TAG);
        assert_eq!(config["architecture"], "arm64");
    }

    #[test]
    fn a_program_of_an_unknown_machine_is_refused() {
        let program = elf(40);
        let error = Image::agent(program.path())
            .write(std::io::sink())
            .unwrap_err();
        assert!(format!("{error:#}").contains("ELF machine"), "{error:#}");
    }
}
