//! What is put into the binary: which commit it is of, and the files of Swagger UI that `/docs`
//! needs.

#[path = "build/commit.rs"]
mod commit;
#[path = "build/swagger.rs"]
mod swagger;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    commit::tell()?;
    swagger::extract()
}
