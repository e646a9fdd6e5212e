//! Streams of an agent's answers, with a change in the middle or without, made from `tests/data/text_streams.yaml`.
//! Shared with `benches/drift.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Answers of a stream.
pub const LENGTH: usize = 400;

/// Where the change begins, if there is one.
pub const CHANGE: usize = 200;

/// Numbers that look random and are the same every time (splitmix64).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.uniform() * bound as f64) as usize
    }

    fn choose<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

/// A list of the file: texts are an opening, one body or two, and a closing, with the slots filled.
#[derive(Deserialize)]
struct List {
    name: String,
    #[serde(default)]
    topic: String,
    slots: BTreeMap<String, Vec<String>>,
    openings: Vec<String>,
    bodies: Vec<String>,
    closings: Vec<String>,
}

/// The file.
#[derive(Deserialize)]
pub struct Scenario {
    topics: Vec<List>,
    refusals: Vec<List>,
    templates: Vec<List>,
    languages: Vec<List>,
    short: Vec<List>,
}

impl List {
    fn fill(&self, part: &str, random: &mut Random) -> String {
        let mut text = part.to_owned();
        for (slot, fillers) in &self.slots {
            let hole = format!("{{{slot}}}");
            if text.contains(&hole) {
                text = text.replace(&hole, random.choose::<String>(fillers));
            }
        }
        text
    }

    /// So many texts.
    fn expand(&self, count: usize, second: bool, seed: u64) -> Vec<String> {
        let mut random = Random(seed);
        let text = |_| {
            let mut parts: Vec<&String> = vec![random.choose(&self.openings)];
            let first = random.below(self.bodies.len());
            parts.push(&self.bodies[first]);
            if second && self.bodies.len() > 1 && random.uniform() < 1.0 / 3.0 {
                parts.push(&self.bodies[(first + 1 + random.below(self.bodies.len() - 1)) % self.bodies.len()]);
            }
            parts.push(random.choose(&self.closings));
            let filled: Vec<String> =
                parts.into_iter().filter(|part| !part.is_empty()).map(|part| self.fill(part, &mut random)).collect();
            filled.join(" ")
        };
        (0..count).map(text).collect()
    }
}

/// Texts of one list.
pub struct Texts {
    pub name: String,
    /// What they are of, for those that another topic changes into.
    pub topic: String,
    pub texts: Vec<String>,
}

/// All texts that streams are made of.
pub struct Pool {
    pub topics: Vec<Texts>,
    pub refusals: Vec<Texts>,
    pub templates: Vec<Texts>,
    pub languages: Vec<Texts>,
    pub short: Vec<Texts>,
}

/// The texts of the topics whose names `wanted` lets through, with what they may change into.
pub fn pool(yaml: &str, per_topic: usize, wanted: impl Fn(&str) -> bool) -> Pool {
    let scenario: Scenario = serde_yaml::from_str(yaml).unwrap();
    let expand = |lists: Vec<List>, count: usize, second: bool| -> Vec<Texts> {
        let lists = lists.into_iter().filter(|list| list.topic.is_empty() || wanted(&list.topic));
        lists
            .zip(1..)
            .map(|(list, seed)| Texts {
                texts: list.expand(count, second, seed * 7_919),
                topic: list.topic.clone(),
                name: list.name,
            })
            .collect()
    };
    let mut topics = expand(scenario.topics, per_topic, true);
    topics.retain(|topic| wanted(&topic.name));
    Pool {
        topics,
        refusals: expand(scenario.refusals, per_topic / 2, true),
        templates: expand(scenario.templates, per_topic / 2, false),
        languages: expand(scenario.languages, per_topic / 2, true),
        short: expand(scenario.short, per_topic / 2, false),
    }
}

/// An answer of a stream: a list, and which of its texts.
pub type Answer<'p> = (&'p Texts, usize);

/// The kinds of change.
pub const CHANGES: [&str; 7] = [
    "topic, abrupt",
    "topic, gradual",
    "refusals, creeping",
    "refusals, sudden",
    "shorter",
    "language",
    "one template",
];

/// Draws without putting back, until nothing is left.
struct Deck<'p> {
    texts: &'p Texts,
    order: Vec<usize>,
}

impl<'p> Deck<'p> {
    fn new(texts: &'p Texts, random: &mut Random) -> Self {
        let mut order: Vec<usize> = (0..texts.texts.len()).collect();
        random.shuffle(&mut order);
        Self { texts, order }
    }

    fn draw(&mut self, random: &mut Random) -> Answer<'p> {
        let next = self.order.pop().unwrap_or_else(|| random.below(self.texts.texts.len()));
        (self.texts, next)
    }
}

/// A stream without a change.
pub fn calm<'p>(topic: &'p Texts, seed: u64) -> Vec<Answer<'p>> {
    let mut random = Random(seed);
    let mut deck = Deck::new(topic, &mut random);
    (0..LENGTH).map(|_| deck.draw(&mut random)).collect()
}

/// A stream with a change of a kind from [`CHANGES`]; `None` where the pool has nothing that the topic could change into.
pub fn changed<'p>(pool: &'p Pool, topic: usize, kind: &str, seed: u64) -> Option<Vec<Answer<'p>>> {
    let mut random = Random(seed);
    let from = &pool.topics[topic];
    let of = |lists: &'p [Texts]| lists.iter().filter(|list| list.topic == from.name).collect::<Vec<_>>();
    let other = &pool.topics[(topic + 1 + random.below(pool.topics.len() - 1)) % pool.topics.len()];
    // What comes, over how many rows it comes, from which row on, and up to which share.
    let (into, ramp, start, share) = match kind {
        "topic, abrupt" => (other, 0, CHANGE, 1.0),
        "topic, gradual" => (other, 100, CHANGE - 50, 1.0),
        "refusals, creeping" => (random.choose(&pool.refusals), 100, CHANGE, 0.6),
        "refusals, sudden" => (random.choose(&pool.refusals), 0, CHANGE, 0.3),
        "shorter" => (*of(&pool.short).first()?, 0, CHANGE, 1.0),
        "language" => {
            let known = of(&pool.languages);
            if known.is_empty() {
                return None;
            }
            (*random.choose(&known), 0, CHANGE, 1.0)
        }
        _ => (random.choose(&pool.templates), 0, CHANGE, 1.0),
    };
    let (mut before, mut after) = (Deck::new(from, &mut random), Deck::new(into, &mut random));
    let answer = |row: usize| {
        let passed = row as f64 + 1.0 - start as f64;
        let part = if ramp == 0 { passed.clamp(0.0, 1.0) } else { (passed / f64::from(ramp)).clamp(0.0, 1.0) };
        if random.uniform() < part * share { after.draw(&mut random) } else { before.draw(&mut random) }
    };
    Some((0..LENGTH).map(answer).collect())
}
