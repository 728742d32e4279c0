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
    assert!(matches!(
        Cache::open(folder.path(), "https://example.com/x"),
        Err(CacheError::Busy { .. })
    ));
    drop(cache);
    assert!(Cache::open(folder.path(), "https://example.com/x").is_ok());
}
