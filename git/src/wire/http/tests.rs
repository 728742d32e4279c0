use super::*;
use crate::Reason;

fn base(text: &str) -> Base {
    match text.parse::<GitUrl>().unwrap().0 {
        Place::Remote(url) => Base::from(&url),
        Place::Local(_) => panic!("{text} is local"),
    }
}

fn redirect(from: &str, to: &str) -> Result<Base, Reason> {
    redirected(&base(from), to, "/info/refs?service=git-upload-pack")
        .map_err(|error| error.reason())
}

#[test]
fn redirect_leads_to_a_repository_and_never_away_from_tls() {
    let tail = "/info/refs?service=git-upload-pack";
    let moved = |from: &str, to: &str| redirect(from, &format!("{to}{tail}"));
    assert_eq!(moved("https://a/x", "https://b/y"), Ok(base("https://b/y")));
    assert_eq!(moved("https://a/x", "/y.git"), Ok(base("https://a/y.git")));
    assert_eq!(moved("http://a/x", "https://a/x"), Ok(base("https://a/x")));
    assert_eq!(
        moved("https://a/x", "http://a/x"),
        Err(Reason::ServerFailed)
    );
    assert_eq!(moved("https://a/x", "ext::sh"), Err(Reason::ServerFailed));
    assert_eq!(
        redirect("https://a/x", "https://a/login"),
        Err(Reason::ServerFailed)
    );
}

#[test]
fn user_of_a_token_depends_on_the_forge() {
    assert_eq!(token_user("github.com"), "x-access-token");
    assert_eq!(token_user("gitlab.example.com"), "oauth2");
    assert_eq!(token_user("bitbucket.org"), "x-token-auth");
}
