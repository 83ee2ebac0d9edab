//! Black-box tests of the installed binary, one file per area. Each test has a home of its own.
#![expect(
    clippy::naive_bytecount,
    clippy::format_collect,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "tests count a few bytes and names; plain beats fast here"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic here is a test's verdict; clippy knows only functions marked as tests"
)]

mod add;
mod apply;
mod apps;
mod article;
mod asgi;
mod book;
mod boot;
mod celery;
mod comparisons;
mod compose;
mod compose_verbs;
mod deaths;
mod dependencies;
mod deploy;
mod django;
mod domains;
mod events;
mod export;
mod fidelity;
mod flags;
mod go;
mod groups;
mod gunicorn;
mod health;
mod homes;
mod hooks;
mod hosts;
mod http;
mod input;
mod jobs;
mod language;
mod limits;
mod made;
mod mistakes;
mod node;
mod notify;
mod other_files;
mod output;
mod outside;
mod panel;
mod parcels;
mod paths;
mod pm2;
mod pm2_e2e;
mod pm2_surface;
mod podman;
mod pools;
mod ports;
mod printed;
mod programs;
mod project;
mod project_files;
mod ready;
mod registry;
mod reload_waits;
mod restart_rules;
mod runtime;
mod secrets;
mod senses;
mod serve;
mod settings;
mod shop;
mod sockets;
mod staged;
mod strangers;
mod supervisor;
mod survival;
mod takeover;
mod tidy;
mod verbs;
mod why;
mod wire;
