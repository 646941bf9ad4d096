//! What is put into the binary: which commit it is of, the files of the page, and the files of Swagger
//! UI that `/docs` needs.

#[path = "build/commit.rs"]
mod commit;
#[path = "build/folder.rs"]
mod folder;
#[path = "build/packed.rs"]
mod packed;
#[path = "build/swagger.rs"]
mod swagger;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    commit::tell()?;
    packed::pack()?;
    swagger::extract()
}
