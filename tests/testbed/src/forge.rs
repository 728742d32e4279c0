//! A forge that calls a webhook.

use std::time::Duration;

use anyhow::{Context, Result};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What forges call a webhook with after a push.
pub const PUSH: &str = r#"{"ref":"refs/heads/main","repository":{"full_name":"town/beads"}}"#;
/// As long as a call may take on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// The HMAC-SHA256 of a body in hexadecimal digits.
#[must_use]
pub fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(body.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Calls as GitHub does after a push, signed with a secret. Gives the status code.
///
/// # Errors
/// As [`post`].
pub async fn push(address: &str, path: &str, secret: &str) -> Result<u16> {
    let signature = format!("sha256={}", sign(secret, PUSH));
    post(
        address,
        path,
        &[("X-Hub-Signature-256", &signature)],
        PUSH.as_bytes(),
    )
    .await
}

/// Posts a body. Gives the status code.
///
/// # Errors
/// Nobody listens there, or the answer is not HTTP.
pub async fn post(address: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<u16> {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    let bytes = [head.as_bytes(), body].concat();
    status(&exchange(address, &bytes).await?)
}

/// Sends bytes and gives what comes back until the other side ends the connection.
///
/// # Errors
/// Nobody listens there, or nothing ends.
pub async fn exchange(address: &str, bytes: &[u8]) -> Result<String> {
    let talking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(bytes).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        anyhow::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(PATIENCE, talking)
        .await
        .with_context(|| format!("no end of the answer of {address}"))?
}

fn status(answer: &str) -> Result<u16> {
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.with_context(|| format!("no answer of HTTP: {answer:?}"))
}
