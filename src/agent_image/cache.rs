//! The cache that ecs-init and ecs-nanny share, and what is to be done with it: nothing, load, wait or refuse.

use super::findings::{kept, only_rejected};
use super::identity::{LoadedImage, carries};
use super::manifest::{ArchivedImage, Tarball, TarballError, read_tarball};
use super::record::{KnownImage, Origin, Record};
use super::{Unsuitable, Wanted};
use crate::finding::{Finding, Severity};
use crate::host::files::Root;

/// The cache's directory (ecs-init, `config/common.go`).
pub const CACHE_DIRECTORY: &str = "/var/cache/ecs";
/// Where ecs-init and its packages keep the cache's state.
pub const STATE_PATH: &str = "/var/cache/ecs/state";
/// What to write there after each load, so that ecs-init finds the cache as it would have left it.
pub const STATE_AFTER_LOAD: &[u8] = b"1";
/// The permission bits that ecs-init gives the state file.
pub const STATE_MODE: u32 = 0o700;

/// The state of the cache (ecs-init, `cache/cache.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheState {
    /// 0, no file or no number: nothing is known of the tarball.
    Uncached,
    /// 1: the tarball was loaded.
    Cached,
    /// 2: a package brought a tarball that wants to be loaded over whatever is in Docker.
    ReloadNeeded,
}

impl CacheState {
    /// What a state file says. ecs-init reads the number that it begins with.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = bytes.trim_ascii_start();
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&text[..digits]).ok();
        match number.and_then(|digits| digits.parse().ok()) {
            Some(1u32) => CacheState::Cached,
            Some(2) => CacheState::ReloadNeeded,
            _ => CacheState::Uncached,
        }
    }
}

/// The cache as it was read.
#[derive(Debug, Clone)]
pub struct Cache {
    /// What its state file says. It speaks of the tarball in [`CACHE_DIRECTORY`] only.
    pub state: CacheState,
    /// The tarball of the settings.
    pub tarball: Result<Tarball, TarballError>,
    /// The tarball that a self-update brought, where the record says that the current image came so.
    pub update: Option<Result<Tarball, TarballError>>,
    /// What was recorded.
    pub record: Record,
}

impl Cache {
    /// Reads the cache's files.
    pub fn read(root: &Root, wanted: &Wanted, record: Record) -> Self {
        let state = match root.read(STATE_PATH) {
            Ok(file) if wanted.tarball.starts_with(CACHE_DIRECTORY) => {
                CacheState::parse(&file.bytes)
            }
            _ => CacheState::Uncached,
        };
        let update = record
            .current
            .as_ref()
            .filter(|current| current.origin == Origin::Update)
            .and_then(|current| current.tarball.as_deref())
            .map(|path| read_tarball(root, path));
        Cache {
            state,
            tarball: read_tarball(root, &wanted.tarball),
            update,
            record,
        }
    }
}

/// What is to be done for the wanted image to be in Docker.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It is there.
    Ready {
        /// The image, for [`super::Event::Using`].
        image: KnownImage,
        /// Whether [`STATE_AFTER_LOAD`] is to be written: what the package wants loaded is loaded already.
        mark_cached: bool,
        /// What was noticed: a tarball that is out of order, or older than what is in use.
        noticed: Option<Finding>,
    },
    /// A tarball is to be loaded, and the result verified with [`verify`].
    Load {
        /// Path of the tarball.
        tarball: String,
        /// What it promises.
        expected: ArchivedImage,
        /// The image, for [`super::Event::Using`]; its id is Docker's only after the load.
        image: KnownImage,
        /// Why, for people.
        why: String,
    },
    /// There is nothing to load: wait.
    Missing {
        /// Why, for people.
        why: String,
        /// The command that fetches it.
        command: String,
    },
    /// What there is can't be used: wait, and say why.
    Refused(Finding),
}

/// Decides what is to be done for the wanted image to be in Docker. `loaded` is what Docker has under the wanted
/// reference.
///
/// An image that failed its probation is used only where there is no other.
pub fn decide(cache: &Cache, loaded: Option<&LoadedImage>, wanted: &Wanted) -> Decision {
    let package = Offer::of(&cache.tarball, Origin::Package, wanted);
    let in_docker = loaded.map(|image| usable(image, package.as_ref().ok(), cache, wanted));
    let (why, last_resort) = match in_docker {
        None => (format!("{} is not in Docker", wanted.reference), None),
        Some(Err(unsuitable)) => {
            let why = format!("the image in Docker can't be used: {unsuitable}");
            (why, None)
        }
        Some(Ok(image)) => match cache.record.rejection(&image.fingerprint) {
            None => return beside_package(cache, image, package),
            Some(rejected) => {
                let why = format!("the image in Docker was rejected: {}", rejected.why);
                (why, Some(image))
            }
        },
    };
    let update = cache
        .update
        .as_ref()
        .and_then(|tarball| Offer::of(tarball, Origin::Update, wanted).ok())
        .filter(|offer| cache.in_use(&offer.image));
    let offers: Vec<&Offer> = update.iter().chain(package.as_ref().ok()).collect();
    let accepted = offers.iter().find(|offer| !cache.rejects(&offer.image));
    match (accepted.or(offers.first()), last_resort) {
        (Some(offer), None) => offer.load(cache, why),
        (Some(offer), Some(_)) if accepted.is_some() => offer.load(cache, why),
        (_, Some(image)) => Decision::Ready {
            noticed: Some(only_rejected(&image, why, wanted)),
            image,
            mark_cached: false,
        },
        (None, None) => nothing_to_load(cache, package.err(), wanted, why),
    }
}

