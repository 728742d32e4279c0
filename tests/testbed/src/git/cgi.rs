//! `git http-backend`: git's own server side of smart HTTP.

use std::{io, path::Path, process::Stdio};

use bytes::Bytes;
use http::{Response, StatusCode, header, request::Parts};
use tokio::{io::AsyncWriteExt, process::Command};

/// Has git answer a request about a repository below `root`, for a user who may push if there is one.
///
/// # Errors
/// git cannot be run, or what it prints is no CGI answer.
pub(super) async fn answer(
    root: &Path,
    request: &Parts,
    body: Bytes,
    user: Option<&str>,
) -> io::Result<Response<Bytes>> {
    let mut child = command(root, request, body.len(), user).spawn()?;
    let mut stdin = child
        .stdin
        .take()
        .ok_or_else(|| io::Error::other("stdin is a pipe"))?;
    let feed = tokio::spawn(async move { stdin.write_all(&body).await });
    let output = child.wait_with_output().await?;
    // git closes its input early when it refuses the request.
    let _ = feed.await;
    parse(&output.stdout.into()).ok_or_else(|| io::Error::other("git http-backend gave no answer"))
}

fn command(root: &Path, request: &Parts, length: usize, user: Option<&str>) -> Command {
    let mut command = Command::new("git");
    command.args(["-c", "safe.directory=*", "http-backend"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1");
    // The person's settings are no part of a test.
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    command
        .env("REQUEST_METHOD", request.method.as_str())
        .env("PATH_INFO", request.uri.path());
    command
        .env("QUERY_STRING", request.uri.query().unwrap_or_default())
        .env("CONTENT_LENGTH", length.to_string());
    command
        .env("REMOTE_ADDR", "127.0.0.1")
        .envs(user.map(|user| ("REMOTE_USER", user)));
    let named = [
        ("CONTENT_TYPE", "content-type"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ("GIT_PROTOCOL", "git-protocol"),
    ];
    for (variable, name) in named {
        command.envs(
            request
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(|value| (variable, value)),
        );
    }
    command
}

/// Lines of header, an empty line, the body. A line `Status:` is the status.
fn parse(output: &Bytes) -> Option<Response<Bytes>> {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut response = Response::new(output.slice(end + 4..));
    for line in std::str::from_utf8(&output[..end]).ok()?.lines() {
        let (name, value) = line.split_once(": ")?;
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = StatusCode::from_bytes(value.get(..3)?.as_bytes()).ok()?;
        } else {
            let name: header::HeaderName = name.parse().ok()?;
            response.headers_mut().append(name, value.parse().ok()?);
        }
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_headers_and_body_are_told_apart() {
        let response = parse(&Bytes::from_static(
            b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\na\r\n\r\nb",
        ))
        .unwrap();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert_eq!(response.body(), "a\r\n\r\nb");
    }

    #[test]
    fn answer_without_a_header_is_none() {
        assert!(parse(&Bytes::from_static(b"fatal: no")).is_none());
    }
}
