//! Packs the files of this repository that the binary contains. Compressed, they take less than half.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::folder;

const FOLDERS: [&str; 3] = ["client", "frames", "web"];

pub(crate) fn pack() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    let out = |name: &str| Path::new(&out).join(name);
    // Debug builds read these from the sources, and a change there makes nothing new.
    let is_read = env::var("PROFILE")? == "debug";
    for name in FOLDERS {
        let mut packed = Vec::new();
        if !is_read {
            println!("cargo::rerun-if-changed={name}");
            for (path, file) in folder::read(Path::new(name))? {
                for piece in [path.as_bytes(), &file] {
                    packed.extend(u32::try_from(piece.len())?.to_le_bytes());
                    packed.extend(piece);
                }
            }
        }
        fs::write(out(&format!("{name}.gz")), gzip(&packed)?)?;
    }
    Ok(())
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
