//! Images: two small ones made here, and any others brought in from archives.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{process, tools::Tool};

/// What holds a pod's namespaces.
pub const PAUSE: &str = "localhost/pause:1";
/// One static program that is a shell and all the usual tools.
pub const BUSYBOX: &str = "localhost/busybox:1";

/// How long one part of containerd may take to hear of what another did.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

const PAUSE_SOURCE: &str = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Brings an archive (OCI layout or that of docker, as a tar) into containerd under the names that it has there.
///
/// # Errors
/// It is none, or containerd is gone.
pub async fn import(socket: &Path, archive: &Path) -> Result<()> {
    ctr(socket, &["import".as_ref(), archive.as_os_str()])
        .await
        .with_context(|| format!("cannot import {}", archive.display()))?;
    // The part of containerd that the kubelet asks hears of it a moment later.
    let end = Instant::now() + PATIENCE;
    while !all_known(&ctr(socket, &["list".as_ref()]).await?) {
        if Instant::now() > end {
            bail!(
                "containerd does not show the image of {} to the kubelet",
                archive.display()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

async fn ctr(socket: &Path, arguments: &[&OsStr]) -> Result<String> {
    let mut command = tokio::process::Command::new(Tool::Ctr.locate()?);
    command
        .arg("--address")
        .arg(socket)
        .args(["--namespace", "k8s.io", "images"])
        .args(arguments)
        .stdin(Stdio::null());
    let output = command.output().await.context("cannot start ctr")?;
    if !output.status.success() {
        bail!(
            "ctr ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether every image of a list has, beside its name, the one made of its digest that the kubelet knows it by.
fn all_known(list: &str) -> bool {
    let rows: Vec<Vec<&str>> = list
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .filter(|row: &Vec<&str>| row.len() > 2)
        .collect();
    let is_own = |row: &&Vec<&str>| row[0].starts_with("sha256:");
    let known: HashSet<&str> = rows.iter().filter(is_own).map(|row| row[2]).collect();
    rows.iter().all(|row| known.contains(row[2]))
}

/// Makes and brings in [`PAUSE`] and [`BUSYBOX`].
pub(super) async fn basics(socket: &Path, folder: &Path) -> Result<()> {
    let pause = folder.join("pause");
    if !pause.is_file() {
        compile(&pause).await?;
    }
    let busybox = process::on_path("busybox")
        .context("the program busybox is not there: install busybox-static")?;
    let images: [(&str, PathBuf, &[&str]); 2] = [
        (PAUSE, pause, &["pause"]),
        (BUSYBOX, busybox, &["bin/sh", "bin/busybox"]),
    ];
    for (name, program, places) in images {
        let archive = folder.join("image.tar");
        archive_of(name, &program, places, &archive)?;
        import(socket, &archive).await?;
    }
    Ok(())
}

async fn compile(program: &Path) -> Result<()> {
    let source = program.with_extension("c");
    fs::write(&source, PAUSE_SOURCE)
        .with_context(|| format!("cannot write {}", source.display()))?;
    let output = tokio::process::Command::new("cc")
        .args(["-static", "-O1", "-o"])
        .arg(program)
        .arg(&source)
        .output()
        .await;
    let output = output.context("cannot start cc")?;
    if !output.status.success() {
        bail!(
            "the pause program cannot be compiled: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// Writes an image with one program at some places, the first of which it starts, as the archive of an OCI layout
/// (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>).
fn archive_of(name: &str, program: &Path, places: &[&str], archive: &Path) -> Result<()> {
    let program =
        fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let mut layer = Tar::default();
    for place in places {
        layer.file(place, &program, 0o755);
    }
    let layer = layer.end();
    let mut blobs = Vec::new();
    let mut blob = |kind: &str, content: Vec<u8>| {
        let digest: String = Sha256::digest(&content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let descriptor =
            json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": content.len()});
        blobs.push((format!("blobs/sha256/{digest}"), content));
        descriptor
    };
    let layer = blob(LAYER, layer);
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = json!({
        "os": "linux",
        "architecture": architecture,
        "config": {"Entrypoint": [format!("/{}", places[0])], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let config = blob(CONFIG, config.to_string().into_bytes());
    let manifest =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    let mut manifest = blob(MANIFEST, manifest.to_string().into_bytes());
    manifest["annotations"] = json!({"io.containerd.image.name": name});
    let mut tar = Tar::default();
    tar.file("oci-layout", br#"{"imageLayoutVersion": "1.0.0"}"#, 0o644);
    tar.file(
        "index.json",
        json!({"schemaVersion": 2, "manifests": [manifest]})
            .to_string()
            .as_bytes(),
        0o644,
    );
    for (path, content) in &blobs {
        tar.file(path, content, 0o644);
    }
    fs::write(archive, tar.end()).with_context(|| format!("cannot write {}", archive.display()))
}

/// An archive in the POSIX format (ustar), in memory.
#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    /// Adds a file that belongs to root. `path` has at most 100 bytes.
    fn file(&mut self, path: &str, content: &[u8], mode: u32) {
        let mut header = [0_u8; 512];
        let mut put =
            |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, path);
        put(100, &format!("{mode:07o}"));
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{:011o}", content.len()));
        put(136, "00000000000");
        put(148, "        ");
        put(156, "0");
        put(257, "ustar");
        put(263, "00");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0.extend(header);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }

    fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_is_known_when_its_digest_has_a_name_of_its_own() {
        let head = "REF TYPE DIGEST SIZE PLATFORMS LABELS\n";
        let named = "localhost/a:1 application/x sha256:aa 1 MiB linux/amd64 -\n";
        let own =
            "sha256:c0 application/x sha256:aa 1 MiB linux/amd64 io.cri-containerd.image=managed\n";
        assert!(all_known(head) && all_known(&format!("{head}{named}{own}")));
        assert!(!all_known(&format!("{head}{named}")));
    }
}
