//! Pushing, with servers whose answers are written down.

use super::*;

/// A server whose answers are written down.
struct Script {
    answer: Vec<u8>,
    sent: Vec<u8>,
}

impl WireStream for Script {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, WireError> {
        let length = self.answer.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.answer[..length]);
        self.answer.drain(..length);
        Ok(length)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.sent.extend_from_slice(bytes);
        Ok(())
    }
}

fn script(answer: &[Vec<u8>]) -> Script {
    Script {
        answer: answer.concat(),
        sent: Vec::new(),
    }
}

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn greeting_is_read_with_and_without_the_line_of_http() {
    let lines = [
        pkt::line(format!("{ID} refs/heads/a\0report-status side-band-64k\n").as_bytes()),
        pkt::line(format!("{ID} .have\n").as_bytes()),
        FLUSH.to_vec(),
    ];
    let http = [pkt::line(b"# service=git-receive-pack\n"), FLUSH.to_vec()];
    let expected = Greeting {
        refs: BTreeMap::from([("refs/heads/a".to_owned(), Oid::from_str(ID).unwrap())]),
        capabilities: vec!["report-status".to_owned(), "side-band-64k".to_owned()],
    };
    assert_eq!(greeting(&mut script(&lines)).unwrap(), expected);
    assert_eq!(
        greeting(&mut script(&[&http[..], &lines[..]].concat())).unwrap(),
        expected
    );
}

#[test]
fn greeting_of_an_empty_repository_names_no_refs() {
    let line = format!("{} capabilities^{{}}\0report-status\n", Oid::ZERO_SHA1);
    let greeting = greeting(&mut script(&[pkt::line(line.as_bytes()), FLUSH.to_vec()])).unwrap();
    assert!(greeting.refs.is_empty());
    assert_eq!(capabilities(&greeting), Some(vec!["report-status"]));
}

#[test]
fn server_that_refuses_at_once_is_understood() {
    let error = greeting(&mut script(&[pkt::line(b"ERR Permission to a/b denied\n")])).unwrap_err();
    assert!(matches!(error, WireError::Denied { .. }), "{error}");
}

#[test]
fn update_and_pack_are_sent_in_order() {
    let mut server = script(&[]);
    let update = Update {
        reference: "refs/heads/a".into(),
        old: None,
        new: Oid::from_str(ID).unwrap(),
    };
    let written = send(&mut server, &update, &[REPORT], |write| {
        assert!(write(b"PACK"));
        Ok(())
    });
    assert!(written.is_ok());
    let command = format!("{} {ID} refs/heads/a\0 report-status", Oid::ZERO_SHA1);
    assert_eq!(
        server.sent,
        [pkt::line(command.as_bytes()), b"0000PACK".to_vec()].concat()
    );
}

fn report(lines: &[&str]) -> Vec<u8> {
    lines
        .iter()
        .map(|line| pkt::line(line.as_bytes()))
        .chain([FLUSH.to_vec()])
        .collect::<Vec<_>>()
        .concat()
}

fn banded(band: u8, content: &[u8]) -> Vec<u8> {
    pkt::line(&[&[band], content].concat())
}

#[test]
fn report_says_whether_the_ref_moved() {
    let accepted = report(&["unpack ok\n", "ok refs/heads/a\n"]);
    let refused = report(&["unpack ok\n", "ng refs/heads/a hook declined\n"]);
    assert_eq!(
        answer(
            &mut script(std::slice::from_ref(&accepted)),
            "refs/heads/a",
            false
        )
        .unwrap(),
        Answer::Accepted
    );
    let server = &mut script(&[banded(1, &accepted), FLUSH.to_vec()]);
    assert_eq!(
        answer(server, "refs/heads/a", true).unwrap(),
        Answer::Accepted
    );
    let server = &mut script(&[
        banded(2, b"not\x1b[1m\n"),
        banded(1, &refused[..10]),
        banded(2, b"this"),
        banded(1, &refused[10..]),
        FLUSH.to_vec(),
    ]);
    let expected = Answer::Refused("hook declined (the server says: not [1m this)".to_owned());
    assert_eq!(answer(server, "refs/heads/a", true).unwrap(), expected);
}

#[test]
fn report_that_is_none_is_not_taken_for_success() {
    for lines in [
        &[][..],
        &["unpack ok\n"],
        &["unpack ok\n", "ok refs/heads/b\n"],
    ] {
        assert!(
            answer(&mut script(&[report(lines)]), "refs/heads/a", false).is_err(),
            "{lines:?}"
        );
    }
    let failed = answer(
        &mut script(&[report(&["unpack disk full\n"])]),
        "refs/heads/a",
        false,
    )
    .unwrap();
    assert_eq!(failed, Answer::Refused("disk full".to_owned()));
    let server = &mut script(&[banded(3, b"try later")]);
    assert!(answer(server, "refs/heads/a", true).is_err());
}
