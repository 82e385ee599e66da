//! Whether the instance's role has credentials yet. Their secret parts are never kept.

use std::time::SystemTime;

use serde::Deserialize;

use super::{Imds, ImdsError};

const DIRECTORY: &str = "meta-data/iam/security-credentials/";

/// How far the credentials of the instance's role are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsState {
    /// No role: there is no instance profile, or the service does not know it yet.
    NoRole,
    /// The role has none yet, or they cannot be used.
    NotReady {
        /// The role's name.
        role: String,
        /// Why, in one line.
        why: String,
    },
    /// They can be used.
    Ready {
        /// The role's name.
        role: String,
        /// When they end.
        expires: SystemTime,
    },
}

/// The parts of the answer that are no secrets.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
    expiration: Option<String>,
}

impl Imds {
    /// Whether the credentials of the instance's role can be used: `Code` is `Success` and `Expiration` in the future.
    /// Soon after the launch they may be absent.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn credentials_ready(&self) -> Result<CredentialsState, ImdsError> {
        let roles = self.get(DIRECTORY).await?.unwrap_or_default();
        let Some(role) = roles.lines().next().filter(|role| !role.is_empty()) else {
            return Ok(CredentialsState::NoRole);
        };
        let not_ready = |why: String| CredentialsState::NotReady {
            role: role.to_owned(),
            why,
        };
        let path = format!("{DIRECTORY}{role}");
        let Some(text) = self.get(&path).await? else {
            return Ok(not_ready("the service has none yet".to_owned()));
        };
        // The parser's own message could quote a secret.
        let answer: Answer = serde_json::from_str(&text)
            .map_err(|_| ImdsError::garbled(&path, "credentials as JSON"))?;
        drop(text);
        if answer.code != "Success" {
            return Ok(not_ready(format!("Code is {}", answer.code)));
        }
        let expires = answer
            .expiration
            .and_then(|text| humantime::parse_rfc3339(&text).ok())
            .ok_or_else(|| ImdsError::garbled(&path, "credentials with an Expiration"))?;
        if expires <= SystemTime::now() {
            let expired = humantime::format_rfc3339_seconds(expires);
            return Ok(not_ready(format!("they expired at {expired}")));
        }
        Ok(CredentialsState::Ready {
            role: role.to_owned(),
            expires,
        })
    }
}
