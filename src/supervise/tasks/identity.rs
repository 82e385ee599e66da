//! Who this instance is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::checks;
use crate::facts::{self, HostFacts};
use crate::host::imds::{CredentialsState, Imds, ImdsError, with_budget};
use crate::settings::OnEc2;
use crate::supervise::news::{Identity, News};

use super::{Crew, Kind};

impl Crew {
    pub(super) fn fetch_identity(&mut self) {
        if let Some(why) = self.not_ec2.clone() {
            let _ = self.news.send(News::Identity(Identity::None(why)));
            return;
        }
        let budget = self.settings.metadata.budget;
        let news = self.news.clone();
        let imds = self.imds();
        self.spawn(Kind::Identity, async move {
            News::Identity(match imds {
                Ok(imds) => ask(&imds, budget, &news).await,
                Err(error) => Identity::Missing(error.to_string()),
            })
        });
    }
}

impl Crew {
    pub(super) fn await_credentials(&mut self) {
        // Without an identity there is no service to ask.
        let (Some(_), Some(budget)) = (&self.instance, self.settings.metadata.credentials) else {
            let _ = self.news.send(News::Credentials(Ok(None)));
            return;
        };
        let imds = self.imds();
        self.spawn(Kind::Credentials, async move {
            News::Credentials(match imds {
                Ok(imds) => credentials(&imds, budget).await,
                Err(error) => Err(error.to_string()),
            })
        });
    }

    /// The client of the metadata service; one for all, so that its token is asked for once.
    fn imds(&mut self) -> Result<Arc<Imds>, ImdsError> {
        let endpoints = &self.settings.metadata.endpoints;
        match &self.imds {
            Some((of, imds)) if of == endpoints => Ok(imds.clone()),
            _ => {
                let imds = Arc::new(Imds::new(endpoints)?);
                self.imds = Some((endpoints.clone(), imds.clone()));
                Ok(imds)
            }
        }
    }
}

/// Waits for credentials; a role is unknown for the first seconds of an instance, and where there is none for the whole
/// budget, the agent may have other credentials. Answers with whether there is a role.
async fn credentials(imds: &Imds, budget: Duration) -> Result<Option<bool>, String> {
    const PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_PAUSE: Duration = Duration::from_secs(5);
    let deadline = Instant::now() + budget;
    let mut pause = PAUSE;
    loop {
        let why = match imds.credentials_ready().await {
            Ok(CredentialsState::Ready { .. }) => return Ok(Some(true)),
            Ok(CredentialsState::NoRole) if Instant::now() >= deadline => return Ok(Some(false)),
            Ok(CredentialsState::NoRole) => "there is no instance profile yet".to_owned(),
            Ok(CredentialsState::NotReady { role, why }) => format!("role {role}: {why}"),
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            return Err(why);
        }
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Why there is no metadata service to ask, where that is so.
pub fn not_ec2(ec2: OnEc2, host: &HostFacts) -> Option<String> {
    match ec2 {
        OnEc2::Yes => None,
        OnEc2::No => Some("the settings say that this is not EC2".to_owned()),
        OnEc2::Auto => {
            let verdict = checks::platform(host);
            (!verdict.is_ec2).then(|| format!("this is not EC2: {}", verdict.evidence))
        }
    }
}

async fn ask(imds: &Imds, budget: Duration, news: &UnboundedSender<News>) -> Identity {
    let asked = with_budget(
        budget,
        || facts::instance(imds),
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
