//! Where watcher keeps its own files: the XDG directories, and nothing else.

use std::path::PathBuf;

use etcetera::base_strategy::{BaseStrategy, Xdg};

/// The directories; `None` where there is no home.
#[derive(Debug, Clone)]
pub struct Paths {
    /// `~/.config/watcher`
    pub config: PathBuf,
    /// `~/.local/state/watcher`
    pub state: PathBuf,
    /// `~/.local/share/watcher`
    pub data: PathBuf,
}

impl Paths {
    /// From the environment.
    pub fn find() -> Option<Self> {
        let xdg = Xdg::new().ok()?;
        let state = xdg.state_dir().unwrap_or_else(|| xdg.data_dir());
        Some(Self {
            config: xdg.config_dir().join("watcher"),
            state: state.join("watcher"),
            data: xdg.data_dir().join("watcher"),
        })
    }

    /// `config.yaml`, if it is there.
    pub fn config_file(&self) -> Option<PathBuf> {
        Some(self.config.join("config.yaml")).filter(|path| path.is_file())
    }

    /// `rules`, if there is a rule file in it.
    pub fn rules_dir(&self) -> Option<PathBuf> {
        let dir = self.config.join("rules");
        let found = glob::glob(&dir.join("*.yaml").to_string_lossy()).ok()?.next().is_some();
        found.then_some(dir)
    }

    /// ONNX Runtimes that `watcher setup` has installed.
    pub fn runtimes(&self) -> PathBuf {
        self.data.join("onnxruntime")
    }

    /// The log file.
    pub fn log(&self) -> PathBuf {
        self.state.join("watcher.log")
    }
}
