//! Asks the metadata service, and tells when what is announced changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::notice::{self, Announced};
use super::schedule::{Intervals, Schedule, Subject};
use crate::facts::InstanceFacts;
use crate::host::alarm::Alarm;
use crate::host::imds::Imds;
use crate::snapshot::{LifecycleView, Notice, Snapshot, Timestamp};

/// Watches for as long as there is a supervision: once the instance is known, asks about what can be announced to it, and
/// sends the whole view when it changes.
pub async fn watch(
    imds: Imds,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    intervals: Intervals,
    views: mpsc::UnboundedSender<LifecycleView>,
) {
    let known = snapshots.wait_for(|snapshot| snapshot.instance.is_some());
    let Some(instance) = known.await.ok().and_then(|seen| seen.instance.clone()) else {
        return;
    };
    let mut watching = Watching::new(&instance, intervals);
    let mut alarm = Alarm::new();
    while let Some((subject, at)) = watching.schedule.next() {
        tokio::select! {
            () = alarm.at(at) => {}
            () = views.closed() => return,
        }
        let answer = imds.get(subject.path()).await;
        let read = answer.and_then(|text| {
            let announced = notice::read(subject, text.as_deref(), Timestamp::now())?;
            Ok((announced, text.is_some()))
        });
        let (now, random) = (Instant::now(), fastrand::f64());
        match read {
            Ok((announced, there)) => {
                watching.schedule.answered(subject, there, now, random);
                if let Some(view) = watching.take(subject, announced) {
                    // The supervision may just have ended.
                    let _ = views.send(view);
                }
            }
            Err(error) => {
                tracing::debug!("{} is asked again: {error}", subject.path());
                watching.schedule.failed(subject, now, random);
            }
        }
    }
}

/// What is announced so far.
struct Watching {
    schedule: Schedule,
    target_state: Option<String>,
    notices: BTreeMap<Subject, Vec<Notice>>,
    told: LifecycleView,
}

impl Watching {
    fn new(instance: &InstanceFacts, intervals: Intervals) -> Self {
        Watching {
            schedule: Schedule::of(
                instance,
                intervals,
                SystemTime::now(),
                Instant::now(),
                fastrand::f64,
            ),
            target_state: instance.target_lifecycle_state.clone(),
            notices: BTreeMap::new(),
            told: LifecycleView::default(),
        }
    }

    /// Takes what an answer announced; the new view where it differs from the one that was told.
    fn take(&mut self, subject: Subject, announced: Announced) -> Option<LifecycleView> {
        let before = self.notices.remove(&subject).unwrap_or_default();
        let notices = announced.notices.into_iter().map(|notice| {
            // What was seen before keeps the moment when it was.
            let known = before.iter().find(|known| known.same(&notice));
            known.cloned().unwrap_or(notice)
        });
        self.notices.insert(subject, notices.collect());
        if subject == Subject::TargetState {
            self.target_state = announced.target_state;
        }
        let view = LifecycleView {
            target_state: self.target_state.clone(),
            notices: self.notices.values().flatten().cloned().collect(),
            ..LifecycleView::default()
        };
        (view != self.told).then(|| {
            self.told = view.clone();
            view
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ecs_nanny_lab::imds::{Imds as Service, What};

    use super::*;
    use crate::snapshot::{NoticeName, sample};

    const QUICK: Intervals = Intervals {
        spot: Duration::from_millis(20),
        target_state: Duration::from_millis(20),
        maintenance: Duration::from_millis(20),
    };

    /// A watch over the lab's service, for the sample's Spot instance in a group.
    struct World {
        service: Service,
        views: mpsc::UnboundedReceiver<LifecycleView>,
        _snapshots: watch::Sender<Arc<Snapshot>>,
    }

    impl World {
        fn begin() -> Self {
            let service = Service::on_loopback().unwrap();
            service.set(Subject::TargetState.path(), "InService");
            let imds = Imds::new(&[service.url()]).unwrap();
            let (snapshots, seen) = watch::channel(Arc::new(sample::empty()));
            let (sender, views) = mpsc::unbounded_channel();
            tokio::spawn(watch(imds, seen, QUICK, sender));
            snapshots.send_replace(Arc::new(sample::full()));
            World {
                service,
                views,
                _snapshots: snapshots,
            }
        }

        /// The next view of which something is true.
        async fn until(&mut self, wanted: impl Fn(&LifecycleView) -> bool) -> LifecycleView {
            loop {
                let view = self.views.recv().await.unwrap();
                if wanted(&view) {
                    return view;
                }
            }
        }
    }

    fn names(view: &LifecycleView) -> Vec<NoticeName> {
        view.notices.iter().map(|notice| notice.name).collect()
    }

    #[tokio::test]
    async fn each_change_is_told_once_with_the_moment_when_it_was_first_seen() {
        let mut world = World::begin();
        let view = world.until(|_| true).await;
        assert_eq!(view.target_state.as_deref(), Some("InService"));
        world.service.set(
            Subject::Rebalance.path(),
            r#"{"noticeTime": "2026-11-21T08:22:00Z"}"#,
        );
        let first = world
            .until(|view| names(view) == [NoticeName::Rebalance])
            .await;
        world.service.set(Subject::TargetState.path(), "Terminated");
        let both = [NoticeName::Rebalance, NoticeName::Termination];
        let second = world.until(|view| names(view) == both).await;
        assert_eq!(second.notices[0], first.notices[0]);
        world.service.remove(Subject::Rebalance.path());
        world
            .until(|view| names(view) == [NoticeName::Termination])
            .await;
        assert!(
            world.views.try_recv().is_err(),
            "what does not change is not told"
        );
    }

    #[tokio::test]
    async fn a_service_that_fails_takes_nothing_away() {
        let mut world = World::begin();
        world.service.set(Subject::TargetState.path(), "Terminated");
        world
            .until(|view| names(view) == [NoticeName::Termination])
            .await;
        world.service.set_faults([What::Garbage.into()]).await;
        let asked = || world.service.requests().values().sum::<u64>();
        let before = asked();
        while asked() < before + 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(world.views.try_recv().is_err());
    }
}
