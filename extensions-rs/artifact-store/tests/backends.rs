//! What every place for packs promises: one suite, for each of them.

#![allow(clippy::unwrap_used)] // a failure is the message

use symphony_artifact_store::ErrorKind;
use symphony_artifact_store::backend::{Backend, Folder, Memory, named};

fn suite(backend: &dyn Backend) {
    assert_eq!(backend.list().unwrap(), [""; 0]);
    assert_eq!(backend.size("1.pack").unwrap(), None);
    assert_eq!(
        backend.range("1.pack", 0, 1).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    backend.delete("1.pack").unwrap();
    let data: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    backend.put("2.pack", data.clone()).unwrap();
    backend.put("1.pack", b"first".to_vec()).unwrap();
    backend.put("1.pack", b"again".to_vec()).unwrap();
    assert_eq!(backend.list().unwrap(), ["1.pack", "2.pack"]);
    assert_eq!(backend.size("2.pack").unwrap(), Some(300_000));
    assert_eq!(backend.range("1.pack", 0, 5).unwrap(), b"again");
    assert_eq!(
        backend.range("2.pack", 123_456, 1000).unwrap(),
        data.get(123_456..124_456).unwrap()
    );
    assert_eq!(backend.range("2.pack", 0, 300_000).unwrap(), data);
    for (offset, length) in [(299_999, 2), (300_000, 1), (400_000, 5)] {
        let error = backend.range("2.pack", offset, length).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{offset}");
    }
    backend.delete("2.pack").unwrap();
    assert_eq!(backend.list().unwrap(), ["1.pack"]);
    assert_eq!(
        backend.range("2.pack", 0, 1).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn memory() {
    suite(&Memory::default());
}

#[test]
fn folder() {
    let folder = tempfile::tempdir().unwrap();
    suite(&Folder::open(folder.path()).unwrap());
    std::fs::write(folder.path().join("9.pack.part"), b"cut off").unwrap();
    let again = Folder::open(folder.path()).unwrap();
    assert_eq!(again.list().unwrap(), ["1.pack"]);
    assert_eq!(again.range("1.pack", 0, 5).unwrap(), b"again");
}

#[test]
fn a_place_that_is_none_is_refused_with_what_there_is() {
    for text in ["", "ftp://x", "s3:/bucket"] {
        let Err(error) = named(text) else {
            panic!("{text} was taken")
        };
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("folder:PATH"));
    }
}

/// `SYMPHONY_TEST_S3=s3://BUCKET/PREFIX` and the variables of AWS name the server; `tests/contract/test_store_on_s3.py` starts one.
#[cfg(feature = "s3")]
#[test]
fn s3() {
    let Ok(address) = std::env::var("SYMPHONY_TEST_S3") else {
        return; // started by that test, which says so where it is skipped
    };
    suite(named(&address).unwrap().as_ref());
}
