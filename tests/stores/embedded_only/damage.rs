//! Files that were damaged from outside: a clear error or the right answer, never a panic, never another answer.

use std::path::Path;

use rolegate::domain::RoleSet;
use rolegate::roles::{RoleStore, StoreError};

use super::open;
use crate::samples::{Writes, acc, holder, livechat, org, whole};

fn members() -> Vec<RoleSet> {
    let mut role_sets = vec![holder("boss", "owner")];
    role_sets.extend((0..40).map(|n| livechat(&format!("m-{n:02}"), "normal", 7)));
    role_sets
}

/// The bytes of a file that was closed in order.
async fn sound_file(folder: &Path) -> Vec<u8> {
    let store = open(folder).unwrap();
    store.initialise().await.unwrap();
    store.replace(&whole("acme", None, members())).await.unwrap();
    drop(store);
    std::fs::read(folder.join("rolegate.redb")).unwrap()
}

/// Opens a folder whose file holds `bytes` and uses all of it; the error of whatever failed first.
async fn try_all(bytes: &[u8]) -> Result<(), StoreError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rolegate.redb"), bytes).unwrap();
    let store = open(folder.path())?;
    for role_set in members() {
        let found = store.read(&org("acme"), &role_set.account).await?.found;
        // Damage may take a whole tree away; it may not make an account hold what it never held.
        if let Some(read) = found.and_then(|found| found.role_set) {
            assert_eq!(read.account, role_set.account);
        }
    }
    store.accounts(&org("acme"), None, 1000).await?;
    store.organizations_of(&acc("m-00"), None, 10).await?;
    store.organizations(None, 10).await?;
    let _ = store.status();
    if let Err(rolegate::roles::CommitError::Store(error)) = store.reserve().await {
        return Err(error);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sound_file(folder.path()).await;
    assert_eq!(try_all(&sound).await, Ok(()));
    let garbage: Vec<u8> = (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let files = [b"x".to_vec(), b"not a store".to_vec(), garbage, vec![0; 4096], vec![0xff; 1 << 20]];
    for bytes in files {
        let error = try_all(&bytes).await.unwrap_err();
        let StoreError::Broken { key, .. } = &error else { panic!("{error}") };
        assert!(key.ends_with("rolegate.redb"), "{key}");
    }
    // An empty file is what a new store looks like.
    assert_eq!(try_all(&[]).await, Err(StoreError::NotInitialised));
}

#[tokio::test]
async fn a_file_cut_short_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sound_file(folder.path()).await;
    for part in 1..24 {
        let error = try_all(&sound[..sound.len() * part / 24]).await.unwrap_err();
        assert!(matches!(error, StoreError::Broken { .. }), "{part}/24: {error}");
    }
}

#[tokio::test]
async fn damaged_pages_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sound_file(folder.path()).await;
    let used: Vec<usize> = (0..sound.len()).filter(|at| sound[*at] != 0).collect();
    let (mut refused, mut served) = (0, 0);
    for (round, at) in used.iter().step_by(used.len() / 300 + 1).enumerate() {
        let mut bytes = sound.clone();
        if round % 2 == 0 {
            bytes[*at] ^= 1 << (round / 2 % 8);
        } else {
            let end = (at + 512).min(bytes.len());
            bytes[*at..end].fill(0xa5);
        }
        match try_all(&bytes).await {
            Ok(()) => served += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 20, "only {refused} of {} were noticed", refused + served);
}
