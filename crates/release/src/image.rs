//! A container image by `deploy/Dockerfile`, made and checked without a container engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::release::{Release, is_at_most, put, text};
use crate::{archive, started, sums};
use xtask::invocation::Invocation;

const DOCKERFILE: &str = "deploy/Dockerfile";

/// The authorities that the server in the image trusts when it connects by TLS, to Redis or to an ACME server.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The largest image that is released, in bytes.
const LARGEST: u64 = 15_000_000;

/// Builds it. A folder takes the place of the Dockerfile's stage `build`: it has what that stage would make. So the image
/// has the binary of the release, and nothing is compiled or fetched.
pub(crate) fn make(release: &Release) -> Result<()> {
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
        .with(
            "build --isolation chroot --format docker --layers=false --identity-label=false"
                .split(' '),
        )
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
    build.run()?;
    fs::remove_dir_all(&stage)?;
    let archive = release.file("-image.tar");
    if archive.exists() {
        fs::remove_file(&archive)?;
    }
    let to = format!("docker-archive:{}:{}", text(&archive)?, name(release));
    let push = buildah(release)?.with(["push", "--quiet", &name(release), &to]);
    push.run()?;
    let files = without_builder(archive::files(&archive)?, &name(release))?;
    archive::join(&files, &archive, release.time)?;
    sums::write(&release.out)
}

/// The files of an image's archive without the name of the container in which it was built, which is new each time.
fn without_builder(
    mut files: BTreeMap<String, Vec<u8>>,
    name: &str,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut take = |name: &str| {
        let file = files.remove(name);
        file.with_context(|| format!("the image has no {name}"))
    };
    let manifest: Value = serde_json::from_slice(&take("manifest.json")?)?;
    let manifest = &manifest[0];
    let mut config: Value =
        serde_json::from_slice(&take(manifest["Config"].as_str().unwrap_or_default())?)?;
    let config = config
        .as_object_mut()
        .context("a configuration is an object")?;
    config.remove("container");
    config.remove("container_config");
    if let Some(settings) = config.get_mut("config").and_then(Value::as_object_mut) {
        settings.remove("Hostname");
    }
    let config = serde_json::to_vec(config)?;
    let layers = words(&manifest["Layers"]);
    let mut kept = BTreeMap::new();
    for layer in &layers {
        kept.insert(layer.clone(), take(layer)?);
    }
    let config_name = format!("{}.json", sums::of(&config));
    let manifest = json!([{ "Config": config_name, "RepoTags": [name], "Layers": layers }]);
    kept.insert("manifest.json".into(), serde_json::to_vec(&manifest)?);
    kept.insert(config_name, config);
    Ok(kept)
}

/// Checks its size, and that it serves with the variables, the user, the command and the health check that it names.
pub(crate) fn check(release: &Release) -> Result<()> {
    let archive = release.file("-image.tar");
    let size = fs::metadata(&archive);
    let size =
        size.with_context(|| format!("no {}: run `cargo xtask image`", archive.display()))?;
    is_at_most("the image", size.len(), LARGEST)?;
    let from = format!("docker-archive:{}", text(&archive)?);
    let id = line(&buildah(release)?.with(["pull", "--quiet", &from]))?;
    let inspect = buildah(release)?.with(["inspect", "--type", "image", &id]);
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
    // The first word is `CMD`: the others are a command without a shell.
    let health = words(&config["Healthcheck"]["Test"]).split_off(1);
    let container = line(&buildah(release)?.with(["from", "--pull-never", &id]))?;
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

/// buildah with a storage of its own, in plain folders.
fn buildah(release: &Release) -> Result<Invocation> {
    let storage = release.out.join("containers");
    let root = format!("--root={}", text(&storage.join("root"))?);
    let state = format!("--runroot={}", text(&storage.join("state"))?);
    Ok(Invocation::new("buildah --storage-driver=vfs").with([&*root, &state]))
}

/// The line that a command prints.
fn line(command: &Invocation) -> Result<String> {
    Ok(command.output()?.trim().to_owned())
}

fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().into_iter().flatten();
    words
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As buildah writes it, with what this container was called.
    fn built(container: &str) -> BTreeMap<String, Vec<u8>> {
        let config = json!({
            "container": container,
            "container_config": { "Hostname": container },
            "config": { "Hostname": container, "User": "65532:65532" },
            "rootfs": { "type": "layers", "diff_ids": ["sha256:77"] },
        });
        let config_name = format!("{container}.json");
        let manifest =
            json!([{ "Config": config_name, "RepoTags": ["x:1"], "Layers": ["77.tar"] }]);
        let file = |name: &str, text: String| (name.to_owned(), text.into_bytes());
        BTreeMap::from([
            file("manifest.json", manifest.to_string()),
            file(&config_name, config.to_string()),
            file("77.tar", "files".into()),
            file("repositories", container.into()),
        ])
    }

    #[test]
    fn an_image_does_not_name_the_container_in_which_it_was_built() {
        let (one, two) = (built("84058ca7e8df"), built("7c5d98561b61"));
        let one = without_builder(one, "x:1").unwrap();
        assert_eq!(one, without_builder(two, "x:1").unwrap());
        assert_eq!(one.len(), 3, "{one:?}");
        let configs = one
            .iter()
            .filter(|(name, _)| name.ends_with(".json") && *name != "manifest.json");
        let configs: Vec<_> = configs.collect();
        let (name, config) = configs[0];
        assert_eq!(*name, format!("{}.json", sums::of(config)));
        let config: Value = serde_json::from_slice(config).unwrap();
        assert_eq!(config["config"], json!({ "User": "65532:65532" }));
    }
}