/// Whether what Docker has under the tag after a load is what the tarball promised.
///
/// # Errors
/// What is wrong with it.
pub fn verify(
    loaded: &LoadedImage,
    expected: &ArchivedImage,
    wanted: &Wanted,
) -> Result<(), Unsuitable> {
    let promised = || {
        let same = expected.ids.contains(&loaded.id)
            || expected.contents.fingerprint() == loaded.contents.fingerprint();
        same.then_some(()).ok_or_else(|| Unsuitable::NotAsPromised {
            found: loaded.id.clone(),
            wanted: expected.ids.join(" or "),
        })
    };
    carries(&loaded.tags, wanted)
        .and_then(|()| loaded.contents.fits(wanted))
        .and_then(|()| promised())
}

impl Cache {
    fn rejects(&self, image: &KnownImage) -> bool {
        self.record.rejection(&image.fingerprint).is_some()
    }

    fn in_use(&self, image: &KnownImage) -> bool {
        self.record
            .current
            .as_ref()
            .is_some_and(|current| current.is(image))
    }
}

/// An image that a tarball offers.
#[derive(Clone)]
struct Offer {
    tarball: String,
    expected: ArchivedImage,
    image: KnownImage,
}

impl Offer {
    fn of(
        tarball: &Result<Tarball, TarballError>,
        origin: Origin,
        wanted: &Wanted,
    ) -> Result<Self, Box<Finding>> {
        let tarball = tarball
            .as_ref()
            .map_err(|error| Box::new(error.finding(&wanted.tarball, wanted)))?;
        let expected = tarball
            .image(wanted)
            .map_err(|unsuitable| Box::new(unsuitable.finding(&tarball.path)))?;
        Ok(Offer {
            tarball: tarball.path.clone(),
            expected: expected.clone(),
            image: tarball.known(expected, origin),
        })
    }

    fn load(&self, cache: &Cache, mut why: String) -> Decision {
        if let Some(current) = &cache.record.current
            && self.image.is_older_than(current)
        {
            why.push_str(&format!(
                "; this is {}, older than {}, which was in use",
                self.image.name(),
                current.name()
            ));
        }
        Decision::Load {
            tarball: self.tarball.clone(),
            expected: self.expected.clone(),
            image: self.image.clone(),
            why,
        }
    }
}

/// What is known of the image in Docker, where it may be used.
fn usable(
    loaded: &LoadedImage,
    package: Option<&Offer>,
    cache: &Cache,
    wanted: &Wanted,
) -> Result<KnownImage, Unsuitable> {
    let fingerprint = loaded.contents.fingerprint();
    let packaged = package.filter(|offer| offer.image.fingerprint == fingerprint);
    match loaded.fits(wanted) {
        // The containerd store gives it another id; the tarball, which has the pinned one, tells that it is the same.
        Err(Unsuitable::Digest { .. }) if packaged.is_some() => {}
        result => result?,
    }
    let known = cache
        .record
        .find(&fingerprint)
        .or(packaged.map(|offer| &offer.image));
    Ok(match known {
        Some(known) => KnownImage {
            id: loaded.id.clone(),
            ..known.clone()
        },
        None => loaded.known(Origin::Package, None),
    })
}

/// The image in Docker may be used: does a package want another one in its place?
fn beside_package(
    cache: &Cache,
    image: KnownImage,
    package: Result<Offer, Box<Finding>>,
) -> Decision {
    let mut mark_cached = false;
    let mut noticed = None;
    if cache.state == CacheState::ReloadNeeded {
        match package {
            Err(problem) => {
                noticed = Some(Finding {
                    severity: Severity::Recommended,
                    ..*problem
                });
            }
            Ok(offer) if offer.image.is(&image) => mark_cached = true,
            Ok(offer) if cache.rejects(&offer.image) => {
                noticed = Some(kept(&offer.image, "it was rejected before", &image));
            }
            Ok(offer) if image.origin == Origin::Update && offer.image.is_older_than(&image) => {
                noticed = Some(kept(&offer.image, "it is older", &image));
            }
            Ok(offer) => {
                let why = format!(
                    "a package brought {} and wants it loaded",
                    offer.image.name()
                );
                return offer.load(cache, why);
            }
        }
    }
    Decision::Ready {
        image,
        mark_cached,
        noticed,
    }
}

fn nothing_to_load(
    cache: &Cache,
    problem: Option<Box<Finding>>,
    wanted: &Wanted,
    mut why: String,
) -> Decision {
    let absent = matches!(
        cache.tarball,
        Err(TarballError::Absent | TarballError::DanglingLink { .. })
    );
    if let Some(problem) = &problem {
        why.push_str(&format!("; {}: {}", wanted.tarball, problem.observed));
    }
    match problem {
        Some(problem) if !absent => Decision::Refused(Finding {
            observed: why,
            ..*problem
        }),
        _ => Decision::Missing {
            why,
            command: wanted.fetch_command(),
        },
    }
}

#[cfg(test)]
mod tests;
