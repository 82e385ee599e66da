//! Calls to Amazon EC2 Auto Scaling and Amazon ECS, one a run, with the credentials that the SDK finds: on an instance
//! those of its profile. Partitions, endpoints and signatures are the SDK's.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_autoscaling::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::types::ContainerInstanceStatus;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(8);
/// How long a call may take with its attempts and their pauses.
const CALL: Duration = Duration::from_secs(25);
/// Attempts of a call that is throttled or not answered; the SDK pauses between them, with jitter.
const ATTEMPTS: u32 = 3;

const SET_HEALTH: &str = "autoscaling:SetInstanceHealth";
const COMPLETE: &str = "autoscaling:CompleteLifecycleAction";
const HEARTBEAT: &str = "autoscaling:RecordLifecycleActionHeartbeat";
const DESCRIBE: &str = "autoscaling:DescribeAutoScalingInstances";
const DRAIN: &str = "ecs:UpdateContainerInstancesState";

/// One call.
#[derive(Debug, Subcommand)]
pub enum Call {
    /// Tell the Auto Scaling group that the instance is unhealthy, so that it replaces it
    SetInstanceUnhealthy(InstanceArgs),
    /// Complete the lifecycle action that the instance waits in
    CompleteLifecycleAction(CompleteArgs),
    /// Ask for more time in the lifecycle action that the instance waits in
    RecordLifecycleActionHeartbeat(HookArgs),
    /// Set the container instance to DRAINING, so that no task is placed on it and its tasks are replaced
    DrainContainerInstance(DrainArgs),
}

/// The instance.
#[derive(Debug, Args)]
pub struct InstanceArgs {
    /// The instance's id
    #[arg(long, value_name = "ID")]
    instance: String,
    /// The region; default: as the SDK finds it
    #[arg(long)]
    region: Option<String>,
}

/// The lifecycle hook.
#[derive(Debug, Args)]
pub struct HookArgs {
    #[command(flatten)]
    of: InstanceArgs,
    /// The lifecycle hook's name
    #[arg(long, value_name = "NAME")]
    hook: String,
    /// The Auto Scaling group's name; default: asked for (autoscaling:DescribeAutoScalingInstances)
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
}

/// How the lifecycle action ends.
#[derive(Debug, Args)]
pub struct CompleteArgs {
    #[command(flatten)]
    hook: HookArgs,
    /// What the group is to do with the instance
    #[arg(long, value_enum)]
    result: LifecycleResult,
}

/// What the group is to do with the instance.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum LifecycleResult {
    /// Go on with it
    Continue,
    /// Replace it
    Abandon,
}

/// The container instance.
#[derive(Debug, Args)]
pub struct DrainArgs {
    /// The container instance's ARN
    #[arg(long, value_name = "ARN")]
    container_instance: String,
    /// The cluster's name or ARN
    #[arg(long)]
    cluster: String,
    /// The region; default: as the SDK finds it
    #[arg(long)]
    region: Option<String>,
}

/// What came of a call.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It did what it is for.
    Done {
        /// What was called, as IAM names it.
        call: &'static str,
    },
    /// It did not.
    Failed(Failure),
}

/// Why a call failed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What was called, as IAM names it.
    call: &'static str,
    kind: Kind,
    /// In the words of AWS or of the SDK.
    message: String,
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The role may not.
    AccessDenied,
    /// Too many calls in this account and region.
    Throttled,
    /// No answer in time.
    TimedOut,
    /// No connection, or no credentials.
    Unreachable,
    /// There is no lifecycle action to complete, or no longer.
    NothingWaits,
    /// Anything else that AWS refused.
    Refused,
}

/// Makes the call.
pub async fn act(call: &Call) -> Answer {
    let (name, made) = match call {
        Call::SetInstanceUnhealthy(args) => (SET_HEALTH, set_unhealthy(args).await),
        Call::CompleteLifecycleAction(args) => (COMPLETE, complete(args).await),
        Call::RecordLifecycleActionHeartbeat(args) => (HEARTBEAT, heartbeat(args).await),
        Call::DrainContainerInstance(args) => (DRAIN, drain(args).await),
    };
    match made {
        Ok(()) => Answer::Done { call: name },
        Err(failure) => Answer::Failed(failure),
    }
}

