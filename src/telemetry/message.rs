//! Stable ids of records, for `journalctl MESSAGE_ID=…`: one for each kind of record that is worth looking up. What each
//! means and how to mend it is in `packaging/journal/ecs-nanny.catalog`, for `journalctl -x`.

macro_rules! ids {
    ($($(#[$documentation:meta])* $name:ident = $id:literal;)*) => {
        $($(#[$documentation])* pub const $name: &str = $id;)*

        /// Every id with its name.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

ids! {
    /// ecs-nanny started.
    STARTED = "cc73abe99eba409f822a87dc52e17fd9";
    /// ecs-nanny ended, in order.
    ENDED = "27a004fdfb9c916143d283ef022bbed8";
    /// The settings can't be used.
    SETTINGS_BAD = "330344efffbfc2cbc1b49f1bd278fadc";
    /// The phase became `starting`.
    PHASE_STARTING = "8321aa143311b0351634dd0d436aecf3";
    /// The phase became `checking`.
    PHASE_CHECKING = "81378455319d0859982ec5350e034ecc";
    /// The phase became `waiting`.
    PHASE_WAITING = "dde827bf814d2d60d1747d0c8112b404";
    /// The phase became `launching`.
    PHASE_LAUNCHING = "75055a82d0c8a5d3ee5732255d9c8760";
    /// The phase became `registering`.
    PHASE_REGISTERING = "a588a0e6596d51c3214c4929c2bb66e6";
    /// The phase became `healthy`.
    PHASE_HEALTHY = "9b41bbda59013402097063b02ab362b6";
    /// The phase became `degraded`.
    PHASE_DEGRADED = "954e493ea5f8af246373ae7f07c16ca9";
    /// The phase became `held`.
    PHASE_HELD = "5240314f2613595af7325c2430962041";
    /// The phase became `failed`.
    PHASE_FAILED = "7227c0636fe1bc50d4eba76ee36e635a";
    /// The phase became `draining`.
    PHASE_DRAINING = "ea6e2747faf3153e18edf451f230bcf1";
    /// The phase became `stopped`.
    PHASE_STOPPED = "9aa11bd13fee0609055b3f4aa9f9abfd";
    /// The phase has lasted for a while.
    AWAITED = "cecbee343f207ef227ee3e0325d0474c";
    /// A rule, the lint or the plan found something that is not as it should be.
    FINDING = "2f7c9d1e5b3a4e6c8d0f1a2b3c4d5e6f";
    /// What was found is as it should be again.
    MENDED = "4052bd3d04765a11940fb8044c434368";
    /// The Docker daemon answers.
    ENGINE_UP = "077e1303648b36243557a98259e019a4";
    /// The Docker daemon did not come up.
    ENGINE_NOT_UP = "1923cd4e3fdea9bb18fa305011bf572a";
    /// The Docker daemon went away.
    ENGINE_LOST = "7a44b3fe6a7dbded239d8d7a4ba2d73b";
    /// The Docker daemon hung and was killed.
    ENGINE_KILLED = "4cb31bcb36c7e46f318933b35a3ebdda";
    /// The metadata service told who this is.
    INSTANCE_KNOWN = "9809afee90cd26bdc56aee447e7090a1";
    /// The agent's container runs.
    AGENT_RUNNING = "f4a0febd4b807f7c5bb4b971d97bd35f";
    /// The agent's container could not be started.
    AGENT_NOT_STARTED = "9f1a03cc4d9c0f253461575f184aa3cc";
    /// The agent's container ended.
    AGENT_ENDED = "70fc922b935ca11a291f0e2b374c876d";
    /// Why it ended, by its own last words.
    AGENT_EXPLAINED = "42a5d42b523100e88bce423779eb4e87";
    /// The agent hung and was killed.
    AGENT_KILLED = "0c844ab1bd9dc2a15a2e8fc5d932d794";
    /// The agent's unreadable state was moved aside.
    AGENT_STATE_ASIDE = "bfe3336bc0438008ac2f543f18434dbb";
    /// Network settings had gone and were put back.
    REPAIRED = "42043e089f8b9e54c3f04dac9fbd8257";
    /// The agent wants to run another image.
    UPDATE_WANTED = "064f2390dadb1c0fbf11c015b3f3d8f3";
    /// The agent's update has proved itself.
    UPDATE_KEPT = "38a488eb3053025cd87620a308fb33b7";
    /// The volume plugin listens.
    VOLUMES_SERVED = "f70c04ac129944e6afd1b3dab07150aa";
    /// The volume plugin answers, or does no longer.
    VOLUME_PLUGIN = "b088d1e995734b5394c2690d3bb992bf";
    /// A volume was mounted.
    VOLUME_MOUNTED = "0f194396dc744c18877e88f9ae28991f";
    /// A volume was unmounted.
    VOLUME_UNMOUNTED = "e45a0cd95e054e59809e3e9c308feb67";
    /// Something with a volume failed.
    VOLUME_FAILED = "02e11b2f72954eb69f518a1bdd2e0463";
    /// What the volume plugin found at its start was not as it should be.
    VOLUMES_RECOVERED = "a20631b82ffd4ef3b91a32710703fe94";
    /// EC2 or Auto Scaling has announced something for this instance.
    ANNOUNCED = "6c9a0a3d24c34207a66b38bdeb5eef16";
    /// Something was done about the host outside of it.
    ACTED = "d52508fbcf924f0bab5996a37d3f8d9b";
    /// What was announced no longer is.
    CALLED_OFF = "14285c4d5bd54035b7710f28348b308a";
    /// The Auto Scaling group wants another lifecycle state.
    TARGET_STATE = "fc8f495ed577473fac2dbe2b12235514";
}

/// The id of a change to a phase, by the phase's word; `None` where there is no such phase.
pub fn of_phase(word: &str) -> Option<&'static str> {
    let name = format!("PHASE_{}", word.to_ascii_uppercase());
    let found = ALL.iter().find(|(known, _)| *known == name);
    found.map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    const CATALOG: &str = "packaging/journal/ecs-nanny.catalog";

    /// Ids of the catalog with their entries.
    fn catalog() -> BTreeMap<String, String> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(CATALOG);
        let text = std::fs::read_to_string(path).unwrap();
        let entries = text.split("\n-- ").skip(1);
        entries
            .map(|entry| {
                let (id, entry) = entry.split_once('\n').unwrap();
                (id.to_owned(), entry.to_owned())
            })
            .collect()
    }

    #[test]
    fn ids_are_well_formed_and_differ() {
        let different: BTreeSet<&str> = ALL.iter().map(|(_, id)| *id).collect();
        assert_eq!(different.len(), ALL.len());
        for (name, id) in ALL {
            let digits = id
                .bytes()
                .filter(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            assert_eq!((id.len(), digits.count()), (32, 32), "{name}");
        }
    }

    #[test]
    fn the_catalog_explains_every_id_and_no_other() {
        let catalog = catalog();
        let code: BTreeSet<&str> = ALL.iter().map(|(_, id)| *id).collect();
        let explained: BTreeSet<&str> = catalog.keys().map(String::as_str).collect();
        assert_eq!(explained, code, "{CATALOG}");
        for (id, entry) in &catalog {
            let (head, body) = entry.split_once("\n\n").unwrap_or((entry, ""));
            assert!(head.starts_with("Subject: "), "{id}: {head}");
            assert!(head.contains("\nDefined-By: ecs-nanny\n"), "{id}: {head}");
            assert!(body.trim().len() > 40, "{id} explains nothing: {body}");
        }
    }

    #[test]
    fn every_id_is_used_by_a_record() {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut text = String::new();
        read(&source, &mut text);
        for (name, _) in ALL {
            let phase = name
                .strip_prefix("PHASE_")
                .is_some_and(|word| text.contains(&format!("\"{}\"", word.to_ascii_lowercase())));
            assert!(
                phase || text.contains(&format!("message::{name}")),
                "no record has {name}"
            );
        }
    }

    fn read(directory: &std::path::Path, text: &mut String) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, text);
            } else {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
}
