//! The agent's story, one line a record, in the real agent's form.

use std::time::SystemTime;

/// Something that happened.
pub fn info(message: &str) {
    record("info", message);
}

/// Something that is not as it should be.
pub fn warn(message: &str) {
    record("warn", message);
}

/// Something failed.
pub fn error(message: &str) {
    record("error", message);
}

/// Something failed for good.
pub fn critical(message: &str) {
    record("critical", message);
}

fn record(level: &str, message: &str) {
    let time = humantime::format_rfc3339_seconds(SystemTime::now());
    println!("level={level} time={time} msg={message:?}");
}
