//! A fleet that boots at once, under simulated time: the real machine of the supervision with its waits, its jitter and
//! its probes, and the real retry of the metadata service. What is simulated is what they meet: two services that
//! throttle, and how long Docker takes.

#![allow(clippy::unwrap_used)]

mod chart;
mod fixed;
mod instance;
mod service;

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use service::{Service, Services};
use tokio::task::LocalSet;
use tokio::time::Instant;

/// How many boot.
const INSTANCES: usize = 10_000;
/// Their execs are spread over this, evenly.
const BOOT_WITHIN: Duration = Duration::from_secs(10);
/// The metadata service answers from then on, as in the boot of an instance it may come late.
const METADATA_LATE: Duration = Duration::from_secs(20);
const PICTURE: &str = "docs/fleet.svg";
const PAGE: &str = "docs/performance.md";
const BEGIN: &str = "<!-- The fleet's table is written by tests/fleet. -->\n";
const END: &str = "<!-- End of the fleet's table. -->";

/// How instances try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// ecs-nanny with an agent that tries by itself to be registered, as the real one does.
    NannyPatientAgent,
    /// ecs-nanny with an agent that ends when it is refused: all trying again is the supervisor's.
    Nanny,
    /// The same agent, and everything tried again after 10 s.
    Fixed,
}

impl Way {
    const ALL: [Way; 3] = [Way::NannyPatientAgent, Way::Nanny, Way::Fixed];

    fn word(self) -> &'static str {
        match self {
            Way::NannyPatientAgent => "ecs-nanny; the agent tries by itself",
            Way::Nanny => "ecs-nanny; the agent ends when it is refused",
            Way::Fixed => "every 10 s; the agent ends when it is refused",
        }
    }
}

/// What one way came to.
struct Outcome {
    way: Way,
    /// When each was registered, since the first exec; in order.
    healthy: Vec<Duration>,
    services: Services,
}

impl Outcome {
    /// When so many of a thousand were registered.
    fn at(&self, permille: usize) -> Duration {
        self.healthy[(self.healthy.len() * permille / 1000).max(1) - 1]
    }
}

fn simulate(way: Way, instances: usize) -> Outcome {
    // The same fleet each time.
    fastrand::seed(20_261_121);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let began = Instant::now();
        let services = Rc::new(Services {
            // Throttled as one, which the service of each instance's own host is not: the worst case.
            metadata: Service::new(began, 1000.0, 1000.0).silent_for(METADATA_LATE),
            // What is said of the ECS API's bucket for calls of agents.
            registration: Service::new(began, 120.0, 200.0),
        });
        let fleet: Vec<_> = (0..instances)
            .map(|number| {
                let services = services.clone();
                let delay = BOOT_WITHIN.mul_f64(number as f64 / instances as f64);
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(delay).await;
                    match way {
                        Way::NannyPatientAgent => instance::boots(services, true).await,
                        Way::Nanny => instance::boots(services, false).await,
                        Way::Fixed => fixed::boots(services).await,
                    }
                    began.elapsed()
                })
            })
            .collect();
        let mut healthy = Vec::new();
        for instance in fleet {
            healthy.push(instance.await.unwrap());
        }
        healthy.sort();
        let services = Rc::into_inner(services).unwrap();
        Outcome {
            way,
            healthy,
            services,
        }
    })
}

fn outcomes(instances: usize) -> Vec<Outcome> {
    Way::ALL.map(|way| simulate(way, instances)).into()
}

fn table(outcomes: &[Outcome]) -> String {
    let mut text = "| | 50 % | 99 % | 100 % | metadata: requests, most in a second | registration: requests, most in a \
                    second |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for outcome in outcomes {
        let _ = write!(text, "| {} |", outcome.way.word());
        for permille in [500, 990, 1000] {
            let _ = write!(text, " {:.0} s |", outcome.at(permille).as_secs_f64());
        }
        for service in [&outcome.services.metadata, &outcome.services.registration] {
            let _ = write!(
                text,
                " {}, {} |",
                service.asked(),
                service.most_in_a_second()
            );
        }
        text.push('\n');
    }
    text
}

/// `UPDATE_DOCS=1 cargo test --test fleet` writes them.
#[test]
fn the_chart_in_docs_is_that_of_the_code() {
    let outcomes = outcomes(INSTANCES);
    let picture = chart::picture(&outcomes);
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}\n{}\n{END}{after}", table(&outcomes));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PICTURE, &picture).unwrap();
        std::fs::write(PAGE, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(PICTURE).unwrap_or_default();
    assert!(
        written == picture && std::fs::read_to_string(PAGE).unwrap() == wanted,
        "{PICTURE} and the table in {PAGE} are not those of the code; to make them anew: UPDATE_DOCS=1 cargo test --test fleet"
    );
}

#[test]
fn a_small_fleet_is_healthy_as_fast_as_its_services_allow() {
    let nanny = simulate(Way::Nanny, 100);
    // No bucket runs empty: beside the metadata service nothing but Docker is waited for.
    assert!(
        nanny.at(1000) < METADATA_LATE + Duration::from_secs(7),
        "{:?}",
        nanny.at(1000)
    );
    assert_eq!(nanny.services.registration.asked(), 100);
}
