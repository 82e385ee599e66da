//! Whether a request is signed as AWS wants it: Signature Version 4 (IAM User Guide, "Create a signed AWS API request").

use hmac::{Hmac, KeyInit, Mac};
use hyper::header::HeaderMap;
use sha2::{Digest, Sha256};

/// Whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The access key's id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The session token that has to come with it.
    pub token: String,
}

/// What a signature is for: `us-east-1` and `autoscaling`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The region.
    pub region: String,
    /// The service's name in the signature.
    pub service: String,
}

/// Checks the signature of a POST to `/` without a query, which is all that the two services take.
///
/// # Errors
/// What is wrong with it.
pub fn check(headers: &HeaderMap, body: &[u8], key: &Key) -> Result<Scope, String> {
    let authorization = header(headers, "authorization")?;
    let fields = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or("another algorithm")?;
    let field = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        fields
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
            .ok_or(format!("no {name}"))
    };
    let credential: Vec<&str> = field("Credential")?.split('/').collect();
    let [id, date, region, service, "aws4_request"] = credential[..] else {
        return Err(format!("the credential {credential:?}"));
    };
    if id != key.id {
        return Err(format!("the access key {id}"));
    }
    if header(headers, "x-amz-security-token")? != key.token {
        return Err("another session token".to_owned());
    }
    let signed = field("SignedHeaders")?;
    for name in ["host", "x-amz-date", "x-amz-security-token"] {
        if !signed.split(';').any(|header| header == name) {
            return Err(format!("{name} is not signed"));
        }
    }
    let mut canonical_headers = String::new();
    for name in signed.split(';') {
        canonical_headers += &format!("{name}:{}\n", header(headers, name)?.trim());
    }
    let time = header(headers, "x-amz-date")?;
    if !time.starts_with(date) {
        return Err(format!("the date {time} and the scope's {date}"));
    }
    let payload = hex(&Sha256::digest(body));
    let request = format!("POST\n/\n\n{canonical_headers}\n{signed}\n{payload}");
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let digest = hex(&Sha256::digest(request));
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}");
    let mut signing = format!("AWS4{}", key.secret).into_bytes();
    for part in [date, region, service, "aws4_request"] {
        signing = keyed(&signing, part)?;
    }
    if hex(&keyed(&signing, &to_sign)?) != field("Signature")? {
        return Err("the signature is another one".to_owned());
    }
    Ok(Scope {
        region: region.to_owned(),
        service: service.to_owned(),
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, String> {
    let value = headers.get(name).ok_or(format!("no {name}"))?;
    value.to_str().map_err(|_| format!("{name} is no text"))
}

fn keyed(key: &[u8], text: &str) -> Result<Vec<u8>, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The derived key of the example in the AWS General Reference ("Examples of how to derive a signing key").
    #[test]
    fn the_signing_key_is_that_of_the_documented_example() {
        let mut key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
        for part in ["20150830", "us-east-1", "iam", "aws4_request"] {
            key = keyed(&key, part).unwrap();
        }
        assert_eq!(
            hex(&key),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    #[test]
    fn an_unsigned_request_is_none_of_anybody() {
        let key = Key {
            id: "A".to_owned(),
            secret: "B".to_owned(),
            token: "C".to_owned(),
        };
        assert!(check(&HeaderMap::new(), b"", &key).is_err());
    }
}
