//! Extracts the files of Swagger UI that `/docs` needs from the archive in the crate
//! `utoipa-swagger-ui-vendored`, still compressed. So neither this repository nor the
//! binary contains more than that.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::Path;
use std::{env, fs};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

/// The head of a gzip file (RFC 1952): deflated, without name and time.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

pub(crate) fn extract() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for name in FILES {
        let path = archive
            .file_names()
            .find(|path| path.ends_with(&format!("/dist/{name}")))
            .ok_or_else(|| format!("{name} is not in the archive of Swagger UI"))?
            .to_owned();
        let index = archive.index_for_name(&path).ok_or("no such file")?;
        let mut file = archive.by_index_raw(index)?;
        if file.compression() != CompressionMethod::DEFLATE {
            return Err(format!("{name} is not deflated in the archive").into());
        }
        let mut gzip = GZIP_HEAD.to_vec();
        file.read_to_end(&mut gzip)?;
        gzip.extend(file.crc32().to_le_bytes());
        gzip.extend(u32::try_from(file.size())?.to_le_bytes());
        fs::write(Path::new(&out).join(format!("{name}.gz")), gzip)?;
    }
    Ok(())
}
