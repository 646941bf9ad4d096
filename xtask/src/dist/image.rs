//! A container image from `deploy/Dockerfile`, made and tried without a container engine.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{LARGEST_IMAGE, Release, is_at_most, put, started, sums, text};
use crate::invocation::Invocation;

const DOCKERFILE: &str = "deploy/Dockerfile";

/// What the image trusts when it speaks TLS: to Redis, or to who gives certificates.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Builds it: the Dockerfile's stage `build` is replaced by a folder with what that stage makes, so the release's own
/// binary is in the image, and nothing is compiled or fetched.
pub(super) fn make(release: &Release) -> Result<()> {
    let binary = release.folder().join("tablecast");
    if !release.target.ends_with("-musl") {
        bail!(
            "an image has nothing but its binary, so that must be static: install a target of musl with `rustup target add`"
        );
    }
    let stage = release.file("-stage");
    let made = stage.join("out");
    fs::create_dir_all(made.join("rooms"))?;
    fs::copy(&binary, made.join("tablecast"))
        .with_context(|| format!("no {}: run `cargo xtask dist`", binary.display()))?;
    put(
        &made.join("ca-certificates.crt"),
        &fs::read(CERTIFICATES).with_context(|| format!("cannot read {CERTIFICATES}"))?,
    )?;
    let build = buildah(release)?
        .with("build --isolation chroot --format docker --layers=false".split(' '))
        .with([
            "--timestamp",
            &release.time.to_string(),
            "--build-arg",
            &format!("VERSION={}", release.version),
            "--build-arg",
            &format!("COMMIT={}", release.commit),
            "--build-context",
            &format!("build={}", text(&stage)?),
            "--file",
            DOCKERFILE,
            "--tag",
            &name(release),
            text(&stage)?,
        ]);
    println!("$ {build}");
    build.run()?;
    fs::remove_dir_all(&stage)?;
    let archive = release.file("-image.tar");
    if archive.exists() {
        fs::remove_file(&archive)?;
    }
    let to = format!("docker-archive:{}:{}", text(&archive)?, name(release));
    let push = buildah(release)?.with(["push", "--quiet", &name(release), &to]);
    println!("$ {push}");
    push.run()?;
    sums::write(&release.out)
}

/// Its size, and that it serves as it says itself: its variables, its user, its command, its check of health.
pub(super) fn check(release: &Release) -> Result<()> {
    let archive = release.file("-image.tar");
    let size = fs::metadata(&archive);
    let size =
        size.with_context(|| format!("no {}: run `cargo xtask image`", archive.display()))?;
    is_at_most("the image", size.len(), LARGEST_IMAGE)?;
    let inspect = buildah(release)?.with(["inspect", "--type", "image", &name(release)]);
    let inspected: Value = serde_json::from_str(&inspect.output()?)?;
    let config = &inspected["Docker"]["config"];
    if config["User"] != started::USER || config["Volumes"][started::ROOMS].is_null() {
        bail!(
            "it must run as {} and keep its rooms in {}: {config}",
            started::USER,
            started::ROOMS
        );
    }
    let mut serve = words(&config["Entrypoint"]);
    serve.extend(words(&config["Cmd"]));
    // The first word says how the others are run.
    let health = words(&config["Healthcheck"]["Test"]).split_off(1);
    let container = line(&buildah(release)?.with(["from", "--pull-never", &name(release)]))?;
    let mount = buildah(release)?.with(["mount", &container]);
    let served = line(&mount).and_then(|root| {
        started::serves(Path::new(&root), &words(&config["Env"]), &serve, &health)
    });
    buildah(release)?.with(["rm", &container]).output()?;
    served
}

/// Its name in the storage of containers.
fn name(release: &Release) -> String {
    format!("localhost/tablecast:{}", release.version)
}

/// With a storage of its own, in plain folders.
fn buildah(release: &Release) -> Result<Invocation> {
    let storage = release.out.join("containers");
    let root = format!("--root={}", text(&storage.join("root"))?);
    let state = format!("--runroot={}", text(&storage.join("state"))?);
    Ok(Invocation::new("buildah --storage-driver=vfs").with([&*root, &state]))
}

/// The one line that it prints.
fn line(command: &Invocation) -> Result<String> {
    Ok(command.output()?.trim().to_owned())
}

fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().into_iter().flatten();
    words
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}
