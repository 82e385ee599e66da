//! Notes of the requests that are under way. Docker repeats a request whose connection broke, but without its body (seen
//! with 20.10.24; its client reads the body only once), so a process that comes after a crash has to know by itself what
//! was asked. Pure: the file is the [`super::notebook`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::protocol::{Call, Request};
use super::state::Change;

/// Docker repeats for 30 s after its first try (`defaultTimeOut` of its plugin client). What was older when this process
/// started had been given up before the process before it ended.
const REPEATED: Duration = Duration::from_secs(40);

/// A request that Docker waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When it came, in seconds since the boot.
    at: u64,
    /// The request.
    request: Request,
}

/// What the process before this one had noted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Inherited {
    note: Note,
    /// This process has carried it out.
    done: bool,
    /// Docker was told that it can't be known which request it repeats.
    refused: bool,
}

/// Every note.
#[derive(Debug, Default)]
pub struct Notes {
    own: BTreeMap<u64, Note>,
    inherited: BTreeMap<u64, Inherited>,
    next: u64,
    /// How many mounts the process before this one had noted, and how many were repeated without their body.
    mounts: (usize, usize),
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct File {
    requests: Vec<Note>,
}

/// What is done about a request that came without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeated {
    /// These are carried out, unless they are done already. The answer is that of any.
    CarryOut(Vec<(u64, Request)>),
    /// It can't be known which one it is.
    Refuse(String),
}

impl Notes {
    /// Begins with what the process before this one noted. `now` counts from the boot.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn inherit(file: &[u8], now: Duration) -> Result<Self, String> {
        let File { requests } = serde_json::from_slice(file).map_err(|error| error.to_string())?;
        let mut notes = Notes::default();
        for note in requests {
            let age = now.saturating_sub(Duration::from_secs(note.at));
            // Whoever wanted to unmount has no use for the volume, whether he waits or not.
            if age <= REPEATED || note.request.call() == Some(Call::Unmount) {
                let number = notes.number();
                notes.inherited.insert(
                    number,
                    Inherited {
                        note,
                        done: false,
                        refused: false,
                    },
                );
            }
        }
        notes.mounts.0 = notes.inherited_of(Call::Mount).len();
        Ok(notes)
    }

    /// A mount is repeated without its body.
    pub fn mount_arrives(&mut self) {
        self.mounts.1 += 1;
    }

    /// The file's content.
    ///
    /// # Errors
    /// Those of serialisation.
    pub fn render(&self) -> serde_json::Result<Vec<u8>> {
        let inherited = self.inherited.values().map(|it| it.note.clone());
        let requests = inherited.chain(self.own.values().cloned()).collect();
        serde_json::to_vec(&File { requests })
    }

    /// Notes a request with its body; returns the note's number. It says something of older ones: whoever unmounts was
    /// told that he had mounted, and the other way round; and a client that sends the body again repeats itself.
    pub fn begin(&mut self, request: &Request, now: Duration) -> u64 {
        let opposite = request.opposite();
        self.own
            .retain(|_, note| Some(&note.request) != opposite.as_ref());
        self.inherited.retain(|_, it| {
            it.note.request != *request && Some(&it.note.request) != opposite.as_ref()
        });
        let number = self.number();
        let note = Note {
            at: now.as_secs(),
            request: request.clone(),
        };
        self.own.insert(number, note);
        number
    }

    /// Docker has the answer, or has gone.
    pub fn end(&mut self, number: u64) {
        self.own.remove(&number);
        self.inherited.remove(&number);
    }

    /// What was noted under a number is to be undone, whatever becomes of this process.
    pub fn turn_round(&mut self, number: u64) {
        let own = self.own.get_mut(&number);
        let note = own.or_else(|| self.inherited.get_mut(&number).map(|it| &mut it.note));
        if let Some(note) = note
            && let Some(opposite) = note.request.opposite()
        {
            note.request = opposite;
        }
    }

    /// A note of the process before this one has been carried out.
    pub fn done(&mut self, number: u64) {
        if let Some(inherited) = self.inherited.get_mut(&number) {
            inherited.done = true;
        }
    }

    /// Whether it still has to be carried out.
    pub fn is_due(&self, number: u64) -> bool {
        self.inherited.get(&number).is_some_and(|it| !it.done)
    }

    /// Whether the process before this one noted a change of a count.
    pub fn has_inherited(&self, name: &str, change: Change, id: &str) -> bool {
        let mut inherited = self.inherited.values();
        inherited.any(|it| it.note.request.change() == Some((name, change, id)))
    }

    /// Every request to unmount of the process before this one.
    pub fn unmounts(&self) -> Vec<(u64, Request)> {
        self.inherited_of(Call::Unmount)
    }

    /// Nothing of the process before this one is repeated any more. Returns what was left.
    pub fn forget_inherited(&mut self) -> Vec<Request> {
        let inherited = std::mem::take(&mut self.inherited);
        inherited.into_values().map(|it| it.note.request).collect()
    }

    /// What a request without its body stands for.
    pub fn repeated(&mut self, call: Call) -> Repeated {
        let candidates = self.inherited_of(call);
        let lost = format!(
            "the body of this {} is missing: Docker repeats a request that was cut off",
            call.name()
        );
        if candidates.is_empty() {
            return Repeated::Refuse(format!("{lost}, and none is known that was; try again"));
        }
        // What is unmounted may well be unmounted all: the answers are the same. So are those for one volume.
        let targets: BTreeSet<&str> = candidates
            .iter()
            .filter_map(|(_, it)| it.volume())
            .collect();
        let alike = match call {
            Call::Unmount => true,
            Call::Create => candidates.iter().all(|(_, it)| *it == candidates[0].1),
            // One of more than were noted is for another volume, and nobody must be told of a directory that is not his.
            Call::Mount => targets.len() == 1 && self.mounts.1 <= self.mounts.0,
            _ => targets.len() == 1,
        };
        if alike {
            return Repeated::CarryOut(candidates);
        }
        let named: Vec<String> = targets.iter().map(|name| format!("{name:?}")).collect();
        let why = format!(
            "{lost}, and it may be any of those for {}; try again",
            named.join(", ")
        );
        // Each of them is repeated once and gets this answer.
        let next = self
            .inherited
            .values_mut()
            .find(|it| !it.refused && it.note.request.call() == Some(call));
        if let Some(next) = next {
            next.refused = true;
        }
        Repeated::Refuse(why)
    }

    /// Those that Docker will not come back to, because each one of the kind was refused: nobody has them.
    pub fn all_refused(&self, call: Call) -> Vec<(u64, Request)> {
        let candidates = self.inherited_of(call);
        let refused = |(number, _): &(u64, Request)| self.inherited[number].refused;
        if candidates.iter().all(refused) {
            candidates
        } else {
            Vec::new()
        }
    }

    fn inherited_of(&self, call: Call) -> Vec<(u64, Request)> {
        self.inherited
            .iter()
            .filter(|(_, it)| it.note.request.call() == Some(call))
            .map(|(number, it)| (*number, it.note.request.clone()))
            .collect()
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
