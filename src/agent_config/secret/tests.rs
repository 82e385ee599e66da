use proptest::prelude::*;

use super::*;
use crate::agent_config::samples;

#[test]
fn names_tell_what_is_secret() {
    for name in [
        "ECS_ENGINE_AUTH_DATA",
        "ECS_ENGINE_AUTHDATA",
        "ECS_ENGIN_AUTH_DATE",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "splunk-token",
        "auth",
        "MY_PASSWORD",
    ] {
        assert!(is_secret(name), "{name}");
    }
    for name in [
        "ECS_ENGINE_AUTH_TYPE",
        "ECS_CLUSTER",
        "HTTP_PROXY",
        "CREDENTIALS_FETCHER_HOST",
        "CREDENTIALS_FETCHER_SECRET_NAME_FOR_DOMAINLESS_GMSA",
        "ECS_ENABLE_TASK_IAM_ROLE",
    ] {
        assert!(!is_secret(name), "{name}");
    }
}

#[test]
fn values_lose_what_is_secret_and_nothing_else() {
    for (name, value, shown) in [
        ("ECS_ENGINE_AUTH_DATA", "{\"a\":1}", "***"),
        ("ECS_ENGINE_AUTH_DATA", "", ""),
        ("ECS_CLUSTER", "prod", "prod"),
        (
            "HTTP_PROXY",
            "http://user:p/a@s:s@proxy:3128",
            "http://user:***@proxy:3128",
        ),
        ("HTTPS_PROXY", "user:pass@proxy:3128", "user:***@proxy:3128"),
        ("HTTP_PROXY", "proxy:3128", "proxy:3128"),
        ("http_proxy", "http://proxy:3128", "http://proxy:3128"),
        ("HTTP_PROXY", "http://u:p http://@h:1", "http://u:***@h:1"),
        (
            "ECS_BACKEND_HOST",
            "https://ecs.example:443/x",
            "https://ecs.example:443/x",
        ),
        (
            "ECS_LOG_OPTS",
            "{\"splunk-url\":\"https://s:8088\",\"splunk-token\": \"a\\\"b\",\"tag\":\"x\"}",
            "{\"splunk-url\":\"https://s:8088\",\"splunk-token\": \"***\",\"tag\":\"x\"}",
        ),
    ] {
        assert_eq!(mask_value(name, value), shown);
    }
}

#[test]
fn files_lose_secrets_in_any_grammar() {
    for (file, shown) in [
        (
            "A=1\nECS_ENGINE_AUTH_DATA={\"a\":1}\nB=2\n",
            "A=1\nECS_ENGINE_AUTH_DATA=***\nB=2\n",
        ),
        (
            " # export ECS_ENGINE_AUTH_DATA = x\r\nB=2",
            " # export ECS_ENGINE_AUTH_DATA = ***\r\nB=2",
        ),
        (
            "ECS_ENGINE_AUTH_DATA='{\n \"a\":\n {\"auth\": \"b==\"}}'\n\nB=2\n",
            "ECS_ENGINE_AUTH_DATA=***\n***\n***\n\nB=2\n",
        ),
        (
            "ECS_ENGINE_AUTH_DATA=\"{\\\"a\\\":1}\"\n=b\n",
            "ECS_ENGINE_AUTH_DATA=***\n=b\n",
        ),
        (
            "ECS_ENGINE_AUTH_DATA=\"{\\\"a\\\":1}\"\n=b\n",
            "ECS_ENGINE_AUTH_DATA=***\n=b\n",
        ),
        (
            "ECS_ENGINE_AUTH_DATA=a\\\nb\\\nc\n# end\n",
            "ECS_ENGINE_AUTH_DATA=***\n***\n***\n# end\n",
        ),
        (
            "ECS_ENGINE_AUTH_DATA=a\rB=2\r",
            "ECS_ENGINE_AUTH_DATA=***\rB=2\r",
        ),
        (
            "ECS_ENGINE_AUTH_DATA: x\nB=2",
            "ECS_ENGINE_AUTH_DATA: ***\nB=2",
        ),
        ("ECS_ENGINE_AUTH_DATA=\nB=2", "ECS_ENGINE_AUTH_DATA=\nB=2"),
        (
            "ECS_LOG_OPTS=\"{\\\"splunk-token\\\": \\\"t\\\"}\"\n",
            "ECS_LOG_OPTS=\"{\\\"splunk-token\\\": \\\"***\\\"}\"\n",
        ),
        (
            "#HTTP_PROXY=http://u:p@h:1\n",
            "#HTTP_PROXY=http://u:***@h:1\n",
        ),
        ("https_proxy = u:p@h:1\n", "https_proxy = u:***@h:1\n"),
        (
            "X=a http://u:p@h, http://v:q@h\n",
            "X=a http://u:***@h, http://v:***@h\n",
        ),
        ("\u{feff}ECS_CLUSTER=a", "\u{feff}ECS_CLUSTER=a"),
    ] {
        assert_eq!(lines::text(&mask(file.as_bytes())), shown);
    }
    assert_eq!(mask(b"A=\xff\0\n"), b"A=\xff\0\n");
    assert_eq!(mask(b"\xef\xbb\xbf"), b"\xef\xbb\xbf");
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn masking_keeps_the_lines_and_is_done_once(file in samples::file()) {
        let masked = mask(&file);
        prop_assert_eq!(lines::split(&masked).len(), lines::split(&file).len());
        prop_assert_eq!(mask(&masked), masked);
    }
}

#[test]
fn passwords_of_proxies_are_not_kept() {
    for (text, kept) in [
        (
            r#"{"http-proxy": "http://me:hush@proxy:3128", "x": 1}"#,
            r#"{"http-proxy": "http://proxy:3128", "x": 1}"#,
        ),
        (r#"["unix:///run/a@b"]"#, r#"["unix:///run/a@b"]"#),
        ("{}", "{}"),
        ("a://b", "a://b"),
    ] {
        assert_eq!(mask_addresses(text), kept);
    }
}