/// Whoever calls this has waited for long enough: the group's own grace period would only lose the call.
async fn set_unhealthy(args: &InstanceArgs) -> Result<(), Failure> {
    aws_sdk_autoscaling::Client::new(&config(&args.region).await)
        .set_instance_health()
        .instance_id(&args.instance)
        .health_status("Unhealthy")
        .should_respect_grace_period(false)
        .send()
        .await
        .map(drop)
        .map_err(|error| failure(SET_HEALTH, &error))
}

async fn complete(args: &CompleteArgs) -> Result<(), Failure> {
    let client = aws_sdk_autoscaling::Client::new(&config(&args.hook.of.region).await);
    let result = match args.result {
        LifecycleResult::Continue => "CONTINUE",
        LifecycleResult::Abandon => "ABANDON",
    };
    client
        .complete_lifecycle_action()
        .auto_scaling_group_name(group(&client, &args.hook).await?)
        .lifecycle_hook_name(&args.hook.hook)
        .instance_id(&args.hook.of.instance)
        .lifecycle_action_result(result)
        .send()
        .await
        .map(drop)
        .map_err(|error| failure(COMPLETE, &error))
}

async fn heartbeat(args: &HookArgs) -> Result<(), Failure> {
    let client = aws_sdk_autoscaling::Client::new(&config(&args.of.region).await);
    client
        .record_lifecycle_action_heartbeat()
        .auto_scaling_group_name(group(&client, args).await?)
        .lifecycle_hook_name(&args.hook)
        .instance_id(&args.of.instance)
        .send()
        .await
        .map(drop)
        .map_err(|error| failure(HEARTBEAT, &error))
}

async fn drain(args: &DrainArgs) -> Result<(), Failure> {
    let answer = aws_sdk_ecs::Client::new(&config(&args.region).await)
        .update_container_instances_state()
        .cluster(&args.cluster)
        .container_instances(&args.container_instance)
        .status(ContainerInstanceStatus::Draining)
        .send()
        .await
        .map_err(|error| failure(DRAIN, &error))?;
    // The call succeeds as a whole, and says for each instance where it did not.
    match answer.failures().first() {
        None => Ok(()),
        Some(failed) => Err(Failure {
            call: DRAIN,
            kind: Kind::Refused,
            message: failed.reason().unwrap_or("no reason").to_owned(),
        }),
    }
}

async fn group(client: &aws_sdk_autoscaling::Client, args: &HookArgs) -> Result<String, Failure> {
    if let Some(group) = &args.group {
        return Ok(group.clone());
    }
    let answer = client
        .describe_auto_scaling_instances()
        .instance_ids(&args.of.instance)
        .send()
        .await
        .map_err(|error| failure(DESCRIBE, &error))?;
    let found = answer.auto_scaling_instances().first();
    found
        .and_then(|instance| instance.auto_scaling_group_name())
        .map(str::to_owned)
        .ok_or_else(|| Failure {
            call: DESCRIBE,
            kind: Kind::NothingWaits,
            message: "the instance is in no Auto Scaling group".to_owned(),
        })
}

async fn config(region: &Option<String>) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(CALL)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.clone()));
    }
    loader.load().await
}

fn failure<E, R>(call: &'static str, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let code = error.code().unwrap_or_default();
    let message = match error.message() {
        Some(message) => format!("{code}: {message}"),
        None => DisplayErrorContext(error).to_string(),
    };
    Failure {
        call,
        kind: kind(error, code, &message),
        message,
    }
}

fn kind<E, R>(error: &SdkError<E, R>, code: &str, message: &str) -> Kind {
    match error {
        SdkError::TimeoutError(_) => Kind::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Kind::TimedOut,
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => Kind::Unreachable,
        _ => match code {
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
                Kind::AccessDenied
            }
            "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => Kind::Throttled,
            // Auto Scaling has no code of its own for it.
            "ValidationError" if message.contains("No active Lifecycle Action") => {
                Kind::NothingWaits
            }
            _ => Kind::Refused,
        },
    }
}
