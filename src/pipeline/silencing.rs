//! Silences and acknowledgements, shared by all instances of a user through one file: what one of them is told, the
//! others know within a second.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::Shared;
use crate::message::silences::Silences;
use crate::message::{SilenceOrder, Update};
use crate::record::Record;
use crate::sink::lock::try_lock;
use crate::verdict::Verdict;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Where they are kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
}

/// What is silenced now, for whoever judges, and what is to be.
#[derive(Clone, Default)]
pub(super) struct Silencing(Arc<Kept>);

#[derive(Default)]
struct Kept {
    now: RwLock<Arc<Silences>>,
    orders: Mutex<Vec<SilenceOrder>>,
    news: Condvar,
}

impl Silencing {
    /// What is silenced now.
    pub fn now(&self) -> Arc<Silences> {
        Arc::clone(&self.0.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something is to be different.
    pub fn order(&self, order: SilenceOrder) {
        self.orders().push(order);
        self.0.news.notify_all();
    }

    fn orders(&self) -> MutexGuard<'_, Vec<SilenceOrder>> {
        self.0.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an order, or until it is time to look at the file.
    fn wait(&self, most: Duration) {
        let orders = self.orders();
        if orders.is_empty() {
            drop(self.0.news.wait_timeout(orders, most));
        }
    }

    /// Whoever waits looks whether all is to end.
    pub fn wake(&self) {
        self.0.news.notify_all();
    }

    fn set(&self, silences: Arc<Silences>) {
        *self.0.now.write().unwrap_or_else(PoisonError::into_inner) = silences;
    }
}

/// Says in a verdict which of its violations nobody is told of. It changes nothing else.
pub(super) fn mark(silences: &Silences, record: &Record, verdict: &mut Verdict, now: jiff::Timestamp) {
    if silences.silences.is_empty() {
        return;
    }
    let label = |path: &str| record.label(path).map(ToString::to_string);
    for violation in &mut verdict.violations {
        let by = silences.find(&violation.rule, &verdict.key, &label, violation.severity, now);
        violation.silenced_by = by.map(|silence| silence.signature());
    }
}

/// Keeps the file and what is known of it the same, from now on.
pub(super) fn start(shared: &Shared, options: Options) -> io::Result<()> {
    let shared = shared.clone();
    super::spawn("silences", move || {
        let mut keeper = Keeper { path: options.path, seen: None };
        loop {
            if let Some(silences) = keeper.turn(&shared)
                && shared.updates.send(Update::Silences(silences)).is_err()
            {
                return;
            }
            if shared.stopped() {
                return;
            }
            shared.silencing.wait(LOOK);
        }
    })
    .map(drop)
}

struct Keeper {
    path: PathBuf,
    /// Inode, length and time of change of the file that was read last.
    seen: Option<(u64, u64, i64)>,
}

impl Keeper {
    /// Carries out what is ordered and takes in what others have written; what is known, if it is news.
    fn turn(&mut self, shared: &Shared) -> Option<Arc<Silences>> {
        let orders = std::mem::take(&mut *shared.silencing.orders());
        let known = shared.silencing.now();
        if orders.is_empty() && self.seen == place(&self.path) && self.seen.is_some() {
            return None;
        }
        let now = shared.clock.now();
        let found = match self.exchange(&known, &orders, now) {
            Ok(found) => found,
            Err(error) => {
                let text = format!("silences are not kept: {}: {error}", self.path.display());
                tracing::warn!("{text}");
                if !orders.is_empty() {
                    let _ = shared.updates.send(Update::Notice(text));
                }
                // They act in this instance all the same.
                let mut own = Silences::clone(&known);
                apply(&mut own, &orders, now);
                own
            }
        };
        if found == *known {
            return None;
        }
        let found = Arc::new(found);
        shared.silencing.set(Arc::clone(&found));
        Some(found)
    }

    /// Puts together what the file says, what is known and what is ordered, and writes it if that says more.
    fn exchange(&mut self, known: &Silences, orders: &[SilenceOrder], now: jiff::Timestamp) -> io::Result<Silences> {
        if orders.is_empty() && !self.path.exists() {
            return Ok(known.clone());
        }
        let lock = self.path.with_extension("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock)?;
        if !try_lock(&lock)? && orders.is_empty() {
            // Somebody else is at it: the next look is soon enough.
            return Ok(known.clone());
        }
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let held = Silences::parse(&text).map_err(io::Error::other)?;
        let mut all = held.clone();
        all.merge(known);
        apply(&mut all, orders, now);
        all.expire(now);
        if all != held && !orders.is_empty() {
            write(&self.path, &all.to_text())?;
        }
        self.seen = place(&self.path);
        Ok(all)
    }
}

fn apply(silences: &mut Silences, orders: &[SilenceOrder], now: jiff::Timestamp) {
    for order in orders {
        match order {
            SilenceOrder::Add(silence) => {
                if let Err(why) = silences.add(silence.clone()) {
                    tracing::warn!("not silenced: {why}");
                }
            }
            SilenceOrder::End(id) => drop(silences.end(*id, now)),
            SilenceOrder::Acknowledge(ack) => silences.acknowledge(ack.clone()),
        }
    }
}

fn place(path: &Path) -> Option<(u64, u64, i64)> {
    fs::metadata(path).ok().map(|meta| (meta.ino(), meta.len(), meta.mtime_nsec() ^ (meta.mtime() << 30)))
}

/// Writes the file whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".silences").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::silences::Silence;
    use crate::verdict::Severity;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn silence(cause: &str) -> Silence {
        Silence {
            id: 0,
            cause: cause.into(),
            key: "*".into(),
            label: None,
            from: at(0),
            until: at(3_600),
            reason: "planned".into(),
            who: "ann@desk".into(),
            severity: Severity::Critical,
        }
        .identified()
    }

    #[test]
    fn what_one_instance_is_told_the_other_knows() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = || Keeper { path: dir.path().join("silences.json"), seen: None };
        let (mut one, mut two, none) = (keeper(), keeper(), Silences::default());
        assert_eq!(one.exchange(&none, &[], at(0)).unwrap(), none);
        let (a, b) = (silence("a"), silence("b"));
        let of_one = one.exchange(&none, &[SilenceOrder::Add(a.clone())], at(1)).unwrap();
        let of_two = two.exchange(&none, &[SilenceOrder::Add(b.clone())], at(2)).unwrap();
        assert_eq!((of_one.silences.len(), of_two.silences.len()), (1, 2));
        let of_one = one.exchange(&of_one, &[SilenceOrder::End(b.id)], at(3)).unwrap();
        let of_two = two.exchange(&of_two, &[], at(4)).unwrap();
        assert_eq!(of_one, of_two);
        assert_eq!(of_two.active(at(4)).map(|silence| &*silence.cause).collect::<Vec<_>>(), ["a"]);
        let mode = fs::metadata(dir.path().join("silences.json")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_none_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("silences.json");
        fs::write(&path, "{\"v\":99}").unwrap();
        let mut keeper = Keeper { path: path.clone(), seen: None };
        let error = keeper.exchange(&Silences::default(), &[SilenceOrder::Add(silence("a"))], at(1)).unwrap_err();
        assert!(error.to_string().contains("version 99"), "{error}");
        assert_eq!(fs::read_to_string(path).unwrap(), "{\"v\":99}");
    }
}
