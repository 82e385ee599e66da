//! For whoever makes the AMI: fetch and verify the agent's image, seal the image, describe it.

mod describe;
mod fetch;
mod recorded;
mod seal;
mod verify;

pub use describe::{Told, describe};
pub use fetch::{Done, FetchError, PINNED_AGENT, Wish, fetch, url};
pub use recorded::record_path;
pub use seal::{Sealed, remove, targets};
pub use verify::{VerifyError, digest, verify};
