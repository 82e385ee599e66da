//! Values in JSON. Where the agent uses a decoder, it reads the first value and nothing behind it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::Fault;
use crate::agent_config::schema::ObjectLimits;

pub(super) const OBJECT: &str = "a JSON object";
pub(super) const OBJECT_MEND: &str = "for example {\"key\":\"value\"}, without quotes around it";

const OBJECT_OF_STRINGS: &str = "a JSON object whose values are all strings, and nothing behind it";

/// The first JSON value.
pub(super) fn first<T: DeserializeOwned>(
    text: &str,
    wanted: &'static str,
    mend: impl Into<Cow<'static, str>>,
) -> Result<T, Fault> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) if text[values.byte_offset()..].trim().is_empty() => Ok(value),
        Some(Ok(_)) => Err(Fault::bent(
            format!("{wanted}, and nothing behind it: the rest is not read"),
            "remove what follows",
        )),
        Some(Err(error)) => Err(Fault::misread(wanted, why(&error, mend.into()))),
        None => Err(Fault::misread(wanted, mend)),
    }
}

/// A JSON value with nothing behind it.
pub(super) fn whole<T: DeserializeOwned>(
    text: &str,
    wanted: &'static str,
    mend: &'static str,
) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::misread(wanted, why(&error, mend.into())))
}

/// A list; the first value counts.
pub(super) fn list<T: DeserializeOwned>(
    text: &str,
    wanted: &'static str,
    example: &str,
) -> Result<(), Fault> {
    let mend = format!("for example {example}, without quotes around it");
    first::<Vec<T>>(text, wanted, mend).map(|_| ())
}

/// An object of strings.
pub(super) fn object(text: &str, limits: ObjectLimits) -> Result<(), Fault> {
    let members: BTreeMap<String, String> = if limits.alone {
        whole(text, OBJECT_OF_STRINGS, OBJECT_MEND)?
    } else {
        first(
            text,
            "a JSON object whose values are all strings",
            OBJECT_MEND,
        )?
    };
    let too_long =
        |text: &str, most: Option<usize>| most.is_some_and(|most| text.chars().count() > most);
    if limits.members.is_some_and(|most| members.len() > most) {
        let most = limits.members.unwrap_or_default();
        return Err(Fault::misread(
            format!("at most {most} members"),
            "remove some",
        ));
    }
    for (name, value) in &members {
        if too_long(name, limits.name) || too_long(value, limits.value) {
            let (name, value) = (
                limits.name.unwrap_or_default(),
                limits.value.unwrap_or_default(),
            );
            return Err(Fault::misread(
                format!("names of at most {name} characters and values of at most {value}"),
                "shorten it",
            ));
        }
        let named_well = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-/\\".contains(&byte));
        if limits.attributes && (name.is_empty() || !named_well) {
            return Err(Fault::misread(
                "names of letters, digits and the signs . _ - / \\",
                format!("rename {name:?}"),
            ));
        }
    }
    Ok(())
}

/// The mend, and where the JSON goes wrong. Not in serde's words: they quote the value, which may be secret.
fn why(error: &serde_json::Error, mend: Cow<'static, str>) -> Cow<'static, str> {
    if error.is_eof() {
        return format!("{mend}; this one ends too early").into();
    }
    let (line, column) = (error.line(), error.column());
    match line {
        0 | 1 => format!("{mend}; this one goes wrong at its character {column}").into(),
        _ => format!("{mend}; this one goes wrong in its line {line} at character {column}").into(),
    }
}
