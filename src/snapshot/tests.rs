use std::path::Path;

use serde_json::Value;

use super::*;

const SCHEMA_FILE: &str = "docs/health.schema.json";

/// The schema of what is written: what is always there is required, what may come later is not forbidden.
fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Snapshot>();
    let mut schema = schema.to_value();
    schema["title"] = "Health document of ecs-nanny".into();
    schema
}

fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_schema_in_docs_is_that_of_the_code() {
    let mut text = serde_json::to_string_pretty(&schema()).unwrap();
    text.push('\n');
    let path = repository(SCHEMA_FILE);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{SCHEMA_FILE} is not that of the code; to make it anew: UPDATE_DOCS=1 cargo test --lib snapshot::"
    );
}

#[test]
fn documents_of_every_phase_are_as_the_schema_says() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for snapshot in sample::all() {
        let document = serde_json::to_value(&snapshot).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_schema_refuses_other_documents_and_admits_new_fields() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let good = serde_json::to_value(sample::full()).unwrap();
    let with = |path: &str, value: Value| {
        let mut document = good.clone();
        *document.pointer_mut(path).unwrap() = value;
        document
    };
    for bad in [
        with("/phase", "fine".into()),
        with("/reason", "because".into()),
        with("/since", 5.into()),
        with("/agent/restarts", (-1).into()),
        with("/boot/spans/0/name", "lunch".into()),
        with("/findings/0/outcome", Value::Null),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
    let mut grown = good.clone();
    grown["weather"] = "fine".into();
    grown["agent"]["mood"] = 3.into();
    assert!(validator.is_valid(&grown));
    let mut shrunk = good;
    shrunk.as_object_mut().unwrap().remove("phase");
    assert!(!validator.is_valid(&shrunk));
}

#[test]
fn phases_reasons_and_spans_are_the_closed_sets_of_the_schema() {
    let schema = schema();
    let words = |name: &str| {
        let mut words = Vec::new();
        collect_words(&schema["$defs"][name], &mut words);
        words
    };
    assert_eq!(words("Phase"), Phase::ALL.map(Phase::word));
    assert_eq!(
        words("Reason"),
        Reason::ALL.map(|reason| reason.to_string())
    );
    let mut spans = SpanName::ALL.map(SpanName::word).to_vec();
    spans.sort_unstable();
    let mut wanted = words("SpanName");
    wanted.sort_unstable();
    assert_eq!(spans, wanted);
}

/// The words of an enumeration, with or without descriptions.
fn collect_words(schema: &Value, words: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match name.as_str() {
                    "const" => words.extend(value.as_str().map(str::to_owned)),
                    "enum" | "oneOf" => collect_words(value, words),
                    _ => {}
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::String(word) => words.push(word.clone()),
                    other => collect_words(other, words),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn phases_reasons_and_spans_are_documented() {
    let page = std::fs::read_to_string(repository("docs/health.md")).unwrap();
    assert_eq!(rows(&page, "### Phases"), Phase::ALL.map(Phase::word));
    assert_eq!(
        rows(&page, "### Reasons"),
        Reason::ALL.map(|reason| reason.to_string())
    );
    let spans = SpanName::ALL.map(SpanName::word);
    assert_eq!(rows(&page, "### The boot's time line"), spans);
}

/// The first cells of the table under a heading.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, section) = page.split_once(heading).unwrap();
    section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect()
}

#[test]
fn a_document_is_read_as_it_was_written() {
    for snapshot in sample::all() {
        let text = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
    }
}
