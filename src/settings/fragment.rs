//! One settings file as it is written: every key optional, unknown keys refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{
    AgentBackend, BakedState, EngineBackend, Fetch, FileSystem, Layout, Level, LogFormat, OnEc2,
    OnFailed, OnHung, OnUnfit, OnUserDataFailed, Switch, WithoutDriver,
};

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $name {
            $(pub(super) $key: Option<Spanned<$kind>>,)*
        }
    };
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Fragment {
    pub(super) acting: ActingTable,
    pub(super) agent: AgentTable,
    pub(super) checks: ChecksTable,
    pub(super) engine: EngineTable,
    pub(super) gpu: GpuTable,
    pub(super) health: HealthTable,
    pub(super) log: LogTable,
    pub(super) metadata: MetadataTable,
    pub(super) run: RunTable,
    pub(super) storage: StorageTable,
    pub(super) user_data: UserDataTable,
}

table!(
    /// `[acting]`
    ActingTable {
        unhealthy_after: String,
        group: String,
        launch_hook: String,
        abandon_after: String,
        heartbeat: String,
        drain_on: Vec<String>,
        drain_budget: String,
        command: Vec<String>,
        power_off_after: String,
    }
);

table!(
    /// `[agent]`
    AgentTable {
        backend: AgentBackend,
        image: String,
        tarball: String,
        digest: String,
        extra_env: BTreeMap<String, String>,
        updates: Switch,
        attributes: Switch,
        fetch: Fetch,
        fetch_from: String,
        baked_state: BakedState,
        allow_default_cluster: bool,
        stop_grace: String,
        restart_silent_after: String,
        disconnected_after: String,
        restart_disconnected_after: String,
    }
);

table!(
    /// `[checks]`
    ChecksTable {
        profiles: Vec<String>,
        on_unfit: OnUnfit,
        emr_release: String,
        oldest_agent: String,
    }
);

table!(
    /// `[engine]`
    EngineTable {
        backend: EngineBackend,
        unit: String,
        socket: String,
        dockerd: String,
        data_root: String,
        exec_root: String,
        pid_file: String,
        args: Vec<String>,
        start_timeout: String,
        restart_hung_after: String,
        on_hung: OnHung,
        config: toml::Table,
        restart_for_config: Switch,
    }
);

table!(
    /// `[gpu]`
    GpuTable {
        wait: String,
        without_driver: WithoutDriver,
        configure_runtime: Switch,
    }
);

table!(
    /// `[health]`
    HealthTable { tcp: String }
);

table!(
    /// `[log]`
    LogTable {
        level: Level,
        format: LogFormat,
    }
);

table!(
    /// `[metadata]`
    MetadataTable {
        ec2: OnEc2,
        endpoints: Vec<String>,
        budget: String,
        credentials: String,
    }
);

table!(
    /// `[run]`
    RunTable {
        on_failed: OnFailed,
        slow_retry: String,
    }
);

table!(
    /// `[storage]`
    StorageTable {
        instance_store: Vec<String>,
        layout: Layout,
        file_system: FileSystem,
        mount_at: Vec<String>,
        format: Switch,
        grow: Vec<String>,
    }
);

table!(
    /// `[user_data]`
    UserDataTable {
        on_failed: OnUserDataFailed,
        budget: String,
    }
);
