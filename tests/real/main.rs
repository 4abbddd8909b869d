//! Real processes: killed, stopped and refused by the system while they write, or sharing a cache with Python.

#[cfg(target_os = "linux")]
mod crash_points;
#[cfg(unix)]
mod kill;
#[cfg(unix)]
mod processes;
mod python;
#[cfg(target_os = "linux")]
mod refusals;
#[cfg(target_os = "linux")]
mod strace;
#[cfg(unix)]
mod writer;
