//! The themes that can be chosen: those that are compiled in, and the user's own, which are read again when they are
//! saved.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::ui::theme::{Depth, SHIPPED, Symbols, Theme};

/// The themes, as this terminal shows them.
#[derive(Debug, Clone)]
pub struct Themes {
    /// Where the user's own are.
    folder: Option<PathBuf>,
    depth: Depth,
    symbols: Symbols,
    /// The one in force, and when its file was saved.
    current: String,
    saved: Option<SystemTime>,
}

impl Themes {
    /// Themes of a folder and those that are compiled in; `current` is in force.
    pub fn new(folder: Option<PathBuf>, (depth, symbols): (Depth, Symbols), current: String) -> Self {
        let mut themes = Self { folder, depth, symbols, current, saved: None };
        themes.saved = themes.saved_at(&themes.current.clone());
        themes
    }

    /// The name of the one in force.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// All names: the user's own first.
    pub fn names(&self) -> Vec<String> {
        let own = self.folder.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
        let mut names: Vec<String> = own
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))
            .collect();
        names.sort();
        for (name, _) in SHIPPED {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        // A name is no path.
        let plain = !name.is_empty() && !name.contains(['/', '\\', '\0']) && !name.starts_with('.');
        self.folder.as_ref().filter(|_| plain).map(|folder| folder.join(format!("{name}.yaml")))
    }

    fn saved_at(&self, name: &str) -> Option<SystemTime> {
        std::fs::metadata(self.path(name)?).and_then(|meta| meta.modified()).ok()
    }

    /// Reads a theme.
    ///
    /// # Errors
    /// That there is none, or the first fault with its line.
    pub fn load(&self, name: &str) -> Result<Theme, String> {
        let own =
            self.path(name).and_then(|path| Some((path.display().to_string(), std::fs::read_to_string(path).ok()?)));
        let shipped =
            || SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| (name.to_owned(), (*text).to_owned()));
        let Some((file, text)) = own.or_else(shipped) else { return Err(format!("there is no theme `{name}`")) };
        let theme = Theme::parse(&file, &text).map_err(|faults| {
            let more = if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
            faults.first().map_or(file.clone(), |fault| format!("{fault}{more}"))
        })?;
        Ok(theme.with_depth(self.depth).with_symbols(self.symbols))
    }

    /// Puts a theme in force.
    ///
    /// # Errors
    /// As [`Themes::load`].
    pub fn choose(&mut self, name: &str) -> Result<Theme, String> {
        let theme = self.load(name)?;
        name.clone_into(&mut self.current);
        self.saved = self.saved_at(name);
        Ok(theme)
    }

    /// The theme in force anew, if its file has been saved since.
    pub fn changed(&mut self) -> Option<Result<Theme, String>> {
        let saved = self.saved_at(&self.current);
        if saved == self.saved {
            return None;
        }
        self.saved = saved;
        Some(self.load(&self.current.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_themes_come_first_and_are_read_again_when_they_are_saved() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.yaml");
        std::fs::write(&path, "text: {fg: red}\n").unwrap();
        let mut themes = Themes::new(Some(dir.path().into()), (Depth::True, Symbols::UNICODE), "dark".into());
        assert_eq!(themes.names()[..2], ["mine", "dark"]);
        assert!(themes.changed().is_none());
        let red = themes.choose("mine").unwrap();
        std::fs::write(&path, "text: {fg: blue}\n").unwrap();
        let later = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(2_000_000_000);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert!(themes.changed().unwrap().unwrap() != red && themes.changed().is_none());
        std::fs::write(&path, "txt: {fg: blue}\n").unwrap();
        assert!(themes.load("mine").unwrap_err().contains("mine.yaml:1:1: unknown key `txt`"));
        assert!(themes.choose("../mine").is_err() && themes.choose("none").unwrap_err().contains("no theme `none`"));
        assert_eq!(themes.current(), "mine");
    }
}
