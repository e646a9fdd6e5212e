//! `watcher bench`: what this machine sustains.

mod measure;

use std::fmt::Write;

use serde_json::{Value, json};

use super::args::Bench;
use super::setup::Setup;
use super::{Failure, say};
use crate::engine::embedding::Mode;
use crate::engine::embedding::select::{self, Choice};
use measure::{Embedding, Length, Spread};

/// Crates whose version decides what is measured.
const LOCK: &str = include_str!("../../Cargo.lock");

/// Runs every measurement and shows a table, or JSON.
pub(super) fn run(setup: &Setup, bench: &Bench) -> Result<(), Failure> {
    let threads = setup.config.workers(false);
    let backends = backends(setup);
    let texts = measure::texts().map_err(Failure::Internal)?;
    let mut embedding = Vec::new();
    for (choice, name) in backends {
        tell(&format!("{name}: loading"));
        let options = select::Options {
            backend: choice,
            onnxruntime: setup.config.onnxruntime.clone(),
            model: setup.config.model.clone(),
        };
        let selected = select::select(&options);
        if selected.ready.mode != Mode::Neural || *selected.ready.name != *name {
            tell(&format!("{name}: {}", selected.warnings.join("; ")));
            continue;
        }
        tell(&format!("{name}: three answers a record, cold and warm cache, throughput"));
        let found = measure::embedding(&selected.ready, &texts, threads, setup.config.pin_workers);
        let whole = measure::pipeline(choice, setup, &texts, threads, false).map_err(Failure::Internal)?;
        embedding.push(Found { backend: name, label: selected.label, found, cold_records_s: whole });
    }
    tell("words, rules, drift, the whole pipeline");
    let rest = Rest {
        lexical: texts.each(measure::lexical),
        rules: measure::rules().map_err(Failure::Internal)?,
        drift: measure::drift(),
        repeated: measure::pipeline(warm_choice(setup), setup, &texts, threads, true).map_err(Failure::Internal)?,
        without: measure::pipeline(Choice::None, setup, &texts, threads, false).map_err(Failure::Internal)?,
    };
    let machine = machine(threads, setup.config.onnxruntime.is_some());
    say(&if bench.json { as_json(&machine, &embedding, &rest) } else { as_table(&machine, &embedding, &rest) })
}

/// One backend, measured.
struct Found {
    backend: &'static str,
    label: String,
    found: Embedding,
    cold_records_s: f64,
}

/// All that needs no model.
struct Rest {
    /// Words of three answers and their divergence, µs.
    lexical: [f64; 3],
    /// (five rules, a hundred rules) on a record, ns.
    rules: (f64, f64),
    /// A row of three series, ns a series.
    drift: f64,
    /// Records a second of texts that were seen before.
    repeated: f64,
    /// Records a second without divergence.
    without: f64,
}

/// The backends that can be measured here.
fn backends(setup: &Setup) -> Vec<(Choice, &'static str)> {
    let all = [(Choice::OnnxRuntime, "onnxruntime"), (Choice::Portable, "portable")];
    let wanted = |choice: Choice| match setup.config.backend {
        Choice::Auto => choice == Choice::Portable || setup.config.onnxruntime.is_some(),
        only => only == choice,
    };
    all.into_iter().filter(|(choice, _)| wanted(*choice)).collect()
}

/// What is repeated from the cache: with a model, unless there is to be none.
fn warm_choice(setup: &Setup) -> Choice {
    if setup.config.backend.is_cheap() { Choice::Lexical } else { setup.config.backend }
}

fn tell(text: &str) {
    super::note_line(&format!("watcher bench: {}", crate::sanitize::line(text)));
}

fn machine(threads: usize, onnxruntime: bool) -> Value {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| cpuinfo.lines().find_map(|line| line.strip_prefix(name)?.split(": ").nth(1));
    let loaded = if onnxruntime { crate::engine::embedding::onnxruntime::version() } else { None };
    json!({
        "cpu": field("model name").unwrap_or("unknown"),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "threads": threads,
        "watcher": env!("CARGO_PKG_VERSION"),
        "rten": locked("rten"),
        "ort": locked("ort"),
        "onnxruntime": loaded,
        "tokenizers": locked("tokenizers"),
    })
}

