//! The volumes and who uses them: what a request changes, and what has to be done before. No clock, no I/O.

use std::collections::BTreeMap;

use super::name;
use super::state::{Change, State, Unanswered, Volume};

/// The volumes, and what Docker may send a second time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    state: State,
    /// Counted by the process before this one and perhaps not answered: once each, and for a while.
    repeatable: Vec<(String, Unanswered)>,
}

/// What a mount or unmount needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is done already.
    Answer,
    /// Its count changes, and nothing else.
    Count,
    /// The host mounts or unmounts first.
    Host,
}

impl Ledger {
    /// Begins with a state.
    pub fn new(state: State) -> Self {
        let mut repeatable = Vec::new();
        for (name, volume) in &state.volumes {
            let unanswered = volume.ours.unanswered.iter().cloned();
            repeatable.extend(unanswered.map(|it| (name.clone(), it)));
        }
        Ledger { state, repeatable }
    }

    /// The state, to be written.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Every volume.
    pub fn volumes(&self) -> &BTreeMap<String, Volume> {
        &self.state.volumes
    }

    /// One volume.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn volume(&self, name: &str) -> Result<&Volume, String> {
        let volume = self.state.volumes.get(name);
        volume.ok_or_else(|| format!("there is no volume {name:?}"))
    }

    /// Adds a volume; true when it was not there. The same one again is no error: Docker asks again where an answer was
    /// lost.
    ///
    /// # Errors
    /// Why there can be no such volume.
    pub fn create(
        &mut self,
        name: &str,
        options: &BTreeMap<String, String>,
        now: &str,
    ) -> Result<bool, String> {
        let path = name::target_for(name, options)?;
        name::device(options)?;
        if let Some(there) = self.state.volumes.get(name) {
            if there.options == *options {
                return Ok(false);
            }
            return Err(format!(
                "there is a volume {name:?} with other options; remove it first"
            ));
        }
        let volume = Volume {
            fs_type: options.get("type").cloned().unwrap_or_default(),
            path,
            options: options.clone(),
            created_at: now.to_owned(),
            ..Volume::default()
        };
        self.state.volumes.insert(name.to_owned(), volume);
        Ok(true)
    }

    /// Forgets a volume.
    pub fn remove(&mut self, name: &str) {
        self.state.volumes.remove(name);
        self.repeatable.retain(|(repeatable, _)| repeatable != name);
    }

    /// The options by which a volume is mounted.
    ///
    /// # Errors
    /// Nobody knows them.
    pub fn how_to_mount(&self, name: &str) -> Result<&BTreeMap<String, String>, String> {
        let volume = self.volume(name)?;
        if volume.ours.rebuilt {
            return Err(format!(
                "how volume {name:?} is mounted was lost with {}; remove it and create it anew",
                super::STATE_FILE
            ));
        }
        Ok(&volume.options)
    }

    /// What a mount for `id` needs, given whether the volume is mounted.
    ///
    /// # Errors
    /// There is no such volume.
    pub fn mount(&mut self, name: &str, id: &str, mounted: bool) -> Result<Step, String> {
        self.volume(name)?;
        self.is_not_repeated(name, Change::Unmount, id);
        // Whatever was counted: who is told that it is mounted writes into it.
        if !mounted {
            return Ok(Step::Host);
        }
        Ok(if self.is_repeated(name, Change::Mount, id) {
            Step::Answer
        } else {
            Step::Count
        })
    }

    /// What an unmount for `id` needs.
    ///
    /// # Errors
    /// There is no such volume.
    pub fn unmount(&mut self, name: &str, id: &str, mounted: bool) -> Result<Step, String> {
        // Docker would not ask for it if it did not know that it had mounted.
        self.is_not_repeated(name, Change::Mount, id);
        if self.is_repeated(name, Change::Unmount, id) {
            return Ok(Step::Answer);
        }
        let volume = self.volume(name)?;
        Ok(match volume.mounts.get(id) {
            None => Step::Answer,
            Some(_) if mounted && volume.references() == 1 => Step::Host,
            Some(_) => Step::Count,
        })
    }

    /// It is about to be mounted.
    pub fn mounting(&mut self, name: &str) {
        if let Some(volume) = self.state.volumes.get_mut(name) {
            volume.ours.mounting = true;
        }
    }

    /// It could not be mounted.
    pub fn not_mounted(&mut self, name: &str) {
        if let Some(volume) = self.state.volumes.get_mut(name) {
            volume.ours.mounting = false;
        }
    }

    /// One more use, of a volume that is mounted.
    pub fn count(&mut self, name: &str, id: &str) {
        if let Some(volume) = self.state.volumes.get_mut(name) {
            volume.ours.mounting = false;
            *volume.mounts.entry(id.to_owned()).or_default() += 1;
            volume.ours.unanswered.push(Unanswered {
                change: Change::Mount,
                id: id.to_owned(),
            });
        }
    }

    /// One use less.
    pub fn uncount(&mut self, name: &str, id: &str) {
        if let Some(volume) = self.state.volumes.get_mut(name)
            && volume.release(id)
        {
            volume.ours.unanswered.push(Unanswered {
                change: Change::Unmount,
                id: id.to_owned(),
            });
        }
    }

    /// Takes back a use that nobody was told of. True when nobody else uses the volume.
    pub fn take_back(&mut self, name: &str, id: &str) -> bool {
        self.answered(name, Change::Mount, id);
        let Some(volume) = self.state.volumes.get_mut(name) else {
            return false;
        };
        volume.release(id);
        volume.mounts.is_empty()
    }

    /// Nobody uses a volume, whatever is counted.
    pub fn nobody_uses(&mut self, name: &str) {
        if let Some(volume) = self.state.volumes.get_mut(name) {
            volume.mounts.clear();
            volume.ours.unanswered.clear();
        }
        self.repeatable.retain(|(repeatable, _)| repeatable != name);
    }

    /// Docker has the answer: it will not ask again. True when that changed anything.
    pub fn answered(&mut self, name: &str, change: Change, id: &str) -> bool {
        let Some(volume) = self.state.volumes.get_mut(name) else {
            return false;
        };
        let unanswered = &mut volume.ours.unanswered;
        let place = unanswered
            .iter()
            .position(|it| it.change == change && it.id == id);
        place.map(|place| unanswered.remove(place)).is_some()
    }

    /// What the process before this one did not answer is not asked again any more. True when there was anything.
    pub fn forget_repeatable(&mut self) -> bool {
        let mut changed = false;
        for (name, unanswered) in std::mem::take(&mut self.repeatable) {
            changed |= self.answered(&name, unanswered.change, &unanswered.id);
        }
        changed
    }

    /// Only what was noted as unanswered is asked again. True when there was anything else.
    pub fn retain_repeatable(&mut self, is_noted: impl Fn(&str, &Unanswered) -> bool) -> bool {
        let (noted, answered) = std::mem::take(&mut self.repeatable)
            .into_iter()
            .partition(|(name, it)| is_noted(name, it));
        self.repeatable = answered;
        let changed = self.forget_repeatable();
        self.repeatable = noted;
        changed
    }

    /// It was answered, as something else says.
    fn is_not_repeated(&mut self, name: &str, change: Change, id: &str) {
        while self.is_repeated(name, change, id) {
            self.answered(name, change, id);
        }
    }

    /// Whether the process before this one has counted this already; it is true once.
    fn is_repeated(&mut self, name: &str, change: Change, id: &str) -> bool {
        let place = self
            .repeatable
            .iter()
            .position(|(repeatable, it)| repeatable == name && it.change == change && it.id == id);
        let Some(place) = place else { return false };
        self.repeatable.remove(place);
        true
    }
}
