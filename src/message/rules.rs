//! What the screen knows of rules: how they are written, and what they are when they are read.

pub use crate::rules::draft::{Draft, FileDraft};
pub use crate::rules::edit::{EditError, RuleText};
pub use crate::rules::form::{Field, Form, Kind, form, parsed, shown, stepped};
pub use crate::rules::given::given;
pub use crate::rules::ruleset::RuleFile;
pub use crate::rules::schema::Source;
pub use serde_yaml::Value;
