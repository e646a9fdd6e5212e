//! The one key that setup writes: comments, order and layout of the user's file stay.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use yaml_serde::Value;
use yamlpatch::{Op, Patch, apply_yaml_patches};
use yamlpath::{Document, route};

use crate::config::Config;

const KEY: &str = "onnxruntime";

/// Sets the key in a configuration file, which may not be there yet; `None` is the embedded backend.
pub(super) fn set_onnxruntime(file: &Path, library: Option<&Path>) -> anyhow::Result<()> {
    let before = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let value = match library {
        Some(path) => Value::String(path.to_str().context("the library's path is not valid UTF-8")?.to_owned()),
        None => Value::Null,
    };
    let after = edited(&before, value)?;
    let name = file.display().to_string();
    if let Err(faults) = Config::built_in().and_then(|config| config.overlaid(&name, &after)) {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        bail!("it would not be sound any more, so it was not written: {}", faults.join("; "));
    }
    replace(file, &after)
}

fn edited(before: &str, value: Value) -> anyhow::Result<String> {
    // Without a value of its own there is nothing in the file to put the key beside: comments alone, or nothing.
    if yaml_serde::from_str::<Value>(before).is_ok_and(|value| value.is_null()) {
        let line = yaml_serde::to_string(&Value::Mapping([(Value::from(KEY), value)].into_iter().collect()))?;
        let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        return Ok(format!("{before}{gap}{line}"));
    }
    let document = Document::new(before.to_owned())?;
    let is_there = document.query_exists(&route!(KEY));
    let patch = match is_there {
        true => Patch { route: route!(KEY), operation: Op::Replace(value) },
        false => Patch { route: route!(), operation: Op::Add { key: KEY.to_owned(), value } },
    };
    Ok(apply_yaml_patches(&document, &[patch])?.source().to_owned())
}

/// Puts a new text in the place of a file, whole or not at all. A link stays a link.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().context("it has no folder")?;
    std::fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    if let Ok(old) = std::fs::metadata(&file) {
        new.as_file().set_permissions(old.permissions())?;
    }
    new.as_file().sync_all()?;
    new.persist(&file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(before: &str, path: Option<&str>) -> String {
        edited(before, path.map_or(Value::Null, Value::from)).unwrap()
    }

    #[test]
    fn the_rest_of_the_file_stays() {
        assert_eq!(set("", Some("/a/lib.so")), "onnxruntime: /a/lib.so\n");
        assert_eq!(set("# mine\n", Some("/a")), "# mine\nonnxruntime: /a\n");
        let file = "# mine\nbackend: auto  # why not\nonnxruntime: /old # was\ndrift: {keys: 9}\n";
        let after = set(file, Some("/new"));
        assert_eq!(after, file.replace("/old", "/new"));
        assert_eq!(set(&after, None), file.replace("/old", "null"));
        let added = set("backend: auto\ndrift:\n  keys: 9 # nine\n", Some("/a b/lib.so"));
        assert!(added.starts_with("backend: auto\ndrift:\n  keys: 9 # nine\n"), "{added}");
        let config = Config::built_in().unwrap().overlaid("c", &added).unwrap();
        assert_eq!((config.onnxruntime, config.drift.keys), (Some("/a b/lib.so".into()), 9));
    }

    #[test]
    fn what_is_not_sound_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/config.yaml");
        set_onnxruntime(&file, Some(Path::new("/lib.so"))).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "onnxruntime: /lib.so\n");
        std::fs::write(&file, "bakend: auto\n").unwrap();
        let why = set_onnxruntime(&file, None).unwrap_err().to_string();
        assert!(why.contains("not written") && why.contains("bakend"), "{why}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "bakend: auto\n");
    }
}
