//! What the services answer, in their two protocols: XML for Amazon EC2 Auto Scaling, JSON for Amazon ECS.

use std::collections::BTreeMap;

use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::Verdict;

const NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const ECS_TARGET: &str = "AmazonEC2ContainerServiceV20141113.";

/// A call as it was made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Call {
    /// As IAM names it, for example `autoscaling:SetInstanceHealth`.
    pub action: String,
    /// Its parameters; what is no text is JSON.
    pub parameters: BTreeMap<String, String>,
}

/// Reads a call out of a request.
pub fn call(headers: &HeaderMap, body: &[u8]) -> Option<Call> {
    if let Some(target) = headers.get("x-amz-target") {
        let action = target.to_str().ok()?.strip_prefix(ECS_TARGET)?;
        let parameters: BTreeMap<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
        let parameters = parameters.into_iter().map(|(name, value)| {
            let text = value.as_str().map(str::to_owned);
            (name, text.unwrap_or_else(|| value.to_string()))
        });
        return Some(Call {
            action: format!("ecs:{action}"),
            parameters: parameters.collect(),
        });
    }
    let mut parameters: BTreeMap<String, String> = form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let action = parameters.remove("Action")?;
    if parameters.remove("Version")? != "2011-01-01" {
        return None;
    }
    Some(Call {
        action: format!("autoscaling:{action}"),
        parameters,
    })
}

/// Answers it; `None` never does.
pub fn answer(call: &Call, verdict: Option<Verdict>) -> Option<(StatusCode, String)> {
    let (service, name) = call.action.split_once(':')?;
    let error = |code: &str, message: String| match service {
        "ecs" => {
            let code = match code {
                "AccessDenied" => "AccessDeniedException",
                "Throttling" => "ThrottlingException",
                other => other,
            };
            let body = serde_json::json!({"__type": code, "message": message}).to_string();
            (StatusCode::BAD_REQUEST, body)
        }
        _ => {
            let status = match code {
                "AccessDenied" => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_REQUEST,
            };
            let body = format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>lab</RequestId></ErrorResponse>"
            );
            (status, body)
        }
    };
    Some(match verdict {
        Some(Verdict::Hang) => return None,
        Some(Verdict::Deny) => {
            let who = "arn:aws:sts::123456789012:assumed-role/ecsInstanceRole/i-0123456789abcdef0";
            let message = format!("User: {who} is not authorized to perform: {}", call.action);
            error("AccessDenied", message)
        }
        Some(Verdict::Throttle) => error("Throttling", "Rate exceeded".to_owned()),
        Some(Verdict::NothingWaits) => error(
            "ValidationError",
            "No active Lifecycle Action found with instance ID i-0123456789abcdef0".to_owned(),
        ),
        None if service == "ecs" => ecs(call),
        None => (StatusCode::OK, auto_scaling(name)),
    })
}

fn ecs(call: &Call) -> (StatusCode, String) {
    let instances = call.parameters.get("containerInstances");
    let arns: Vec<String> = instances
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let instances: Vec<_> = arns
        .iter()
        .map(|arn| serde_json::json!({"containerInstanceArn": arn, "status": "DRAINING"}))
        .collect();
    let body = serde_json::json!({"containerInstances": instances, "failures": []});
    (StatusCode::OK, body.to_string())
}

fn auto_scaling(name: &str) -> String {
    let result = match name {
        "DescribeAutoScalingInstances" => {
            "<AutoScalingInstances><member><InstanceId>i-0123456789abcdef0</InstanceId>\
             <AutoScalingGroupName>lab-group</AutoScalingGroupName><AvailabilityZone>us-east-1a</AvailabilityZone>\
             <LifecycleState>Pending:Wait</LifecycleState><HealthStatus>HEALTHY</HealthStatus>\
             <ProtectedFromScaleIn>false</ProtectedFromScaleIn></member></AutoScalingInstances>"
        }
        _ => "",
    };
    format!(
        "<{name}Response xmlns=\"{NAMESPACE}\"><{name}Result>{result}</{name}Result>\
         <ResponseMetadata><RequestId>lab</RequestId></ResponseMetadata></{name}Response>"
    )
}
