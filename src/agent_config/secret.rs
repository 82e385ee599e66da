//! Which values are secret, and files and values with them replaced.

use super::lines::{self, Line};
use super::systemd;

/// What stands for a secret value.
pub const MASK: &str = "***";

/// Words that make a name secret, written without `_` and `-`.
const SECRET_WORDS: &[&str] = &[
    "ACCESSKEY",
    "APIKEY",
    "AUTHDATA",
    "CREDENTIAL",
    "PASSWD",
    "PASSWORD",
    "PRIVATEKEY",
    "SECRET",
    "TOKEN",
];

/// Names that hold such a word and no secret: a socket, the name of a profile, the name of a secret.
const NOT_SECRET: &[&str] = &[
    "CREDENTIALS_FETCHER_HOST",
    "CREDENTIALS_FETCHER_HOST_DIR",
    "CREDENTIALS_FETCHER_SECRET_NAME_FOR_DOMAINLESS_GMSA",
    "ECS_ALTERNATE_CREDENTIAL_PROFILE",
];

/// True when the value of a variable (or of a key in a JSON value) must not be shown: registry credentials, keys,
/// passwords and tokens by their names, misspelt ones of `ECS_ENGINE_AUTH_DATA` too.
pub fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    if NOT_SECRET.contains(&upper.as_str()) {
        return false;
    }
    let plain: String = upper.chars().filter(char::is_ascii_alphanumeric).collect();
    plain == "AUTH"
        || SECRET_WORDS.iter().any(|word| plain.contains(word))
        || is_nearly(&plain, "ECSENGINEAUTHDATA")
}

/// With two slips at the most, each of which changes the length by one at the most.
fn is_nearly(name: &str, wanted: &str) -> bool {
    const SLIPS: usize = 2;
    name.len().abs_diff(wanted.len()) <= SLIPS && strsim::osa_distance(name, wanted) <= SLIPS
}

/// A value as it may be shown: [`MASK`] for a secret; passwords in URLs and secret values in JSON replaced in others.
pub fn mask_value(name: &str, value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    if is_secret(name) {
        return MASK.to_owned();
    }
    let mut bytes = Vec::new();
    for (number, line) in lines::split(value.as_bytes()).iter().enumerate() {
        if number > 0 {
            bytes.push(b'\n');
        }
        bytes.extend(mask_line(line.bytes).bytes);
    }
    if is_proxy(name.as_bytes()) {
        bytes = mask_login(&bytes);
    }
    lines::text(&bytes)
}

/// A whole file with secret values replaced, in whatever grammar they are written; lines and everything else stay.
pub fn mask(file: &[u8]) -> Vec<u8> {
    let lines = lines::split(file);
    let mut masked = file[..lines.first().map_or(file.len(), |line| line.start)].to_vec();
    for (line, shown) in lines.iter().zip(masked_lines(&lines)) {
        masked.extend(shown);
        masked.extend_from_slice(line.ending.bytes());
    }
    masked
}

/// The lines of a file with secret values replaced. A secret value that is not JSON complete in its line goes on
/// (quoted, continued, or broken) up to the next line that is a comment or begins with the name of a variable.
pub(super) fn masked_lines(lines: &[Line<'_>]) -> Vec<Vec<u8>> {
    let mut goes_on = false;
    let mut masked = Vec::with_capacity(lines.len());
    for line in lines {
        let text = line.bytes.trim_ascii_start();
        if goes_on && !text.starts_with(b"#") && !begins_with_name(text) {
            let shown = if text.is_empty() {
                line.bytes
            } else {
                MASK.as_bytes()
            };
            masked.push(shown.to_vec());
            continue;
        }
        let shown = mask_line(line.bytes);
        goes_on = shown.goes_on;
        masked.push(shown.bytes);
    }
    masked
}

fn begins_with_name(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"export ").unwrap_or(text);
    let length = text
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b'_')
        .count();
    length > 0 && text[length..].trim_ascii_start().starts_with(b"=")
}

struct Masked {
    bytes: Vec<u8>,
    /// True when the line ends within a secret value.
    goes_on: bool,
}

