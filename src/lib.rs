//! placeholder
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod demo;
pub mod export;
pub mod harvest;
pub mod links;
pub mod log;
pub mod mirror;
pub mod oai;
pub mod quarantine;
pub mod query;
pub mod rdf;
pub mod store;
pub mod views;
