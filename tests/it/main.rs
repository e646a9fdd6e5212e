//! Tests of the whole program, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod alerts;
mod architecture;
mod captures;
mod cockpit;
mod cockpit_story;
mod command_line;
mod crash;
mod disagreement;
mod drift_command;
mod facts;
mod formats;
mod fuzz_seeds;
mod headless;
mod looks;
mod meaning;
mod monkey;
mod mutation;
mod parity;
mod pictures;
mod pressure;
mod replay;
mod replay_story;
mod rules;
mod rules_cli;
mod rules_live;
mod rules_schema;
mod rules_screen;
mod screens;
mod semantics;
mod streams;
mod support;
mod terminal;
mod terminals;
mod vectors;
mod zero_allocations;
