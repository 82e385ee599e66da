//! Whatever stands in the agent's files, Docker can take the request.

use ecs_nanny::agent_config::{USER_PATH, VENDOR_PATH};
use ecs_nanny::facts::{ConfigFile, Content, Fact, Facts};
use ecs_nanny::plan::build;
use ecs_nanny::settings::Settings;
use proptest::prelude::*;

use crate::{request, variable};

fn lines() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        any::<Vec<u8>>(),
        "(ECS_AVAILABLE_LOGGING_DRIVERS|ECS_RESERVED_PORTS|ECS_LOG_OPTS|ECS_AGENT_LABELS|DOCKER_HOST)=[\\[\\]{}\"',a-z0-9 \\\\]{0,20}"
            .prop_map(String::into_bytes),
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join(&b'\n'))
}

proptest! {
    #[test]
    fn the_environment_is_always_usable(vendor in lines(), user in lines()) {
        let mut facts = Facts::default();
        for (path, bytes) in [(VENDOR_PATH, &vendor), (USER_PATH, &user)] {
            let content = Content::from_bytes(bytes);
            let file = ConfigFile { mode: 0o600, content };
            facts.host.agent_config.insert(path.to_owned(), Fact::Known(Some(file)));
        }
        let plan = build(&Settings::default(), &facts);
        for entry in request(&plan).env.iter().flatten() {
            let (name, value) = entry.split_once('=').unwrap();
            prop_assert!(!name.is_empty() && !name.contains(char::is_whitespace), "{entry:?}");
            prop_assert!(!value.contains('\0'), "{entry:?}");
        }
        let drivers = variable(&plan, "ECS_AVAILABLE_LOGGING_DRIVERS").unwrap();
        let drivers: Vec<String> = serde_json::from_str(drivers).unwrap();
        prop_assert!(drivers.iter().any(|driver| driver == "awslogs"), "{drivers:?}");
        let ports = variable(&plan, "ECS_RESERVED_PORTS").unwrap();
        let ports: Vec<u16> = serde_json::from_str(ports).unwrap();
        prop_assert!(ports.contains(&51682), "{ports:?}");
    }
}
