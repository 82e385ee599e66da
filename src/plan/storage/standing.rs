//! What stands on a disk, seen from our labels.

use super::{ARRAY, Deciding, LABEL};
use crate::facts::{Fact, VolumeFacts};

/// What stands on a chosen disk.
pub(super) enum Standing<'a> {
    /// Nothing.
    Empty,
    /// A file system with our label for this place.
    Ours(usize),
    /// A member of our array.
    Member,
    /// Something else, in words.
    Foreign(String),
    /// An array of ours, and what stands on that.
    Array(&'a VolumeFacts),
}

impl<'a> Deciding<'a> {
    pub(super) fn standing(&self, disk: &VolumeFacts) -> Standing<'a> {
        let mut on_it = self
            .volumes
            .iter()
            .filter(|it| it.parents.contains(&disk.device));
        if let Some(upper) = on_it.next() {
            return match &disk.signature {
                Fact::Known(Some(signature)) if is_our_member(signature.label.as_deref()) => {
                    Standing::Array(upper)
                }
                _ => Standing::Foreign(format!("{} {}", upper.kind, upper.device)),
            };
        }
        self.signature(disk)
    }

    pub(super) fn signature(&self, volume: &VolumeFacts) -> Standing<'a> {
        let mounted = |kind: &str| match &volume.mount_point {
            Some(place) => Standing::Foreign(format!("{kind} mounted at {place}")),
            None => Standing::Foreign(kind.to_owned()),
        };
        match &volume.signature {
            Fact::Known(None) if volume.mount_point.is_none() => Standing::Empty,
            Fact::Known(None) => mounted("something"),
            Fact::Known(Some(found)) => {
                let label = found.label.as_deref();
                if found.kind == "linux_raid_member" && is_our_member(label) {
                    return Standing::Member;
                }
                let place = label.and_then(|label| label.strip_prefix(LABEL)?.parse().ok());
                match place {
                    Some(place) if ["ext4", "xfs"].contains(&&*found.kind) => Standing::Ours(place),
                    _ => mounted(&match label {
                        Some(label) => format!("{} {label:?}", found.kind),
                        None => found.kind.clone(),
                    }),
                }
            }
            other => Standing::Foreign(format!(
                "something that can't be told: {}",
                other.why_unknown()
            )),
        }
    }
}

/// A member's label is the array's name behind that of its home.
fn is_our_member(label: Option<&str>) -> bool {
    label.is_some_and(|label| label.rsplit(':').next() == Some(ARRAY))
}
