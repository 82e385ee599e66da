use std::time::Duration;

use ecs_nanny_lab::imds::{Fault, Imds as Service, What};
use tokio::sync::Notify;

use super::*;

const INSTANCE_ID: &str = "meta-data/instance-id";

/// For tests of services that never answer.
const QUICK: Deadlines = Deadlines {
    connect: Duration::from_millis(250),
    read: Duration::from_millis(250),
};

fn service_and_client() -> (Service, Imds) {
    let service = Service::on_loopback().unwrap();
    let imds = Imds::new(&[service.url()]).unwrap();
    (service, imds)
}

async fn error_with(fault: Fault, path: &str) -> ImdsError {
    let (service, imds) = service_and_client();
    service.set_faults([fault]).await;
    imds.get(path).await.unwrap_err()
}

#[tokio::test]
async fn values_and_listings_are_read_with_one_token() {
    let (service, imds) = service_and_client();
    let id = imds.get(INSTANCE_ID).await.unwrap();
    assert_eq!(id.as_deref(), Some("i-0123456789abcdef0"));
    let devices = imds.get("meta-data/block-device-mapping/").await.unwrap();
    assert_eq!(devices.as_deref(), Some("ami\nroot"));
    assert_eq!(service.requests()[TOKEN_PATH], 1);
}

#[tokio::test]
async fn a_path_that_is_not_there_is_none() {
    let (_service, imds) = service_and_client();
    assert_eq!(imds.get("meta-data/spot/instance-action").await, Ok(None));
    assert_eq!(imds.exists("user-data").await, Ok(true));
    assert_eq!(imds.exists("user-datum").await, Ok(false));
}

