//! The plugin: carries out requests. Those for one volume wait for each other, those for several do not.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio::time::Instant;

use crate::host::files::{self, Root};
use crate::host::mounts;
use crate::telemetry::message;

use super::STATE_FILE;
use super::doubts::Doubts;
use super::ledger::{Ledger, Step};
use super::name;
use super::notebook::Notebook;
use super::on_host::{self, UNMOUNT};
use super::protocol::{self, Call, Request};
use super::recovery::{Recovery, recover};
use super::state::{Change, State, Unanswered};

/// How long a mount may take, waiting for its turn included. Docker asks for no longer than two minutes.
const MOUNT: Duration = Duration::from_secs(100);
/// As ecs-init's: for nobody but root.
const STATE_MODE: u32 = 0o600;

/// The volumes of this host.
pub struct Plugin {
    pub(super) ledger: RefCell<Ledger>,
    pub(super) notebook: Notebook,
    /// Requests without their body wait for each other, by call: the first may carry out what the next one asks.
    pub(super) repeating: [Mutex<()>; Call::ALL.len()],
    pub(super) doubts: RefCell<Doubts>,
    /// Told whenever doubts may be settled.
    pub(super) doubted: Notify,
    turns: RefCell<HashMap<String, Arc<Mutex<()>>>>,
    saving: Mutex<()>,
}

/// What was done, and what of it counts once Docker has the answer.
pub struct Done {
    /// The answer.
    pub answer: Value,
    /// The use that was counted.
    pub counted: Option<Counted>,
}

/// A use that was counted for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub(super) name: String,
    pub(super) change: Change,
    pub(super) id: String,
}

impl Plugin {
    /// Takes over what the process before this one left: its state, and what it was doing.
    ///
    /// # Errors
    /// The mounts of this host can't be read.
    pub async fn open() -> io::Result<Self> {
        let file = match Root::host().read_if_present(STATE_FILE) {
            Ok(file) => file.map(|file| file.bytes),
            Err(error) => {
                tracing::warn!("{STATE_FILE}: {error}");
                // Which is no state either.
                Some(Vec::new())
            }
        };
        // What was under way must not end after it was looked at.
        for volume in State::parse(file.as_deref().unwrap_or_default())
            .state
            .volumes
            .values()
        {
            mounts::end_abandoned(&volume.path).await;
        }
        let notebook = Notebook::open();
        let Recovery {
            mut ledger,
            half_mounted,
            aside,
            notes,
        } = recover(file.as_deref(), &mounts::table()?, &now());
        let mut unchanged = file.is_none() && notes.is_empty();
        if notebook.is_whole {
            let noted = |name: &str, it: &Unanswered| {
                notebook.read(|notes| notes.has_inherited(name, it.change, &it.id))
            };
            unchanged &= !ledger.retain_repeatable(noted);
        }
        if !aside.is_empty() {
            on_host::put_aside(STATE_FILE, &aside.join("; "));
        }
        for note in notes {
            tracing::warn!(MESSAGE_ID = message::VOLUMES_RECOVERED, "{note}");
        }
        let plugin = Plugin {
            ledger: RefCell::new(ledger),
            notebook,
            repeating: Default::default(),
            doubts: RefCell::default(),
            doubted: Notify::new(),
            turns: RefCell::default(),
            saving: Mutex::default(),
        };
        let until = Instant::now() + UNMOUNT;
        for (name, path) in half_mounted {
            if let Err(why) = on_host::unmount(&path, until).await {
                tracing::warn!(
                    MESSAGE_ID = message::VOLUME_FAILED,
                    "volume {name:?}: {why}"
                );
            }
        }
        if !unchanged && let Err(why) = plugin.save().await {
            tracing::warn!(MESSAGE_ID = message::VOLUME_FAILED, "{why}");
        }
        Ok(plugin)
    }

    /// How many volumes there are.
    pub fn volumes(&self) -> usize {
        self.ledger.borrow().volumes().len()
    }

    /// What is counted may be more than is used.
    pub(super) fn doubt(&self) {
        self.doubts
            .borrow_mut()
            .raise(self.ledger.borrow().volumes());
        self.doubted.notify_one();
    }

    /// Carries out one request. It must not be dropped on the way.
    ///
    /// # Errors
    /// For Docker, and by way of Docker and the agent for whoever looks at the task.
    pub async fn handle(&self, request: Request) -> Result<Done, String> {
        let done = match request {
            Request::Activate => Ok(protocol::activated().into()),
            Request::Capabilities => Ok(protocol::capabilities().into()),
            Request::List => Ok(protocol::volumes(self.ledger.borrow().volumes()).into()),
            Request::Get { name } => {
                let ledger = self.ledger.borrow();
                let volume = ledger.volume(&name)?;
                return Ok(protocol::volume(&name, volume).into());
            }
            Request::Path { name } => {
                let path = self.path(&name)?;
                Ok(protocol::mountpoint(&path).into())
            }
            Request::Create { name, options } => self.create(&name, &options).await,
            Request::Remove { name } => self.remove(&name).await,
            Request::Mount { name, id } => self.mount(&name, &id).await,
            Request::Unmount { name, id } => self.unmount(&name, &id).await,
        };
        // Nobody waits for them any more.
        let mut turns = self.turns.borrow_mut();
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        done.inspect_err(|why| tracing::warn!(MESSAGE_ID = message::VOLUME_FAILED, "{why}"))
    }

    async fn create(&self, name: &str, options: &BTreeMap<String, String>) -> Result<Done, String> {
        let _turn = self.turn(name, Instant::now() + UNMOUNT).await?;
        let created = self.ledger.borrow_mut().create(name, options, &now())?;
        if created && let Err(why) = self.save().await {
            self.ledger.borrow_mut().remove(name);
            return Err(why);
        }
        tracing::debug!("volume {name:?} is created");
        Ok(protocol::done().into())
    }

