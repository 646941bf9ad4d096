//! Files that are replaced while they are watched.
#![allow(clippy::unwrap_used)]

use std::fs;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tablecast_http::tls::Status;
use tablecast_testing::{Directory, until};

use super::*;

/// A certificate for this name, and its key.
fn made(name: &str) -> [String; 2] {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).unwrap();
    [cert.pem(), signing_key.serialize_pem()]
}

/// Puts a file in the place of another, as programs do that renew certificates.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn files_that_change_are_read_again_and_broken_ones_are_not_taken() {
    let dir = Directory::new();
    let [cert, key] = made("old.example");
    let (cert, key) = (dir.write("cert.pem", &cert), dir.write("key.pem", &key));
    let (mut files, found) = Files::open(&cert, &key).unwrap();
    files.every = Duration::from_millis(10);
    let tls = Tls::new(found).unwrap();
    let kept = tls.clone();
    let keeps = tokio::spawn(async move { files.keep(&kept).await });
    let becomes = async |what: &str, is_so: fn(&Status) -> bool| {
        until(what, async || tls.status(), is_so).await
    };

    replace(&cert, "no certificate");
    let failed = becomes("it fails", |status| status.last_error.is_some()).await;
    assert_eq!(failed.domains, ["old.example"]);
    assert!(failed.last_error.unwrap().contains("cert.pem"));

    let [new_cert, new_key] = made("new.example");
    replace(&cert, &new_cert);
    let is_other_key = |status: &Status| {
        let error = status.last_error.as_deref();
        error.is_some_and(|error| error.contains("does not belong"))
    };
    becomes("the key is still the old one's", is_other_key).await;
    replace(&key, &new_key);
    let done = becomes("it is read again", |status| status.renewed == 1).await;
    assert_eq!(done.domains, ["new.example"]);
    assert_eq!((done.last_error, done.failed), (None, 2));
    keeps.abort();
}
