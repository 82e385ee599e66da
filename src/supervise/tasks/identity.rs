//! Who this instance is.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::checks;
use crate::facts::{self, HostFacts};
use crate::host::files::Root;
use crate::host::imds::{Imds, ImdsError, with_budget};
use crate::settings::OnEc2;
use crate::supervise::news::{Identity, News};

use super::{Crew, Kind};

impl Crew {
    pub(super) fn fetch_identity(&mut self) {
        let metadata = self.settings.metadata.clone();
        let root = self.root.clone();
        let news = self.news.clone();
        self.spawn(Kind::Identity, async move {
            let host = tokio::task::spawn_blocking(move || read(&root)).await;
            if let Some(why) = elsewhere(metadata.ec2, &host.unwrap_or_default()) {
                return News::Identity(Identity::None(why));
            }
            News::Identity(ask(&metadata.endpoints, metadata.budget, &news).await)
        });
    }
}

fn read(root: &Root) -> HostFacts {
    facts::host(root)
}

/// Why there is no metadata service to ask, where that is so.
fn elsewhere(ec2: OnEc2, host: &HostFacts) -> Option<String> {
    match ec2 {
        OnEc2::Yes => None,
        OnEc2::No => Some("the settings say that this is not EC2".to_owned()),
        OnEc2::Auto => {
            let verdict = checks::platform(host);
            (!verdict.is_ec2).then(|| format!("this is not EC2: {}", verdict.evidence))
        }
    }
}

async fn ask(endpoints: &[String], budget: Duration, news: &UnboundedSender<News>) -> Identity {
    let imds = match Imds::new(endpoints) {
        Ok(imds) => imds,
        Err(error) => return Identity::Missing(error.to_string()),
    };
    let asked = with_budget(
        budget,
        || facts::instance(&imds),
        |waiting| {
            let _ = news.send(News::MetadataAwaited(waiting.error.to_string()));
        },
    )
    .await;
    match asked {
        Ok(instance) => Identity::Known(Box::new(instance)),
        // Switched off stays so until somebody switches it on, and the agent may do without.
        Err(error @ ImdsError::Disabled { .. }) => Identity::None(error.to_string()),
        Err(error) => Identity::Missing(error.to_string()),
    }
}
