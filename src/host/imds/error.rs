//! What can go wrong with the instance metadata service, and whether trying again may help.

use super::BODY_LIMIT;

/// Why the service gave no answer. No message holds any part of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImdsError {
    /// No base address, or one that is none.
    #[error("{0:?} is no base address of the instance metadata service; wanted: http://ADDRESS")]
    Endpoint(String),
    /// No connection, or no answer in time. Normal in early boot.
    #[error("the instance metadata service does not answer ({0})")]
    Unreachable(String),
    /// 403: switched off for this instance, or not allowed.
    #[error(
        "the instance metadata service is switched off for this instance (403 for {path}); to mend: aws ec2 modify-instance-metadata-options --http-endpoint enabled"
    )]
    Disabled {
        /// What was asked for, without the version.
        path: String,
    },
    /// A status that is neither 200, 403 nor 404. A 401 is here when a new token did not help.
    #[error("the instance metadata service answered {path} with status {status}")]
    Status {
        /// What was asked for, without the version.
        path: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is longer than anything that the service holds.
    #[error("the answer to {path} is longer than {BODY_LIMIT} bytes")]
    TooLong {
        /// What was asked for, without the version.
        path: String,
    },
    /// The answer is not of the form that the path has.
    #[error("the answer to {path} is not {wanted}")]
    Garbled {
        /// What was asked for, without the version.
        path: String,
        /// The form that the path has.
        wanted: &'static str,
    },
}

impl ImdsError {
    /// An answer that is not of the wanted form, for example `an instance id`.
    pub fn garbled(path: &str, wanted: &'static str) -> Self {
        ImdsError::Garbled {
            path: path.to_owned(),
            wanted,
        }
    }

    /// True when the same request may succeed later. Refused connections, 401 and garbled answers are transient in early
    /// boot; 403 and an address that is none do not pass by themselves.
    pub fn is_worth_retrying(&self) -> bool {
        match self {
            ImdsError::Unreachable(_) | ImdsError::Garbled { .. } => true,
            ImdsError::Status { status, .. } => {
                matches!(status, 401 | 408 | 429 | 500..=599)
            }
            ImdsError::Endpoint(_) | ImdsError::Disabled { .. } | ImdsError::TooLong { .. } => {
                false
            }
        }
    }
}
