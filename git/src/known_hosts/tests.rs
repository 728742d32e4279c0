use proptest::prelude::*;

use super::*;

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const OTHER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf";

fn key(text: &str) -> HostKey {
    let (kind, base64) = text.split_once(' ').unwrap();
    HostKey::parse(kind, base64).unwrap()
}

fn hosts(text: &str) -> KnownHosts {
    let (hosts, rejected) = parse(text.as_bytes());
    assert_eq!(rejected, []);
    hosts
}

fn rejected(line: &str) -> String {
    let (hosts, rejected) = parse(line.as_bytes());
    assert_eq!(hosts, KnownHosts::default());
    rejected
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn check(hosts: &KnownHosts, host: &str, port: u16, shown: &str) -> Result<(), Distrust> {
    hosts.of(host, port).check(key(shown).blob())
}

#[test]
fn built_in_keys_have_the_fingerprints_that_the_forges_publish() {
    for (host, ed25519, ecdsa, rsa) in [
        (
            "github.com",
            "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
            "p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
            "uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
        ),
        (
            "gitlab.com",
            "eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
            "HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw",
            "ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ",
        ),
        (
            "bitbucket.org",
            "ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM",
            "FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0",
            "46OSHA1Rmj8E8ERTC6xkNcmGOw9oFxYr0WF6zWW8l1E",
        ),
        (
            "codeberg.org",
            "mIlxA9k46MmM6qdJOdMnAQpzGxF4WIVVL+fj+wZbw0g",
            "T9FYDEHELhVkulEKKwge5aVhVTbqCW0MIRwAfpARs/E",
            "6QQmYi4ppFS4/+zSZ5S4IU+4sa6rwvQ4PbhCtPEBekQ",
        ),
    ] {
        let known = KnownHosts::default().of(host, 22);
        let shown: Vec<_> = known.trusted.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                format!("ssh-ed25519 SHA256:{ed25519}"),
                format!("ecdsa-sha2-nistp256 SHA256:{ecdsa}"),
                format!("ssh-rsa SHA256:{rsa}"),
            ]
        );
    }
    assert_eq!(parse(FORGES.as_bytes()).1, []);
}

#[test]
fn known_key_is_trusted_and_another_one_named_with_both_fingerprints() {
    let hosts = hosts(&format!("example.com {ED25519}\n"));
    assert_eq!(check(&hosts, "example.com", 22, ED25519), Ok(()));
    assert_eq!(check(&hosts, "EXAMPLE.com", 22, ED25519), Ok(()));
    let message = check(&hosts, "example.com", 22, OTHER)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8"),
        "{message}"
    );
    assert!(
        message.contains("(ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU)"),
        "{message}"
    );
}

#[test]
fn host_that_no_line_names_is_unknown() {
    let hosts = hosts(&format!("example.com {ED25519}\n"));
    assert!(matches!(
        check(&hosts, "example.org", 22, ED25519),
        Err(Distrust::Unknown {
            authority: false,
            ..
        })
    ));
}

#[test]
fn given_keys_of_a_forge_replace_the_built_in_ones() {
    let hosts = hosts(&format!("github.com {OTHER}\n"));
    assert!(matches!(
        check(&hosts, "github.com", 22, ED25519),
        Err(Distrust::Changed { .. })
    ));
    assert_eq!(check(&hosts, "github.com", 22, OTHER), Ok(()));
    assert_eq!(
        check(&KnownHosts::default(), "ssh.github.com", 443, ED25519),
        Ok(())
    );
}

#[test]
fn hashed_hosts_are_found() {
    // Made by ssh-keygen -H from "example.com" and "[example.com]:2222".
    let text = format!(
        "|1|kAn1q/2dD7qM70vH1IhhskhCGlc=|WCrBG3Fu7agiU5SzU7jTk650bJg= {ED25519}\n|1|139rxI63j77xLXW/tnqH9Rf0MT8=|+zYPwiAcBxzPNeYPKMK7RRKEc3s= {OTHER}\n"
    );
    let hosts = hosts(&text);
    assert_eq!(check(&hosts, "example.com", 22, ED25519), Ok(()));
    assert_eq!(check(&hosts, "example.com", 2222, OTHER), Ok(()));
    assert!(matches!(
        check(&hosts, "example.org", 22, ED25519),
        Err(Distrust::Unknown { .. })
    ));
}

