//! Getting an ONNX Runtime: with pip, or from a file that the user has. It goes into watcher's own data directory.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use flate2::read::GzDecoder;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest, Sha256};

/// The version that `--install` installs. Newer ones run too; this one is known.
const VERSION: &str = "1.32.0";

/// Its wheels: the platform as pip calls it, the system and processor, and the SHA-256 of the file. The library in a
/// wheel does not depend on the Python that it is for.
const WHEELS: [(&str, (&str, &str), &str); 3] = [
    ("manylinux_2_28_x86_64", ("linux", "x86_64"), "5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d"),
    (
        "manylinux_2_28_aarch64",
        ("linux", "aarch64"),
        "2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c",
    ),
    ("macosx_14_0_arm64", ("macos", "aarch64"), "366b9e53d07812cc5c92822cecf7563b76a8a0f32ba3bb8dd232a206ac3bcb6c"),
];

/// Most bytes that a library has; an archive that holds more is not unpacked.
const MOST: u64 = 1 << 30;

/// Says whether a library runs, and why not.
type Check<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// Downloads the pinned wheel with pip and installs the library in it.
pub(super) fn with_pip(data: &Path, check: Check<'_>) -> anyhow::Result<PathBuf> {
    let here = (std::env::consts::OS, std::env::consts::ARCH);
    let wheel = WHEELS.iter().find(|(_, place, _)| *place == here);
    let (platform, _, sha256) =
        wheel.with_context(|| format!("no wheel is known for {} on {}: use --from FILE", here.0, here.1))?;
    let python = ["python3", "python"].into_iter().find(|python| has_pip(python));
    let python =
        python.context("no Python with pip was found: get a wheel or a release elsewhere and use --from FILE")?;
    let folder = tempfile::tempdir()?;
    let requirements = folder.path().join("requirements.txt");
    std::fs::write(&requirements, format!("onnxruntime=={VERSION} --hash=sha256:{sha256}\n"))?;
    tell(&format!("downloading onnxruntime {VERSION} for {platform} with pip"));
    let status = Command::new(python)
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"])
        .args(["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--platform", platform])
        .arg("--disable-pip-version-check")
        .arg("--dest")
        .arg(folder.path())
        .arg("-r")
        .arg(&requirements)
        .stdin(Stdio::null())
        // What pip says is progress, not output.
        .stdout(io::stderr())
        .status()
        .context("pip could not be started")?;
    if !status.success() {
        bail!("pip could not download onnxruntime {VERSION} ({status}): without a network use --from FILE");
    }
    let is_wheel = |path: &PathBuf| path.extension().is_some_and(|e| e == "whl");
    let found = std::fs::read_dir(folder.path())?.filter_map(|entry| Some(entry.ok()?.path())).find(is_wheel);
    let file = found.context("pip has downloaded no wheel")?;
    let hash = hash(&file)?;
    if hash != *sha256 {
        bail!("the wheel is another one than it should be: its SHA-256 is {hash}, not {sha256}");
    }
    from_file(&file, data, check)
}

fn has_pip(python: &str) -> bool {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn hash(file: &Path) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    let mut source = File::open(file)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match source.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Installs the library in a wheel, a release's archive (`.tgz`), or a library's own file.
pub(super) fn from_file(file: &Path, data: &Path, check: Check<'_>) -> anyhow::Result<PathBuf> {
    let mut magic = [0; 4];
    let length = File::open(file)?.read(&mut magic)?;
    match &magic[..length] {
        [b'P', b'K', ..] => from_zip(file, data, check),
        [0x1f, 0x8b, ..] => from_tar(file, data, check),
        [0x7f, b'E', b'L', b'F'] | [0xcf, 0xfa, 0xed, 0xfe] => {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let source = File::open(file)?;
            let bytes = source.metadata()?.len();
            put(data, &name, bytes, source, check)
        }
        _ => bail!("it is neither a wheel, nor a .tgz of a release, nor a library"),
    }
}

fn from_zip(file: &Path, data: &Path, check: Check<'_>) -> anyhow::Result<PathBuf> {
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(file)?))?;
    let names: Vec<String> = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let name = names.iter().find(|name| is_library(last(name)) && !name.ends_with('/'));
    let name = name.context("there is no libonnxruntime in it")?;
    let entry = archive.by_name(name)?;
    let bytes = entry.size();
    put(data, last(name), bytes, entry, check)
}

fn from_tar(file: &Path, data: &Path, check: Check<'_>) -> anyhow::Result<PathBuf> {
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(File::open(file)?)));
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        // Links to the library lie beside it.
        if entry.header().entry_type().is_file() && is_library(last(&name)) {
            let bytes = entry.size();
            return put(data, last(&name), bytes, entry, check);
        }
    }
    bail!("there is no libonnxruntime in it")
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_library(name: &str) -> bool {
    let rest = name.strip_prefix("libonnxruntime.");
    rest.is_some_and(|rest| rest == "so" || rest.starts_with("so.") || rest.ends_with("dylib"))
}

