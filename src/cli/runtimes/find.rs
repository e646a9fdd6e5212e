//! Where an ONNX Runtime may lie.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::config::paths::Paths;

/// The system's folders, as patterns.
const SYSTEM: [&str; 6] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/*-linux-gnu",
    "/usr/local/lib",
    "/opt/onnxruntime*/lib",
    "/opt/homebrew/opt/onnxruntime/lib",
];

/// Names of the library, as patterns.
const NAMES: [&str; 3] = ["libonnxruntime.so", "libonnxruntime.so.*", "libonnxruntime.*dylib"];

/// A library, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub library: PathBuf,
    /// In words.
    pub place: &'static str,
}

/// All that are there, each once.
pub(super) fn all(paths: Option<&Paths>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let own = paths.map(|paths| paths.runtimes().join("*")).into_iter();
    let pythons = python_folders().into_iter().map(|folder| folder.join("onnxruntime/capi"));
    let linked = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let linked: Vec<PathBuf> = std::env::split_paths(&linked).filter(|folder| folder.is_absolute()).collect();
    let system = linked.into_iter().chain(SYSTEM.iter().map(PathBuf::from));
    let own = own.map(|folder| (folder, "installed by watcher"));
    let pythons = pythons.map(|folder| (folder, "of a Python"));
    let system = system.map(|folder| (folder, "of the system"));
    for (folder, place) in own.chain(pythons).chain(system) {
        for library in libraries(&folder) {
            // Links and versions of one library are one.
            let real = library.canonicalize().unwrap_or(library);
            if seen.insert(real.clone()) {
                found.push(Found { library: real, place });
            }
        }
    }
    found
}

/// The libraries in the folders that match a pattern.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let matches = |name: &&str| glob::glob(&folder.join(name).to_string_lossy()).ok();
    NAMES.iter().filter_map(matches).flatten().flatten().filter(|path| path.is_file()).collect()
}

/// Where the Pythons on the path keep their packages.
fn python_folders() -> Vec<PathBuf> {
    let list = "import sys; print('\\n'.join(sys.path))";
    let ask = |python: &str| Command::new(python).args(["-I", "-c", list]).output().ok();
    let outputs = ["python3", "python"].into_iter().filter_map(ask).filter(|output| output.status.success());
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(environment) = std::env::var_os("VIRTUAL_ENV") {
        let pattern = Path::new(&environment).join("lib/python3*/site-packages");
        folders.extend(glob::glob(&pattern.to_string_lossy()).into_iter().flatten().flatten());
    }
    for output in outputs {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        folders.extend(text.lines().filter(|line| line.starts_with('/')).map(PathBuf::from));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_watcher_installed_is_found_once() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { config: dir.path().join("c"), state: dir.path().join("s"), data: dir.path().join("d") };
        let folder = paths.runtimes().join("1.0");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("libonnxruntime.so.1.0"), "x").unwrap();
        std::os::unix::fs::symlink("libonnxruntime.so.1.0", folder.join("libonnxruntime.so")).unwrap();
        std::fs::write(folder.join("libonnxruntime_providers_shared.so"), "x").unwrap();
        let own: Vec<Found> = all(Some(&paths)).into_iter().filter(|f| f.place == "installed by watcher").collect();
        assert_eq!(own.len(), 1);
        assert!(own[0].library.ends_with("1.0/libonnxruntime.so.1.0"));
    }
}