#[test]
fn port_is_part_of_the_name_and_the_bare_host_is_second_choice() {
    let hosts = hosts(&format!(
        "[example.com]:2222 {ED25519}\nexample.com {OTHER}\n"
    ));
    assert_eq!(check(&hosts, "example.com", 2222, ED25519), Ok(()));
    assert!(matches!(
        check(&hosts, "example.com", 2222, OTHER),
        Err(Distrust::Changed { .. })
    ));
    assert_eq!(check(&hosts, "example.com", 2223, OTHER), Ok(()));
    assert_eq!(check(&hosts, "example.com", 22, OTHER), Ok(()));
}

#[test]
fn negated_pattern_excludes_a_host() {
    let hosts = hosts(&format!("*.example.com,!bad.example.com {ED25519}\n"));
    assert_eq!(check(&hosts, "good.example.com", 22, ED25519), Ok(()));
    assert!(matches!(
        check(&hosts, "bad.example.com", 22, ED25519),
        Err(Distrust::Unknown { .. })
    ));
}

#[test]
fn revoked_key_is_refused_also_when_another_line_trusts_it() {
    let text =
        format!("example.com {ED25519}\n@revoked * {ED25519}\n@revoked github.com {ED25519}\n");
    let hosts = hosts(&text);
    assert!(matches!(
        check(&hosts, "example.com", 22, ED25519),
        Err(Distrust::Revoked { .. })
    ));
    assert!(matches!(
        check(&hosts, "example.com", 2222, ED25519),
        Err(Distrust::Revoked { .. })
    ));
    assert!(matches!(
        check(&hosts, "github.com", 22, ED25519),
        Err(Distrust::Revoked { .. })
    ));
}

#[test]
fn certificate_authority_is_explained_and_never_trusted_as_a_key() {
    let hosts = hosts(&format!("@cert-authority *.example.com {ED25519}\n"));
    let message = check(&hosts, "git.example.com", 22, ED25519)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("host certificates are not supported"),
        "{message}"
    );
}

#[test]
fn kinds_to_ask_for_are_those_that_are_known() {
    let kinds = |host: &str| KnownHosts::default().of(host, 22).kinds();
    assert_eq!(
        kinds("github.com"),
        [KeyKind::Ed25519, KeyKind::EcdsaP256, KeyKind::Rsa]
    );
    assert_eq!(kinds("example.com"), []);
    assert_eq!(
        hosts(&format!("example.com {OTHER}"))
            .of("example.com", 22)
            .kinds(),
        [KeyKind::Ed25519]
    );
}

#[test]
fn comments_blank_lines_and_crlf_are_passed_over() {
    let hosts = hosts(&format!(
        "# keys\r\n\r\n   \r\n  example.com\t{ED25519} a comment\r\n"
    ));
    assert_eq!(check(&hosts, "example.com", 22, ED25519), Ok(()));
}

#[test]
fn line_that_cannot_be_used_is_named() {
    assert_eq!(
        rejected("example.com"),
        "line 1: not of the form: hosts, key type, key"
    );
    assert_eq!(
        rejected("\nexample.com 1024 35 1234"),
        "line 2: a key of ssh protocol 1, which is not supported"
    );
    assert_eq!(
        rejected("example.com ssh-dss AAAA"),
        "line 1: key type \"ssh-dss\" is not supported"
    );
    assert_eq!(
        rejected("example.com ssh-rsa !!!"),
        "line 1: the key is not base64"
    );
    assert_eq!(
        rejected("example.com ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMq"),
        "line 1: the key does not hold what its type says"
    );
    assert_eq!(
        rejected(&format!("|1|x|y {ED25519}")),
        "line 1: the hashed host is not of the form |1|salt|hash"
    );
    assert_eq!(
        rejected(&format!("a,,b {ED25519}")),
        "line 1: a host pattern is empty"
    );
    assert_eq!(
        rejected(&format!("@trusted a {ED25519}")),
        "line 1: marker \"@trusted\" is unknown"
    );
    assert_eq!(parse(b"\xff\xfe\n").1.len(), 1);
}

proptest! {
    #[test]
    fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in "[@|1*!,\\[\\]: a-z=\\n#]{0,200}") {
        for input in [bytes.as_slice(), text.as_bytes()] {
            let (hosts, rejected) = parse(input);
            prop_assert!(hosts.entries.len() + rejected.len() <= input.split(|b| *b == b'\n').count());
            let _ = hosts.of("a", 22);
        }
    }
}
