//! Names of fields: the dotted paths that rules and series use, each made once.
//!
//! A log repeats the same few dozen paths in every record. [`Names`] keeps them in a trie over the raw keys, so that
//! a known leaf costs one look-up of its own key: no path is put together, nothing is allocated. The table is bounded;
//! past the bound (a log whose field *names* carry ids, or an attack) names are made anew each time and still work.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use foldhash::HashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::trim;

/// Most paths that are kept.
pub const MAX_NAMES: usize = 16_384;

/// Longest path, bytes. Below a longer one each leaf would carry it again: a line could grow a thousandfold in memory.
pub const MAX_PATH: usize = 1_024;

/// Last words of names that are of an id, a time, a place in a list, a version: of no behaviour.
pub const NO_BEHAVIOUR: [&str; 34] = [
    "id",
    "ids",
    "uid",
    "gid",
    "uuid",
    "pid",
    "tid",
    "port",
    "ts",
    "time",
    "timestamp",
    "date",
    "year",
    "seq",
    "sequence",
    "index",
    "idx",
    "offset",
    "line",
    "version",
    "seed",
    "hash",
    "created",
    "updated",
    "epoch",
    "nonce",
    "at",
    "started",
    "ended",
    "start",
    "end",
    "row",
    "cursor",
    "nanos",
];

/// The canonical path of a leaf, such as `metrics.pressure` or `metrics["value at risk"]`.
#[derive(Clone)]
pub struct Name {
    text: Text,
    id: u32,
}

#[derive(Clone)]
enum Text {
    /// Kept as long as the process runs. A count of its users would be fought over by the thread that makes records and
    /// the one that drops them, once a field.
    Kept(&'static Arc<str>),
    Own(Arc<str>),
}

/// All names that are kept, over all tables: there are at most [`MAX_NAMES`].
static KEPT: LazyLock<Mutex<HashMap<Arc<str>, &'static Arc<str>>>> = LazyLock::new(Mutex::default);

impl Text {
    fn keep(text: Arc<str>) -> Self {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&text) {
            return Self::Kept(known);
        }
        if kept.len() >= MAX_NAMES {
            return Self::Own(text);
        }
        let forever: &'static Arc<str> = Box::leak(Box::new(Arc::clone(&text)));
        kept.insert(text, forever);
        Self::Kept(forever)
    }

    /// The same of a text that nobody owns yet: it is copied only where it is new.
    fn known(text: &str) -> Self {
        let known = KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(text).copied();
        known.map_or_else(|| Self::keep(text.into()), Self::Kept)
    }
}

impl Name {
    /// A name outside every table.
    pub fn foreign(text: impl Into<Arc<str>>) -> Self {
        Self { text: Text::Own(text.into()), id: u32::MAX }
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        self.shared()
    }

    /// The path, shared.
    pub fn shared(&self) -> &Arc<str> {
        match &self.text {
            Text::Kept(text) => text,
            Text::Own(text) => text,
        }
    }

    /// Bytes of memory that only this name holds: those of the table are shared.
    pub fn footprint(&self) -> usize {
        match &self.text {
            Text::Own(text) if self.id == u32::MAX => super::shared_bytes(text),
            _ => 0,
        }
    }

    /// Number of the name within its [`Names`], dense from 0; `None` for a name past the bound.
    pub fn id(&self) -> Option<usize> {
        (self.id != u32::MAX).then_some(self.id as usize)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.shared(), other.shared()) || self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// A name that was written down is of no table any more. Its text is still shared with all that are alike: the
/// records of a log repeat the same few.
impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Path;
        impl de::Visitor<'_> for Path {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the path of a field")
            }

            fn visit_str<E: de::Error>(self, path: &str) -> Result<Name, E> {
                let text = if path.len() > super::LABEL_BYTES { Text::Own(path.into()) } else { Text::known(path) };
                Ok(Name { text, id: u32::MAX })
            }
        }
        from.deserialize_str(Path)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in the tree of a record: known to the table, or past its bound.
#[derive(Debug, Clone)]
pub enum Place {
    /// A node of the table.
    Known(usize),
    /// A path that the table had no room for.
    Foreign(Arc<str>),
    /// A place whose path would be absurdly long: nothing that stands there is kept.
    Nowhere,
}

impl Place {
    /// The record itself.
    pub const ROOT: Self = Self::Known(0);
}

#[derive(Debug)]
struct Node {
    name: Name,
    children: HashMap<Box<str>, usize>,
}

