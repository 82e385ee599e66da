//! `ecs-nanny run` with a real Docker daemon and the stand-in agent, each test on a host of its own (`tests/lab/host`).
//!
//! They need root, docker.io, iptables, iproute2, util-linux, e2fsprogs and xfsprogs. This machine's own Docker,
//! `/etc/ecs`, `/run` and packet filter are never touched.

#![allow(clippy::unwrap_used)]

mod adoption;
mod agent;
mod atomic;
mod configuration;
mod engine;
mod fetch;
mod gpu;
mod hangs;
mod health;
mod image;
mod lifecycle;
mod metadata;
mod nanny;
mod plan;
mod prepare;
mod recovery;
mod seal;
mod signals;
mod storage;
mod state;
mod update;
mod user_data;
mod views;
mod volumes;
mod wait;
mod world;
