//! What Docker was told, and what it was not: each request is noted before it is carried out and until it is answered, and
//! what comes again without its body is found among the notes.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::telemetry::message;

use super::Plugin;
use super::notes::{Notes, Repeated};
use super::on_host::UNMOUNT;
use super::plugin::{Counted, Done};
use super::protocol::{self, Call, Received, Request};
use super::state::Change;

/// Connections that broke together are made again together, as Docker's pauses are the same for all.
const TOGETHER: Duration = Duration::from_millis(250);

/// What is open until Docker has an answer.
#[derive(Debug, Default)]
pub struct Open {
    note: Option<u64>,
    counted: Option<Counted>,
}

impl Plugin {
    /// Notes what arrived and carries it out: the answer, or what is wrong in words. It must not be dropped on the way.
    pub async fn receive(&self, received: Received) -> (Result<Value, String>, Open) {
        let is_docker = match &received {
            Received::Repeated(_) => true,
            // Whether the plugin answers is asked by others too.
            Received::Request(request) => request.call().is_some(),
        };
        if is_docker && !self.doubts.borrow().is_empty() {
            self.doubted.notify_one();
        }
        let (note, result) = match received {
            Received::Repeated(call) => {
                if call == Call::Mount {
                    self.notebook.mark(Notes::mount_arrives);
                    tokio::time::sleep(TOGETHER).await;
                }
                let _order = self.repeating[call as usize].lock().await;
                self.repeated(call).await
            }
            Received::Request(request) => {
                let note = match request.call() {
                    Some(_) => Some(self.note(&request).await),
                    None => None,
                };
                (note, self.handle(request).await)
            }
        };
        match result {
            Ok(Done { answer, counted }) => (Ok(answer), Open { note, counted }),
            Err(why) => {
                let counted = None;
                (Err(why), Open { note, counted })
            }
        }
    }

    async fn note(&self, request: &Request) -> u64 {
        self.notebook
            .write(|notes, now| notes.begin(request, now))
            .await
    }

    /// Carries out what a request without its body stands for; with the note that ends with its answer.
    async fn repeated(&self, call: Call) -> (Option<u64>, Result<Done, String>) {
        let candidates = match self.notebook.mark(|notes| notes.repeated(call)) {
            Repeated::CarryOut(candidates) => candidates,
            Repeated::Refuse(why) => {
                tracing::warn!(MESSAGE_ID = message::VOLUME_FAILED, "{why}");
                self.undo_refused(call).await;
                // Docker may have asked for the volume (Get) in order to unmount it: it does not unmount after an error.
                self.doubt();
                return (None, Err(why));
            }
        };
        let mut answer = None;
        for (number, request) in candidates {
            let result = self.once(number, request).await;
            let failed = result.is_err();
            let (_, answer) = answer.get_or_insert((number, result));
            if failed && answer.is_ok() {
                // Docker may mean this one.
                *answer = Err("another request that was cut off could not be repeated".to_owned());
            }
        }
        match answer {
            Some((number, result)) => (Some(number), result),
            None => (None, Err("nothing is known of this request".to_owned())),
        }
    }

    /// Carries out what was noted by the process before this one, unless this process already has.
    async fn once(&self, number: u64, request: Request) -> Result<Done, String> {
        let Some((name, change, id)) = request.change() else {
            // The others may be carried out as often as one likes.
            return self.handle(request).await;
        };
        if self.notebook.read(|notes| notes.is_due(number)) {
            let done = self.handle(request).await?;
            self.notebook.mark(|notes| notes.done(number));
            return Ok(done);
        }
        let answer = match change {
            Change::Mount => protocol::mountpoint(&self.path(name)?),
            Change::Unmount => protocol::done(),
        };
        let counted = Some(Counted::new(name, change, id));
        Ok(Done { answer, counted })
    }

    /// Unmounts for those whose request the process before this one was killed at: they are through with the volume,
    /// whether they ask again or not.
    pub async fn resume_unmounts(&self) {
        let _order = self.repeating[Call::Unmount as usize].lock().await;
        for (number, request) in self.notebook.read(|notes| notes.unmounts()) {
            // A failure is recorded where it happens, and tried again when Docker asks.
            let _ = self.once(number, request).await;
        }
    }

    /// Docker was told of each of several mounts that it could not be had: none of them is counted.
    async fn undo_refused(&self, call: Call) {
        if call != Call::Mount {
            return;
        }
        let refused = self.notebook.read(|notes| notes.all_refused(call));
        for (number, request) in refused {
            if let Some((name, _, id)) = request.change() {
                self.undo(number, name, id).await;
            }
            self.notebook.write(|notes, _| notes.end(number)).await;
        }
    }

    /// Docker has the answer.
    pub async fn answered(&self, open: Open) {
        // In this order: a use whose note is gone is not repeated, whatever the state says.
        if let Some(number) = open.note {
            self.notebook.write(|notes, _| notes.end(number)).await;
        }
        let Some(Counted { name, change, id }) = open.counted else {
            return;
        };
        let changed = self.ledger.borrow_mut().answered(&name, change, &id);
        if changed {
            self.save_or_say().await;
        }
    }

    /// Docker has gone away before the answer: whoever wanted a mount does not know that it has one.
    pub async fn unanswered(&self, open: Open) {
        if let (Some(number), Some(Counted { name, change, id })) = (open.note, &open.counted)
            && *change == Change::Mount
        {
            tracing::warn!(
                MESSAGE_ID = message::VOLUME_FAILED,
                "Docker no longer waits for volume {name:?}; its use is taken back"
            );
            self.undo(number, name, id).await;
        }
        self.answered(open).await;
    }

    /// Takes a use back that nobody knows of. Its note says so from now on, should this process be killed at it.
    async fn undo(&self, number: u64, name: &str, id: &str) {
        self.notebook
            .write(|notes, _| notes.turn_round(number))
            .await;
        if let Ok(_turn) = self.turn(name, Instant::now() + UNMOUNT).await
            && let Ok(path) = self.path(name)
        {
            self.take_back(name, id, &path).await;
            self.save_or_say().await;
        }
    }

    /// Ends what the process before this one left unanswered: Docker no longer repeats it.
    pub async fn forget_repeatable(&self) {
        self.resume_unmounts().await;
        let forgotten = self.notebook.mark(|notes| notes.forget_inherited());
        if !forgotten.is_empty() {
            self.notebook.write(|_, _| ()).await;
        }
        let mut changed = self.ledger.borrow_mut().forget_repeatable();
        for request in forgotten {
            if let Some((name, change, id)) = request.change() {
                changed |= self.ledger.borrow_mut().answered(name, change, id);
            }
        }
        if changed {
            self.save_or_say().await;
        }
    }

    async fn save_or_say(&self) {
        if let Err(why) = self.save().await {
            tracing::warn!(MESSAGE_ID = message::VOLUME_FAILED, "{why}");
        }
    }
}
