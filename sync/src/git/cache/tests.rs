use super::*;

#[test]
fn clone_is_outgrown_by_many_packs_or_by_size() {
    const MIB: u64 = 1 << 20;
    assert!(!outgrown(&[]));
    assert!(!outgrown(&[MIB; MAX_PACKS]));
    assert!(outgrown(&[MIB; MAX_PACKS + 1]));
    assert!(!outgrown(&[1000 * MIB]));
    assert!(!outgrown(&[100 * MIB; 8]));
    assert!(outgrown(&[100 * MIB; 9]));
}

#[test]
fn folder_is_taken_once_and_foreign_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["clone-0123456789abcdef.git", "new-x", "old-y", "mine"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let cache = Cache::open(folder.path(), "https://example.com/x").unwrap();
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["lock", "mine"]);
    drop(cache);
    let other = File::create(folder.path().join("lock")).unwrap();
    other.lock().unwrap();
    assert!(matches!(
        Cache::open(folder.path(), "https://example.com/x"),
        Err(CacheError::Busy { .. })
    ));
    drop(other);
    assert!(Cache::open(folder.path(), "https://example.com/x").is_ok());
}

#[test]
fn sources_of_one_process_share_a_folder_and_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let url = "https://example.com/x";
    let (one, two) = (
        Cache::open(folder.path(), url).unwrap(),
        Cache::open(folder.path(), url).unwrap(),
    );
    let turn = one.held();
    let held = turn.turn();
    assert!(two.held.turn.try_lock().is_err());
    drop(held);
    assert!(two.held.turn.try_lock().is_ok());
}
