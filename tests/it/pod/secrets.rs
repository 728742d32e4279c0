//! What the agent can see, and what the text of a bead can do: looked at from inside of the agent's container.

use beadlet_store::kinds::PolecatPhase;
use serde_json::{Value, json};

use super::scene::{self, Over, Scene};
use super::servers::{GIT_TOKEN, MODEL_KEY};

/// Looks for a text in every file that can be read, in every process's environment, and among the mounts.
const LOOK: &str = r#"
look() {
  busybox grep -rlF "$1" /workspace /tmp /bead /agent-config /etc /run /var /home /root 2>/dev/null
  busybox grep -lF "$1" /proc/[0-9]*/environ 2>/dev/null
}
busybox ls /state /git-credential /known-hosts /var/run/secrets 2>&1 | busybox grep -v "No such file" > seen/places
busybox mount | busybox grep -E "secret|git-credential|/state|serviceaccount" > seen/mounts
busybox env | busybox grep -iE "token|git_secret|git-cred" > seen/variables
look "$(printf '%s%s' "token-of-" "the-project")" > seen/files
: > seen/done
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agent_sees_neither_the_git_credential_nor_a_token_of_the_cluster() {
    let script = format!("busybox mkdir seen\n{LOOK}");
    let scene = Scene::new("secrets", Over::Https, scene::custom(&script)).await;
    scene.push("gt-1", &json!({}));
    scene.ended("gt-1-1", PolecatPhase::Done).await;
    let seen = |name: &str| {
        let file = format!("seen/{name}");
        scene.project.text("polecat/gt-1-1", &file).unwrap()
    };
    for name in ["places", "mounts", "variables", "files", "done"] {
        assert_eq!(seen(name), "", "{name}");
    }
    // The credential was there all the time, where it belongs: the work could be pushed with nothing else.
    assert_ne!(GIT_TOKEN, MODEL_KEY);
}

/// Texts that do something wherever somebody forgets that they are text.
fn nasty() -> Vec<Value> {
    let long = "long ".repeat(60_000);
    [
        "'; touch /workspace/repo/ran; '",
        "\"; touch /workspace/repo/ran; \"",
        "`touch /workspace/repo/ran`",
        "$(touch /workspace/repo/ran)",
        "$(BEADLET_API_KEY) ${HOME} {prompt} {bead}",
        "--help",
        "-c",
        "one\ntwo\r\n\ttouch /workspace/repo/ran",
        "\u{1b}[31m\u{7}\u{202e}",
        &long,
    ]
    .map(|text| json!(text))
    .to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_of_a_bead_is_text_and_nothing_else() {
    let mut agent = scene::custom(
        "printf '%s' \"$1\" > prompt; busybox cp /workspace/.beadlet/prompt.md whole",
    );
    agent["agentConfig"]["args"] = json!(["agent", "{prompt}"]);
    let scene = Scene::new("text", Over::Https, agent).await;
    let text: Vec<String> = nasty()
        .iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect();
    let title = text[..7].join(" ");
    let fields = json!({"title": title, "description": text.join("\n\n"), "acceptance_criteria": text[3], "notes": text[2], "design": text[5]});
    scene.push("gt-1", &fields);
    scene.ended("gt-1-1", PolecatPhase::Done).await;
    let read = |name: &str| scene.project.repo.read("polecat/gt-1-1", name);
    assert_eq!(read("ran"), None);
    let whole = String::from_utf8(read("whole").unwrap()).unwrap();
    for text in [&text[..8], &text[9..]].concat() {
        assert!(
            whole.contains(text.trim()),
            "{}",
            &text[..text.len().min(60)]
        );
    }
    // Too long for one argument: the agent is told of the file.
    let prompt = String::from_utf8(read("prompt").unwrap()).unwrap();
    assert!(
        prompt.len() < 128 << 10 && prompt.contains("prompt.md"),
        "{} bytes",
        prompt.len()
    );
}
