//! The corpora as a test, without libFuzzer: no input of them breaks a promise.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use tablecast_fuzz::TARGETS;

/// What is wrong is named by its file, as libFuzzer would name it.
#[test]
fn no_input_of_a_corpus_breaks_a_promise() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut broken = Vec::new();
    for (name, check) in TARGETS {
        let files = fs::read_dir(corpora.join(name));
        let files = files.unwrap_or_else(|error| panic!("the corpus of {name}: {error}"));
        let mut count = 0;
        for file in files {
            let path = file.map(|file| file.path());
            let path = path.unwrap_or_else(|error| panic!("the corpus of {name}: {error}"));
            let input = fs::read(&path);
            let input = input.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if catch_unwind(|| check(&input)).is_err() {
                broken.push(path);
            }
            count += 1;
        }
        assert!(count > 10, "only {count} inputs for {name}");
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