#[tokio::test]
async fn a_token_is_renewed_when_80_percent_of_its_life_are_over() {
    let (service, imds) = service_and_client();
    for (hours, tokens) in [(0.0, 1), (4.7, 1), (0.2, 2)] {
        // No request is under way while time is moved.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs_f64(hours * 3600.0)).await;
        tokio::time::resume();
        imds.get(INSTANCE_ID).await.unwrap();
        assert_eq!(service.requests()[TOKEN_PATH], tokens, "after {hours} h");
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let (service, imds) = service_and_client();
    imds.get(INSTANCE_ID).await.unwrap();
    service.end_sessions();
    assert!(imds.get(INSTANCE_ID).await.unwrap().is_some());
    assert_eq!(service.requests()[TOKEN_PATH], 2);

    service
        .set_faults([Fault::from(What::Status(401)).at("meta-data/")])
        .await;
    let error = imds.get(INSTANCE_ID).await.unwrap_err();
    assert_eq!(service.requests()[TOKEN_PATH], 3);
    assert!(error.to_string().contains("401"), "{error}");
    assert!(error.is_worth_retrying(), "401 passes in early boot");
}

#[tokio::test]
async fn a_service_that_is_switched_off_is_not_asked_again() {
    let error = error_with(What::Status(403).into(), INSTANCE_ID).await;
    assert!(matches!(error, ImdsError::Disabled { .. }), "{error}");
    assert!(!error.is_worth_retrying());
}

#[tokio::test]
async fn throttling_and_failures_pass() {
    for status in [429, 500, 503] {
        let (service, imds) = service_and_client();
        service
            .set_faults([Fault::from(What::Status(status)).at("meta-data/").times(1)])
            .await;
        let error = imds.get(INSTANCE_ID).await.unwrap_err();
        assert!(error.is_worth_retrying(), "{error}");
        assert!(imds.get(INSTANCE_ID).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_oversized_answer_is_not_taken() {
    let error = error_with(Fault::from(What::Huge).at("user-data"), "user-data").await;
    assert!(matches!(error, ImdsError::TooLong { .. }), "{error}");
    assert!(!error.is_worth_retrying());
    let error = error_with(Fault::from(What::Huge).at(TOKEN_PATH), INSTANCE_ID).await;
    assert!(matches!(error, ImdsError::TooLong { .. }), "{error}");
}

#[tokio::test]
async fn garbage_is_told_without_repeating_it() {
    for path in [TOKEN_PATH, INSTANCE_ID] {
        let error = error_with(Fault::from(What::Garbage).at(path), INSTANCE_ID).await;
        assert!(matches!(error, ImdsError::Garbled { .. }), "{error}");
        assert!(error.to_string().contains(path), "{error}");
    }
}

#[tokio::test]
async fn a_service_that_hangs_drops_or_refuses_is_unreachable_within_the_deadlines() {
    let service = Service::on_loopback().unwrap();
    let imds = Imds::with_deadlines(&[service.url()], QUICK).unwrap();
    for what in [What::Hang, What::Drop, What::Refuse] {
        service.set_faults([what.into()]).await;
        let limit = QUICK.connect + QUICK.read + Duration::from_secs(2);
        let error = tokio::time::timeout(limit, imds.get(INSTANCE_ID))
            .await
            .unwrap()
            .unwrap_err();
        assert!(
            matches!(error, ImdsError::Unreachable(_)),
            "{what:?}: {error}"
        );
        assert!(error.to_string().contains(&service.url()), "{error}");
        assert!(error.is_worth_retrying());
    }
}

#[tokio::test]
async fn a_service_that_comes_late_is_met() {
    let (service, imds) = service_and_client();
    service.set_faults([What::Refuse.into()]).await;
    let told = Notify::new();
    let met = with_budget(
        Duration::from_secs(300),
        || imds.get(INSTANCE_ID),
        |waiting| {
            let error = waiting.error.to_string();
            assert!(error.contains("refused"), "{error}");
            told.notify_one();
        },
    );
    let come = async {
        told.notified().await;
        service.set_faults([]).await;
    };
    let (id, ()) = tokio::join!(met, come);
    assert!(id.unwrap().is_some());
}

#[tokio::test]
async fn ipv6_is_asked_when_ipv4_does_not_answer() {
    let refusing = Service::on_loopback().unwrap();
    refusing.set_faults([What::Refuse.into()]).await;
    let listener = std::net::TcpListener::bind("[::1]:0").unwrap();
    let service = Service::serve(listener).unwrap();
    let imds = Imds::new(&[refusing.url(), service.url()]).unwrap();
    assert!(imds.get(INSTANCE_ID).await.unwrap().is_some());

    service.set_faults([What::Refuse.into()]).await;
    assert!(imds.get(INSTANCE_ID).await.is_err());
    let error = imds.get(INSTANCE_ID).await.unwrap_err().to_string();
    assert!(error.contains(&refusing.url()), "{error}");
    assert!(error.contains(&service.url()), "{error}");

    // The first endpoint has the precedence again once it answers.
    refusing.set_faults([]).await;
    assert!(imds.get(INSTANCE_ID).await.unwrap().is_some());
    assert_eq!(refusing.requests()[INSTANCE_ID], 1);
}

#[test]
fn an_endpoint_that_is_none_is_refused() {
    for text in ["169.254.169.254", "https://169.254.169.254", "http://", ""] {
        let error = Imds::new(&[text]).unwrap_err();
        assert_eq!(error, ImdsError::Endpoint(text.to_owned()));
        assert!(!error.is_worth_retrying());
    }
    assert!(Imds::new::<&str>(&[]).is_err());
}

mod credentials {
    use super::*;

    const PATH: &str = "meta-data/iam/security-credentials/ecsInstanceRole";

    #[tokio::test]
    async fn good_ones_are_ready() {
        let (_service, imds) = service_and_client();
        let state = imds.credentials_ready().await.unwrap();
        let CredentialsState::Ready { role, .. } = state else {
            panic!("{state:?}");
        };
        assert_eq!(role, "ecsInstanceRole");
    }

    #[tokio::test]
    async fn without_a_role_there_are_none() {
        let (service, imds) = service_and_client();
        service.remove(PATH);
        assert_eq!(imds.credentials_ready().await, Ok(CredentialsState::NoRole));
    }

    #[tokio::test]
    async fn failed_and_expired_ones_are_not_ready_and_say_why() {
        let (service, imds) = service_and_client();
        for (answer, expected) in [
            (
                r#"{"Code": "AssumeRoleUnauthorizedAccess"}"#,
                "AssumeRoleUnauthorizedAccess",
            ),
            (
                r#"{"Code": "Success", "Expiration": "2020-01-01T00:00:00Z"}"#,
                "2020-01-01",
            ),
        ] {
            service.set(PATH, answer);
            let state = imds.credentials_ready().await.unwrap();
            let CredentialsState::NotReady { why, .. } = state else {
                panic!("{state:?}");
            };
            assert!(why.contains(expected), "{why}");
        }
    }

    #[tokio::test]
    async fn a_garbled_answer_is_told_without_its_secrets() {
        let (service, imds) = service_and_client();
        for answer in [
            r#"{"Code": {"SecretAccessKey": "wJalr"}}"#,
            r#"{"Code": "Success", "Expiration": "wJalr"}"#,
        ] {
            service.set(PATH, answer);
            let error = imds.credentials_ready().await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("wJalr"), "{error}");
        }
    }
}

#[tokio::test]
async fn the_token_is_not_printed() {
    let (_service, imds) = service_and_client();
    imds.get(INSTANCE_ID).await.unwrap();
    let printed = format!("{imds:?}");
    assert!(printed.contains("renew_at"), "{printed}");
    assert!(!printed.contains("lab-token"), "{printed}");
}