/// The table of names. One table serves one parser; ids are dense within it.
#[derive(Debug)]
pub struct Names {
    nodes: Vec<Node>,
}

impl Default for Names {
    fn default() -> Self {
        Self { nodes: vec![Node { name: Name { text: Text::keep("".into()), id: 0 }, children: HashMap::default() }] }
    }
}

impl Names {
    /// The place of `key` below `parent`.
    pub fn child(&mut self, parent: &Place, key: &str) -> Place {
        let parent = match parent {
            Place::Known(index) => *index,
            Place::Foreign(path) => return foreign(join(path, key)),
            Place::Nowhere => return Place::Nowhere,
        };
        if let Some(&index) = self.nodes[parent].children.get(key) {
            return Place::Known(index);
        }
        if key.len() > MAX_PATH {
            return Place::Nowhere;
        }
        let path = join(self.nodes[parent].name.as_str(), key);
        let index = self.nodes.len();
        if index >= MAX_NAMES || path.len() > super::LABEL_BYTES {
            return foreign(path);
        }
        self.nodes.push(Node {
            name: Name { text: Text::keep(path.into()), id: index as u32 },
            children: HashMap::default(),
        });
        self.nodes[parent].children.insert(key.into(), index);
        Place::Known(index)
    }

    /// The place of element `index` below `parent`.
    pub fn element(&mut self, parent: &Place, index: usize) -> Place {
        let mut digits = [0u8; 24];
        let text = bracketed(index, &mut digits);
        self.child(parent, text)
    }

    /// A path of plain keys separated by dots, as this table names it.
    pub fn canonical(path: &str) -> String {
        path.split('.').fold(String::new(), |path, key| join(&path, key))
    }

    /// The name of a place.
    pub fn name(&self, place: &Place) -> Name {
        match place {
            Place::Known(index) => self.nodes[*index].name.clone(),
            Place::Foreign(path) => Name::foreign(Arc::clone(path)),
            Place::Nowhere => Name::foreign("…"),
        }
    }
}

fn foreign(path: String) -> Place {
    if path.len() > MAX_PATH { Place::Nowhere } else { Place::Foreign(path.into()) }
}

fn bracketed(index: usize, buffer: &mut [u8; 24]) -> &str {
    use std::io::Write;
    let mut rest = &mut buffer[..];
    // 24 bytes hold any usize and two brackets.
    let _ = write!(rest, "[{index}]");
    let used = 24 - rest.len();
    std::str::from_utf8(&buffer[..used]).unwrap_or_default()
}

/// Puts a key behind a path. Names of metrics are compared trimmed and lower-cased, so that is how they are written.
pub fn join(path: &str, key: &str) -> String {
    let lowered;
    let key = if path == "metrics" || path == "drift.metrics" {
        lowered = trim(key).to_lowercase();
        &lowered
    } else {
        key
    };
    if is_index(key) {
        format!("{path}{key}")
    } else if !is_plain(key) {
        format!("{path}[{}]", serde_json::Value::from(key))
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn is_index(key: &str) -> bool {
    key.strip_prefix('[')
        .and_then(|k| k.strip_suffix(']'))
        .is_some_and(|k| !k.is_empty() && k.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a key can stand in a path without quotes: letters, digits and `_`, not starting with a digit.
pub fn is_plain(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(keys: &[&str]) -> String {
        let mut names = Names::default();
        let place = keys.iter().fold(Place::ROOT, |place, key| names.child(&place, key));
        names.name(&place).to_string()
    }

    #[test]
    fn paths_are_canonical() {
        assert_eq!(path(&["metrics", " Pa "]), "metrics.pa");
        assert_eq!(path(&["metrics", "Value At Risk"]), "metrics[\"value at risk\"]");
        assert_eq!(path(&["a", "B"]), "a.B");
        assert_eq!(path(&["a", "9"]), "a[\"9\"]");
        let mut names = Names::default();
        let list = names.child(&Place::ROOT, "list");
        let second = names.element(&list, 1);
        assert_eq!(names.name(&second).as_str(), "list[1]");
    }

    #[test]
    fn a_full_table_still_names() {
        let mut names = Names::default();
        for i in 0..MAX_NAMES + 10 {
            let place = names.child(&Place::ROOT, &format!("k{i}"));
            assert_eq!(names.name(&place).as_str(), format!("k{i}"));
        }
        assert!(names.nodes.len() <= MAX_NAMES);
        let place = names.child(&Place::ROOT, "late");
        let below = names.child(&place, "x");
        assert_eq!(names.name(&below).as_str(), "late.x");
    }
}
