use super::*;

/// The example of GitHub's documentation.
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
const DIGITS: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// The example of Standard Webhooks.
const STANDARD_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_BODY: &[u8] = br#"{"test": 2432232314}"#;
const STANDARD_TAG: &str = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn is_right(given: &[(&'static str, &str)], secret: &str, body: &[u8]) -> bool {
    let mut check = Proofs::of(&headers(given)).check(&Secret::new(secret));
    body.chunks(5).for_each(|part| check.update(part));
    check.is_right()
}

#[test]
fn forges_are_believed_when_they_know_the_secret() {
    let prefixed = format!("sha256={DIGITS}");
    let upper = DIGITS.to_uppercase();
    for (name, value) in [
        ("x-hub-signature-256", prefixed.as_str()),
        ("x-hub-signature", &prefixed),
        ("x-gitea-signature", DIGITS),
        ("x-forgejo-signature", DIGITS),
        ("x-gogs-signature", DIGITS),
        ("x-signature", DIGITS),
        ("x-signature", &prefixed),
        ("x-signature", &upper),
        ("x-gitlab-token", SECRET),
    ] {
        assert!(is_right(&[(name, value)], SECRET, BODY), "{name}: {value}");
        assert!(!is_right(&[(name, value)], "another", BODY), "{name}");
        assert!(!is_right(&[(name, value)], "", BODY), "{name}");
        let is_about_the_body = name != "x-gitlab-token";
        let other = is_right(&[(name, value)], SECRET, b"Hello, world!");
        assert_eq!(other, !is_about_the_body, "{name}");
    }
}

#[test]
fn standard_webhooks_sign_id_and_time_too() {
    let signed = |id: &str, time: &str, signature: &str| {
        is_right(
            &[
                (STANDARD_ID, id),
                (STANDARD_TIMESTAMP, time),
                (STANDARD_SIGNATURE, signature),
            ],
            STANDARD_KEY,
            STANDARD_BODY,
        )
    };
    let (id, time) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
    let right = format!("v1,{STANDARD_TAG}");
    assert!(signed(id, time, &right));
    assert!(signed(id, time, &format!("v1a,eA== v1,bad {right}")));
    assert!(!signed("msg_2", time, &right));
    assert!(!signed(id, "1614265331", &right));
    assert!(!signed(id, time, &format!("v2,{STANDARD_TAG}")));
    let late = format!("{}{right}", "v1,eA== ".repeat(AT_MOST));
    assert!(!signed(id, time, &late), "the ninth is not looked at");
}

#[test]
fn secret_of_standard_webhooks_may_also_be_a_plain_one() {
    let text = "plain";
    let mut mac = mac(text.as_bytes()).unwrap();
    mac.update(b"1.2.body");
    let tag = STANDARD.encode(mac.finalize().into_bytes());
    let given = [
        (STANDARD_ID, "1"),
        (STANDARD_TIMESTAMP, "2"),
        (STANDARD_SIGNATURE, &format!("v1,{tag}")),
    ];
    assert!(is_right(&given, text, b"body"));
    // Nothing is left of it as a key.
    assert!(!is_right(&given, "whsec_", b"body"));
}

#[test]
fn empty_secret_proves_nothing() {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"").unwrap();
    mac.update(BODY);
    let digits: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(!is_right(&[("x-signature", &digits)], "", BODY));
    assert!(!is_right(&[("x-gitlab-token", "")], "", BODY));
}

#[test]
fn one_right_proof_is_enough() {
    let wrong = "0".repeat(64);
    let given = [
        ("x-hub-signature", "sha1=01234567"),
        ("x-gogs-signature", wrong.as_str()),
        ("x-gitea-signature", DIGITS),
    ];
    assert!(is_right(&given, SECRET, BODY));
}

#[test]
fn what_has_not_the_form_of_a_proof_is_none() {
    for (name, value) in [
        ("x-hub-signature-256", DIGITS),
        (
            "x-hub-signature",
            "sha1=01234567890123456789012345678901234567890123",
        ),
        ("x-signature", "sha256="),
        ("x-signature", &DIGITS[1..]),
        ("x-signature", &format!("{DIGITS}00")),
        ("x-signature", &DIGITS.replace('7', "x")),
        ("x-signature", "+7"),
        (STANDARD_SIGNATURE, &format!("v1,{STANDARD_TAG}")),
        ("authorization", SECRET),
    ] {
        let proofs = Proofs::of(&headers(&[(name, value)]));
        assert!(proofs.is_empty(), "{name}: {value}");
    }
}

#[test]
fn proofs_show_no_secret() {
    let proofs = Proofs::of(&headers(&[("x-gitlab-token", SECRET)]));
    assert!(!format!("{proofs:?}").contains("Everybody"));
}
