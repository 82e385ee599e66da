//! Acting as the daemon has it done: its task, this program, and stand-ins for AWS and the metadata service.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ecs_nanny::host::files::Root;
use ecs_nanny::lifecycle::{self, Tools};
use ecs_nanny::settings::{Document, Settings, merge};
use ecs_nanny::snapshot::{ActionView, LifecycleView, Notice, NoticeName, Snapshot, Timestamp};
use ecs_nanny_lab::aws::Aws;
use ecs_nanny_lab::imds::Imds;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ecs-nanny-aws");
/// How long anything may take that is not itself timed.
const PATIENCE: Duration = Duration::from_secs(60);

pub const INSTANCE: &str = "i-0123456789abcdef0";
pub const ARN: &str = "arn:aws:ecs:us-east-1:123456789012:container-instance/blue/0123";

/// The document of a host in a group, with changes by their paths.
pub fn snapshot(phase: &str, changes: &[(&str, Value)]) -> Snapshot {
    let now = Timestamp::now();
    let mut document = json!({
        "schema": 1, "phase": phase, "reason": null, "detail": "",
        "since": now, "updated_at": now, "valid_until": now,
        "nanny": {"version": "0", "pid": 1, "started_at": now},
        "instance": {
            "instance_id": INSTANCE, "instance_type": "m7i.large", "region": "us-east-1",
            "auto_scaling_group": "blue-group",
        },
        "host": {}, "engine": {}, "retry": null, "findings": [],
        "agent": {"cluster": "blue", "container_instance_arn": ARN},
        "lifecycle": {"target_state": "InService"},
    });
    for (path, value) in changes {
        let (above, name) = path.rsplit_once('/').unwrap();
        document.pointer_mut(above).unwrap()[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

pub fn settings(acting: &str) -> Settings {
    let document = Document {
        path: "/etc/ecs-nanny/config.d/50-lab.toml".to_owned(),
        text: format!("[acting]\n{acting}\n"),
    };
    merge(&[document]).unwrap().settings
}

pub struct World {
    pub aws: Aws,
    _imds: Imds,
    snapshots: watch::Sender<Arc<Snapshot>>,
    announced: mpsc::UnboundedSender<LifecycleView>,
    views: mpsc::UnboundedReceiver<LifecycleView>,
    view: LifecycleView,
    directory: tempfile::TempDir,
    _settings: watch::Sender<Arc<Settings>>,
}

impl World {
    /// Acting by these settings on a host that is starting. To be called on a `LocalSet`.
    pub fn begin(acting: &str) -> Self {
        Self::prepared(acting, |_| {})
    }

    /// The same, with the host's tree as it is at the beginning.
    pub fn prepared(acting: &str, prepare: impl FnOnce(&Root)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        prepare(&root);
        let aws = Aws::on_loopback().unwrap();
        let imds = Imds::on_loopback().unwrap();
        let program = script(
            &directory,
            "ecs-nanny-aws",
            &format!(
                "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE\n\
                 export HOME=/nonexistent AWS_ENDPOINT_URL={} AWS_EC2_METADATA_SERVICE_ENDPOINT={}\n\
                 exec {PROGRAM} \"$@\"",
                aws.url(),
                imds.url()
            ),
        );
        let told = directory.path().join("commands");
        let nanny = script(
            &directory,
            "ecs-nanny",
            &format!("echo \"$@\" >> {}", told.display()),
        );
        let tools = Tools {
            root,
            aws: program.display().to_string(),
            nanny: nanny.display().to_string(),
        };
        let (snapshots, seen) = watch::channel(Arc::new(snapshot("starting", &[])));
        let (announced, announcements) = mpsc::unbounded_channel();
        let (sender, views) = mpsc::unbounded_channel();
        let in_force = watch::Sender::new(Arc::new(settings(acting)));
        let acting = lifecycle::act(tools, announcements, seen, in_force.subscribe(), sender);
        tokio::task::spawn_local(acting);
        World {
            aws,
            _imds: imds,
            snapshots,
            announced,
            views,
            view: LifecycleView::default(),
            directory,
            _settings: in_force,
        }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        Root::at(self.directory.path()).path(path)
    }

    /// What the user's command was called with.
    pub fn commands(&self) -> String {
        fs::read_to_string(self.directory.path().join("commands")).unwrap_or_default()
    }

    pub fn show(&self, snapshot: Snapshot) {
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    pub fn announce(&self, name: NoticeName) {
        let notice = Notice {
            name,
            detail: String::new(),
            at: None,
            seen_at: Timestamp::now(),
        };
        let view = LifecycleView {
            notices: vec![notice],
            ..LifecycleView::default()
        };
        self.announced.send(view).unwrap();
    }

    /// Waits for a view of which something is true.
    pub async fn until(&mut self, wanted: impl Fn(&LifecycleView) -> bool) -> LifecycleView {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !wanted(&self.view) {
                self.view = self.views.recv().await.unwrap();
            }
        });
        if waited.await.is_err() {
            panic!(
                "{:#?}\n{:#?}\n{:#?}",
                self.view,
                self.aws.calls(),
                self.aws.unsigned()
            );
        }
        self.view.clone()
    }

    /// Waits until an action stands so.
    pub async fn until_action(&mut self, name: &str, state: &str) -> ActionView {
        let is = |action: &&ActionView| action.name == name && action.state == state;
        let view = self
            .until(|view| view.actions.iter().any(|action| is(&action)))
            .await;
        view.actions.iter().find(is).unwrap().clone()
    }

    /// The calls so far, each with its parameters in order; every request was signed as it should be.
    pub fn calls(&self) -> Vec<String> {
        assert_eq!(self.aws.unsigned(), Vec::<String>::new());
        let calls = self.aws.calls().into_iter().map(|call| {
            let parameters: Vec<String> = call
                .parameters
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!("{} {}", call.action, parameters.join(" "))
        });
        calls.collect()
    }
}

fn script(directory: &tempfile::TempDir, name: &str, lines: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}
