//! `ecs-nanny volumes` with a real Docker daemon, each test on a host of its own (`tests/lab/host`). A stand-in for
//! `mount.efs` mounts directories of the host.
//!
//! They need root, docker.io, iptables, iproute2 and util-linux. This machine's own Docker is never touched.

#![allow(clippy::unwrap_used)]

mod crash;
mod docker;
mod hangs;
mod killed;
mod protocol;
mod site;
mod trap;
