//! The run machine from outside: scenarios, all interleavings with crashes, random graphs, mutants.

mod explore;
mod interleavings;
mod journal_samples;
mod matrix;
mod mutants;
mod plans;
mod random_graphs;
mod scenarios;
mod world;