/// The version of a crate that this program was built with.
fn locked(name: &str) -> Option<&'static str> {
    let (_, rest) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split_once('"').map(|(version, _)| version)
}

fn spread(spread: &Spread) -> Value {
    let round = |ms: f64| (ms * 1e4).round() / 1e4;
    json!({ "p50": round(spread.p50), "p95": round(spread.p95), "p99": round(spread.p99), "runs": spread.runs })
}

fn as_json(machine: &Value, embedding: &[Found], rest: &Rest) -> String {
    let backend = |found: &Found| {
        let lengths = found.found.lengths.iter().map(|length: &Length| {
            json!({
                "text": length.name, "tokens": length.tokens,
                "record_cold_ms": spread(&length.cold), "record_warm_ms": spread(&length.warm),
                "texts_per_s": length.texts_s.round(),
            })
        });
        json!({
            "backend": found.backend, "model": found.label, "lengths": lengths.collect::<Vec<_>>(),
            "mixed_texts_per_s": found.found.mixed_texts_s.round(),
            "pipeline_short_cold_records_per_s": found.cold_records_s.round(),
        })
    };
    let [short, medium, long] = rest.lexical.map(|us| (us * 1e3).round() / 1e3);
    let report = json!({
        "machine": machine,
        "embedding": embedding.iter().map(backend).collect::<Vec<_>>(),
        "lexical_us": { "short": short, "medium": medium, "long": long },
        "constraints_ns": { "five_rules": rest.rules.0.round(), "hundred_rules": rest.rules.1.round() },
        "drift_ns_per_series": rest.drift.round(),
        "pipeline_repeated_records_per_s": rest.repeated.round(),
        "pipeline_no_divergence_records_per_s": rest.without.round(),
    });
    format!("{}\n", serde_json::to_string_pretty(&report).unwrap_or_default())
}

fn as_table(machine: &Value, embedding: &[Found], rest: &Rest) -> String {
    let mut out = String::new();
    let word = |name: &str| machine[name].as_str().unwrap_or("–").to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "watcher {} on {}, {} cores, {} embedding threads; rten {}, ONNX Runtime {}\n",
        word("watcher"),
        crate::sanitize::line(&word("cpu")),
        machine["cores"],
        machine["threads"],
        word("rten"),
        word("onnxruntime"),
    );
    let head = "backend      text    tokens   cold cache: p50    p95    p99 ms   warm cache: p50 ms   texts/s";
    let _ = writeln!(out, "One record with three answers, from its texts to its scores\n{head}");
    for found in embedding {
        for length in &found.found.lengths {
            let Length { name, tokens, cold, warm, texts_s } = length;
            let _ = writeln!(
                out,
                "{:<12} {name:<7} {tokens:>6} {:>17.2} {:>6.2} {:>6.2} {:>20.4} {texts_s:>9.0}",
                found.backend, cold.p50, cold.p95, cold.p99, warm.p50
            );
        }
        let _ = writeln!(
            out,
            "{:<12} mixed texts {:.0}/s; whole pipeline, short records, cold cache {:.0} records/s  ({})",
            found.backend,
            found.found.mixed_texts_s,
            found.cold_records_s,
            crate::sanitize::line(&found.label)
        );
    }
    let [short, medium, long] = rest.lexical;
    let _ = writeln!(out, "\nlexical divergence of three answers   {short:.1} / {medium:.1} / {long:.1} µs");
    let _ = writeln!(out, "five protocol rules on a record       {:.0} ns", rest.rules.0);
    let _ = writeln!(out, "100 limit rules on a record           {:.0} ns", rest.rules.1);
    let _ = writeln!(out, "drift, a row of one series            {:.0} ns", rest.drift);
    let _ = writeln!(out, "whole pipeline, repeated texts        {:.0} records/s", rest.repeated);
    let _ = writeln!(out, "whole pipeline, no divergence         {:.0} records/s", rest.without);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_that_were_built() {
        assert!(locked("rten").is_some_and(|version| version.starts_with("0.")));
        assert!(locked("no-such-crate").is_none());
    }
}
