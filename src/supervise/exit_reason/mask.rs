//! The agent's words without secrets: access keys, signed addresses, passwords of proxies and registries.

/// What stands for a secret.
const MASK: &str = "***";
/// The letters that part a text into words.
const BETWEEN: &[char] = &[
    ' ', '"', '\'', ',', ';', '&', '?', '{', '}', '[', ']', '(', ')', '\\',
];

/// The text with each secret replaced.
pub(super) fn mask(text: &str) -> String {
    mask_json(text)
        .split_inclusive(BETWEEN)
        .map(|piece| {
            let word = piece.strip_suffix(BETWEEN).unwrap_or(piece);
            mask_word(word) + &piece[word.len()..]
        })
        .collect()
}

/// Replaces the value of each `"name": "value"` whose name is that of a secret.
fn mask_json(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(':') {
        masked.push_str(before);
        masked.push(':');
        rest = after;
        let Some(name) = before.trim_end().strip_suffix('"') else {
            continue;
        };
        let name = name.rsplit('"').next().unwrap_or(name);
        let value = after.trim_start();
        // The whole of it may stand escaped within quotes.
        let quote = ["\"", "\\\""].into_iter().find(|it| value.starts_with(it));
        if let (Some(quote), true) = (quote, is_secret(name)) {
            masked.push_str(&after[..after.len() - value.len()]);
            masked.extend([quote, MASK, quote]);
            rest = after_string(&value[quote.len()..], quote);
        }
    }
    masked + rest
}

/// What follows the closing quote; nothing where there is none.
fn after_string<'a>(text: &'a str, quote: &str) -> &'a str {
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix(quote) {
            return after;
        }
        let mut letters = rest.chars();
        match letters.next() {
            None => return "",
            Some('\\') => _ = letters.next(),
            Some(_) => {}
        }
        rest = letters.as_str();
    }
}

fn mask_word(word: &str) -> String {
    if is_access_key(word) {
        return MASK.to_owned();
    }
    if let Some((name, _)) = word.split_once('=').filter(|(name, _)| is_secret(name)) {
        return format!("{name}={MASK}");
    }
    match (word.split_once("://"), word.rsplit_once('@')) {
        (Some((scheme, rest)), Some((_, host))) if rest.contains('@') => {
            format!("{scheme}://{MASK}@{host}")
        }
        _ => word.to_owned(),
    }
}

/// An access key's id: IAM, "Understanding unique ID prefixes".
fn is_access_key(word: &str) -> bool {
    const LENGTH: usize = 20;
    word.len() == LENGTH
        && (word.starts_with("AKIA") || word.starts_with("ASIA"))
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 6] = [
        "auth",
        "credential",
        "passw",
        "secret",
        "signature",
        "token",
    ];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}
