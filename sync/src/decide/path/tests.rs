use super::*;

fn about(dolt: bool) -> About {
    About {
        branch: "main".to_owned(),
        commit: "1".repeat(40).parse().unwrap(),
        dolt,
        others: Vec::new(),
    }
}

fn tree_path(text: &str) -> TreePath {
    text.parse().unwrap()
}

fn looked_for(configured: Option<&str>, export_path: Option<&str>) -> String {
    list(&candidates(configured, &TreePath::beads(), export_path).unwrap())
}

#[test]
fn path_is_cleaned_and_stays_inside() {
    assert_eq!(tree_path("./a//b/../c").as_str(), "a/c");
    assert_eq!(
        "../x".parse::<TreePath>(),
        Err(TreePathError::Outside("../x".to_owned()))
    );
    assert_eq!(
        "a/../../x".parse::<TreePath>(),
        Err(TreePathError::Outside("a/../../x".to_owned()))
    );
    assert!(matches!(
        "/etc/passwd".parse::<TreePath>(),
        Err(TreePathError::Absolute(_))
    ));
    assert!(matches!(
        "a\nb".parse::<TreePath>(),
        Err(TreePathError::Control(_))
    ));
    assert_eq!("".parse::<TreePath>(), Err(TreePathError::Empty));
}

#[test]
fn configured_path_is_the_only_one_looked_for() {
    assert_eq!(
        looked_for(Some("rig/issues.jsonl"), Some("x.jsonl")),
        "rig/issues.jsonl"
    );
    assert!(matches!(
        candidates(Some("../issues.jsonl"), &TreePath::beads(), None),
        Err(PathError::Setting(TreePathError::Outside(_)))
    ));
}

#[test]
fn export_path_of_the_tracker_goes_before_the_usual_names() {
    let usual = ".beads/issues.jsonl, .beads/beads.jsonl, .beads/export.jsonl";
    assert_eq!(looked_for(None, None), usual);
    assert_eq!(
        looked_for(None, Some("out/all.jsonl")),
        format!(".beads/out/all.jsonl, {usual}")
    );
    assert_eq!(
        looked_for(None, Some("beads.jsonl")),
        ".beads/beads.jsonl, .beads/issues.jsonl, .beads/export.jsonl"
    );
    assert_eq!(looked_for(None, Some("/tmp/all.jsonl")), usual);
    assert_eq!(looked_for(None, Some("../../all.jsonl")), usual);
}

#[test]
fn redirect_is_one_path_with_comments_around_it() {
    assert_eq!(
        redirected(b"# moved\n\n mayor/rig/.beads \n").unwrap(),
        Some(tree_path("mayor/rig/.beads"))
    );
    assert_eq!(redirected(b"# nothing\n").unwrap(), None);
    assert!(matches!(
        redirected(b"../../elsewhere/.beads"),
        Err(PathError::Redirect(TreePathError::Outside(_)))
    ));
    assert!(matches!(
        redirected(b"/home/x/.beads"),
        Err(PathError::Redirect(TreePathError::Absolute(_)))
    ));
}

#[test]
fn first_path_at_which_anything_stands_decides() {
    let (first, second) = (tree_path("a"), tree_path("b"));
    let file = path(
        vec![
            (first.clone(), Entry::Nothing),
            (second.clone(), Entry::File(7)),
        ],
        about(false),
    );
    assert_eq!(file, Ok((second.clone(), 7)));
    let directory = path(
        vec![(first.clone(), Entry::Directory), (second, Entry::File(7))],
        about(false),
    );
    assert_eq!(directory, Err(PathError::Directory { path: first }));
}

#[test]
fn what_is_not_a_file_says_what_to_do() {
    let message = |entry: Entry<()>| {
        path(vec![(tree_path("a/b"), entry)], about(false))
            .unwrap_err()
            .to_string()
    };
    let at = "a".to_owned();
    assert!(message(Entry::Directory).ends_with("set the path to the file in it"));
    assert!(message(Entry::Submodule { at: at.clone() }).starts_with("a is a submodule"));
    assert!(
        message(Entry::Symlink {
            at,
            target: "../c".to_owned()
        })
        .contains("\"../c\"")
    );
}

#[test]
fn dolt_only_repository_is_told_what_to_switch_on() {
    let nothing: Vec<(TreePath, Entry<()>)> =
        vec![(tree_path(".beads/issues.jsonl"), Entry::Nothing)];
    let message = path(nothing.clone(), about(true)).unwrap_err().to_string();
    assert!(
        message.contains("export.auto: true") && message.contains("export.git-add: true"),
        "{message}"
    );
    assert!(matches!(
        path(nothing.clone(), about(false)),
        Err(PathError::Absent { .. })
    ));
    let others = About {
        others: vec![".beads/all.jsonl".to_owned()],
        ..about(true)
    };
    let message = path(nothing, others).unwrap_err().to_string();
    assert!(message.contains("there is .beads/all.jsonl"), "{message}");
}
