//! End to end: the real binary under the Functions host's contract, real Azurite, and the
//! mock service over real HTTP.
#![expect(clippy::disallowed_methods, reason = "tests read the environment")]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the answer")]

mod api;
mod archive;
mod authority;
mod bad_input;
mod blobs;
mod browser;
mod burst;
mod check_command;
#[path = "../conformance/mod.rs"]
mod conformance;
mod contract;
mod corpus;
mod crash;
mod credentials;
mod demo;
mod docs;
mod doctor;
mod end_to_end;
mod guard;
mod health;
mod help;
mod history;
mod hooks;
mod identity;
mod imports;
mod infra;
mod instances;
mod lane;
mod layers;
mod lease;
mod line;
mod manners;
mod moving;
mod notices;
mod package;
mod pages;
mod persons;
mod poison;
mod power;
mod power_bi;
mod properties;
mod proxy;
mod push_command;
mod readers;
mod reasons;
mod refusals;
mod retention;
mod roles;
mod rules;
#[path = "../sample/mod.rs"]
mod sample;
mod schema;
mod shown;
mod simulation;
mod stage;
mod status;
mod steps;
mod storage_faults;
mod suggest_mapping_command;
mod timeout;
mod uploads;
mod webhook;
mod world;
