//! What ecs-nanny is compared with: everything is tried again after 10 s, as a unit with RestartSec=10 does it.

use std::rc::Rc;
use std::time::Duration;

use crate::instance::{ENGINE, LAUNCH};
use crate::service::Services;

const AGAIN: Duration = Duration::from_secs(10);

/// From exec to registration.
pub async fn boots(services: Rc<Services>) {
    tokio::time::sleep(ENGINE).await;
    while !services.metadata.ask().await {
        tokio::time::sleep(AGAIN).await;
    }
    loop {
        tokio::time::sleep(LAUNCH).await;
        if services.registration.ask().await {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}