/// Writes a library into a folder of its own, whole or not at all, and only if it passes: one that was there and runs is
/// not lost to one that does not.
fn put(data: &Path, name: &str, bytes: u64, source: impl Read, check: Check<'_>) -> anyhow::Result<PathBuf> {
    if !is_library(name) {
        bail!("it is called {name}, not libonnxruntime.so or the like");
    }
    if bytes > MOST {
        bail!("{name} has {bytes} bytes: at most {MOST} are unpacked");
    }
    // The name comes from a file of somebody else: it must not lead out of the folder.
    let is_version = |version: &&str| {
        let plain = version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        plain && version.starts_with(|c: char| c.is_ascii_digit())
    };
    let version = name.split_once(".so.").map(|(_, version)| version).filter(is_version).unwrap_or("local");
    let folder = data.join(version);
    private_folder(&folder)?;
    let target = folder.join(name);
    tell(&format!("installing {}", target.display()));
    let style = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}").context("the bar's form")?;
    // Hidden where standard error is no terminal.
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr()).with_style(style);
    let mut new = tempfile::NamedTempFile::new_in(&folder)?;
    let written = io::copy(&mut bar.wrap_read(source.take(MOST)), &mut new)?;
    bar.finish_and_clear();
    if written != bytes {
        bail!("{name} is cut short: {written} of {bytes} bytes");
    }
    new.flush()?;
    new.as_file().sync_all()?;
    if let Err(why) = check(new.path()) {
        drop(new);
        // Nothing else may have been there.
        let _ = std::fs::remove_dir(&folder);
        bail!("it does not run here: {why}");
    }
    new.persist(&target)?;
    Ok(target)
}

fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn tell(text: &str) {
    crate::cli::note_line(&format!("watcher setup: {}", crate::sanitize::line(text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: Check<'_> = &|_| Ok(String::new());

    fn wheel(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join("a.whl");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        for name in ["onnxruntime/capi/libonnxruntime_providers_shared.so", name] {
            zip.start_file(name, options).unwrap();
            zip.write_all(b"library").unwrap();
        }
        zip.finish().unwrap();
        path
    }

    #[test]
    fn from_a_wheel_an_archive_or_a_library() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let zip = wheel(dir.path(), "onnxruntime/capi/libonnxruntime.so.1.9.0");
        let library = from_file(&zip, &data, RUNS).unwrap();
        assert_eq!(library, data.join("1.9.0/libonnxruntime.so.1.9.0"));
        assert_eq!(std::fs::read(&library).unwrap(), b"library");

        std::fs::write(&library, "the one in use").unwrap();
        let why = from_file(&zip, &data, &|_| Err("wrong processor".into())).unwrap_err().to_string();
        assert!(why.contains("wrong processor"), "{why}");
        assert_eq!(std::fs::read(&library).unwrap(), b"the one in use");
        assert_eq!(std::fs::read_dir(data.join("1.9.0")).unwrap().count(), 1);

        let tgz = dir.path().join("a.tgz");
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(File::create(&tgz).unwrap(), Default::default()));
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        tar.append_data(&mut header, "onnxruntime-linux-x64-1.8.0/lib/libonnxruntime.so.1.8.0", &b"tar"[..]).unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        assert_eq!(std::fs::read(from_file(&tgz, &data, RUNS).unwrap()).unwrap(), b"tar");

        let own = dir.path().join("libonnxruntime.so");
        std::fs::write(&own, b"\x7fELF...").unwrap();
        assert_eq!(from_file(&own, &data, RUNS).unwrap(), data.join("local/libonnxruntime.so"));
    }

    #[test]
    fn what_holds_no_library_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let why = |path: &Path| format!("{:#}", from_file(path, dir.path(), RUNS).unwrap_err());
        assert!(why(&wheel(dir.path(), "onnxruntime/other.so")).contains("no libonnxruntime in it"));
        let text = dir.path().join("text");
        std::fs::write(&text, "hello").unwrap();
        assert!(why(&text).contains("neither a wheel"));
        std::fs::write(&text, b"\x7fELF").unwrap();
        assert!(why(&text).contains("it is called text"));
        assert!(!is_library("libonnxruntime_providers_shared.so"));
        let out = dir.path().join("libonnxruntime.so...");
        std::fs::write(&out, b"\x7fELF").unwrap();
        let data = dir.path().join("d/onnxruntime");
        assert_eq!(from_file(&out, &data, RUNS).unwrap(), data.join("local/libonnxruntime.so..."));
    }
}