    async fn remove(&self, name: &str) -> Result<Done, String> {
        let until = Instant::now() + UNMOUNT;
        let _turn = self.turn(name, until).await?;
        // One that is not there was removed by a request whose answer was lost.
        if let Ok(path) = self.path(name) {
            on_host::unmount(&path, until)
                .await
                .map_err(|why| format!("volume {name:?}: {why}"))?;
            on_host::remove_directory(&path);
            self.ledger.borrow_mut().remove(name);
            tracing::debug!("volume {name:?} is removed");
        }
        self.save().await?;
        Ok(protocol::done().into())
    }

    async fn mount(&self, name: &str, id: &str) -> Result<Done, String> {
        let until = Instant::now() + MOUNT;
        let _turn = self.turn(name, until).await?;
        let path = self.path(name)?;
        let step = self
            .ledger
            .borrow_mut()
            .mount(name, id, on_host::is_mounted(&path)?)?;
        if step == Step::Host {
            self.mount_on_host(name, &path, until).await?;
        }
        if step != Step::Answer {
            self.ledger.borrow_mut().count(name, id);
            if let Err(why) = self.save().await {
                self.take_back(name, id, &path).await;
                return Err(why);
            }
        }
        Ok(Done {
            answer: protocol::mountpoint(&path),
            counted: Some(Counted::new(name, Change::Mount, id)),
        })
    }

    async fn mount_on_host(&self, name: &str, path: &str, until: Instant) -> Result<(), String> {
        let failed = |why: String| format!("volume {name:?} can't be mounted: {why}");
        // A copy: nothing else may wait for the ledger.
        let options = self.ledger.borrow().how_to_mount(name)?.clone();
        let device = name::device(&options)?;
        on_host::can_mount(&device).map_err(failed)?;
        // Whoever comes after a crash has to know that what is mounted there is nobody's.
        self.ledger.borrow_mut().mounting(name);
        let result = match self.save().await {
            Ok(()) => on_host::mount(&device, path, until).await,
            Err(why) => Err(why),
        };
        let Err(why) = result else {
            tracing::info!(
                MESSAGE_ID = message::VOLUME_MOUNTED,
                "volume {name:?} is mounted: {} at {path}",
                device.device
            );
            return Ok(());
        };
        self.ledger.borrow_mut().not_mounted(name);
        if let Err(why) = self.save().await {
            tracing::warn!(MESSAGE_ID = message::VOLUME_FAILED, "{why}");
        }
        Err(failed(why))
    }

    async fn unmount(&self, name: &str, id: &str) -> Result<Done, String> {
        let until = Instant::now() + UNMOUNT;
        let _turn = self.turn(name, until).await?;
        let path = self.path(name)?;
        let step = self
            .ledger
            .borrow_mut()
            .unmount(name, id, on_host::is_mounted(&path)?)?;
        if step == Step::Host {
            on_host::unmount(&path, until)
                .await
                .map_err(|why| format!("volume {name:?}: {why}"))?;
            tracing::info!(
                MESSAGE_ID = message::VOLUME_UNMOUNTED,
                "volume {name:?} is unmounted: nobody uses it any more"
            );
        }
        if step != Step::Answer {
            self.ledger.borrow_mut().uncount(name, id);
            self.save().await?;
        }
        Ok(Done {
            answer: protocol::done(),
            counted: Some(Counted::new(name, Change::Unmount, id)),
        })
    }

    /// Takes back a use that nobody knows of, and unmounts after the last one.
    pub(super) async fn take_back(&self, name: &str, id: &str, path: &str) {
        let last = self.ledger.borrow_mut().take_back(name, id);
        if last && let Err(why) = on_host::unmount(path, Instant::now() + UNMOUNT).await {
            tracing::warn!(
                MESSAGE_ID = message::VOLUME_FAILED,
                "volume {name:?}: {why}"
            );
        }
    }

    pub(super) fn path(&self, name: &str) -> Result<String, String> {
        Ok(self.ledger.borrow().volume(name)?.path.clone())
    }

    /// Waits until nothing else is under way for a volume.
    pub(super) async fn turn(
        &self,
        name: &str,
        until: Instant,
    ) -> Result<OwnedMutexGuard<()>, String> {
        let turn = self
            .turns
            .borrow_mut()
            .entry(name.to_owned())
            .or_default()
            .clone();
        tokio::time::timeout_at(until, turn.lock_owned())
            .await
            .map_err(|_| {
                format!(
                    "an earlier request for volume {name:?} is still under way; its mount hangs"
                )
            })
    }

    /// Writes the state, without holding up other volumes while the disk works.
    pub(super) async fn save(&self) -> Result<(), String> {
        let failed = |why: String| format!("{STATE_FILE} can't be written: {why}");
        let _order = self.saving.lock().await;
        let rendered = self.ledger.borrow().state().render();
        let bytes = rendered.map_err(|error| failed(error.to_string()))?;
        let write = move || files::replace(Path::new(STATE_FILE), STATE_MODE, &bytes);
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

impl From<Value> for Done {
    fn from(answer: Value) -> Self {
        Done {
            answer,
            counted: None,
        }
    }
}

impl Counted {
    pub(super) fn new(name: &str, change: Change, id: &str) -> Self {
        Counted {
            name: name.to_owned(),
            change,
            id: id.to_owned(),
        }
    }
}

fn now() -> String {
    humantime::format_rfc3339_nanos(SystemTime::now()).to_string()
}
