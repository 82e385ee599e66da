//! Who this instance is.

use crate::checks;
use crate::facts;
use crate::host::imds::Imds;
use crate::settings::OnEc2;
use crate::supervise::news::{Identity, News};

use super::{Crew, Kind};

impl Crew {
    pub(super) fn fetch_identity(&mut self) {
        let metadata = self.settings.metadata.clone();
        let root = self.root.clone();
        self.spawn(Kind::Identity, async move {
            if let Some(why) = elsewhere(metadata.ec2, &root) {
                return News::Identity(Identity::None(why));
            }
            let imds = match Imds::new(&metadata.endpoints) {
                Ok(imds) => imds,
                Err(error) => return News::Identity(Identity::Missing(error.to_string())),
            };
            News::Identity(ask(&imds, metadata.budget).await)
        });
    }
}

/// Why there is no metadata service to ask, where that is so.
fn elsewhere(ec2: OnEc2, root: &crate::host::files::Root) -> Option<String> {
    match ec2 {
        OnEc2::Yes => None,
        OnEc2::No => Some("the settings say that this is not EC2".to_owned()),
        OnEc2::Auto => {
            let verdict = checks::platform(&facts::host(root));
            (!verdict.is_ec2).then(|| format!("this is not EC2: {}", verdict.evidence))
        }
    }
}

async fn ask(imds: &Imds, budget: std::time::Duration) -> Identity {
    match tokio::time::timeout(budget, facts::instance(imds)).await {
        Ok(Ok(found)) => Identity::Known(Box::new(found)),
        Ok(Err(error)) => Identity::Missing(error.to_string()),
        Err(_) => Identity::Missing(String::new()),
    }
}