/// Replaces what follows the name of a secret: a JSON string up to its closing quote, anything else up to the line's end.
fn mask_line(line: &[u8]) -> Masked {
    let mut bytes = Vec::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        let word = line[at..].iter().take_while(|byte| is_word(**byte)).count();
        if word == 0 {
            bytes.push(line[at]);
            at += 1;
            continue;
        }
        let name = &line[at..at + word];
        bytes.extend_from_slice(name);
        at += word;
        if is_proxy(name) {
            bytes.extend(mask_login(&mask_passwords(&line[at..])));
            return Masked {
                bytes,
                goes_on: false,
            };
        }
        if !is_secret(&lines::text(name)) {
            continue;
        }
        let rest = &line[at..];
        let between = rest
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\'))
            .count();
        let Some(sign @ (b'=' | b':')) = rest.get(between).copied() else {
            continue;
        };
        bytes.extend_from_slice(&rest[..=between]);
        at += between + 1;
        let value = &line[at..];
        let blanks = value.len() - value.trim_ascii_start().len();
        bytes.extend_from_slice(&value[..blanks]);
        at += blanks;
        let value = &line[at..];
        if sign == b':'
            && let Some((quote, length)) = json_string(value)
        {
            bytes.extend([quote, MASK.as_bytes(), quote].concat());
            at += length;
            continue;
        }
        if !value.is_empty() {
            bytes.extend_from_slice(MASK.as_bytes());
        }
        return Masked {
            bytes: mask_passwords(&bytes),
            goes_on: !is_whole(value),
        };
    }
    Masked {
        bytes: mask_passwords(&bytes),
        goes_on: false,
    }
}

/// True for a mask, and for JSON that is complete in its line, with or without quotes around it.
fn is_whole(value: &[u8]) -> bool {
    let is_json = |text: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
    value.trim_ascii_end() == MASK.as_bytes()
        || is_json(value)
        || is_json(&systemd::value(value, 0).bytes)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The quote and the length of the JSON string at the start; the whole of it may stand escaped within quotes.
fn json_string(text: &[u8]) -> Option<(&'static [u8], usize)> {
    let quote: &[u8] = [&b"\""[..], b"\\\""]
        .into_iter()
        .find(|quote| text.starts_with(quote))?;
    let mut at = quote.len();
    while at < text.len() {
        if text[at..].starts_with(quote) {
            return Some((quote, at + quote.len()));
        }
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    None
}

/// `HTTP_PROXY` and its kin, in letters of either case.
fn is_proxy(name: &[u8]) -> bool {
    name.to_ascii_uppercase().ends_with(b"_PROXY")
}

/// Replaces the password of the one login in a proxy's address, which Go takes without a scheme, too.
fn mask_login(value: &[u8]) -> Vec<u8> {
    let host = value.windows(MARK.len()).position(|window| window == MARK);
    let from = host.map_or(0, |scheme| scheme + MARK.len());
    let colon = value[from..].iter().position(|byte| *byte == b':');
    let at = value.iter().rposition(|byte| *byte == b'@');
    match (colon, at) {
        (Some(colon), Some(at)) if from + colon < at => {
            [&value[..=from + colon], MASK.as_bytes(), &value[at..]].concat()
        }
        _ => value.to_vec(),
    }
}

const MARK: &[u8] = b"://";

/// Replaces the password in each `scheme://user:password@host`.
fn mask_passwords(line: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(found) = rest.windows(MARK.len()).position(|window| window == MARK) {
        let (before, after) = rest.split_at(found + MARK.len());
        masked.extend_from_slice(before);
        // The password ends at the last @ of the word: it may itself hold / or @.
        let word = after
            .iter()
            .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b','))
            .unwrap_or(after.len());
        let at = after[..word].iter().rposition(|byte| *byte == b'@');
        let colon = after[..word].iter().position(|byte| *byte == b':');
        rest = match (colon, at) {
            (Some(colon), Some(at)) if colon < at => {
                masked.extend_from_slice(&after[..=colon]);
                masked.extend_from_slice(MASK.as_bytes());
                &after[at..]
            }
            _ => after,
        };
    }
    masked.extend_from_slice(rest);
    masked
}

/// `http://user:password@proxy` without what stands before the `@`, wherever addresses stand in a text.
pub fn mask_addresses(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for (index, part) in text.split("://").enumerate() {
        if index == 0 {
            kept.push_str(part);
            continue;
        }
        kept.push_str("://");
        let authority = part.find(['/', '"', ' ', '\n']).unwrap_or(part.len());
        let from = part[..authority].rfind('@').map_or(0, |at| at + 1);
        kept.push_str(&part[from..]);
    }
    kept
}

#[cfg(test)]
mod tests;
