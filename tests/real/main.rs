//! Real processes: killed, stopped and refused by the system while they write, sharing a cache with Python, or signing in
//! with a browser.

#[cfg(target_os = "linux")]
mod crash_points;
#[cfg(unix)]
mod kill;
#[cfg(unix)]
mod peers;
#[cfg(unix)]
mod people;
#[cfg(unix)]
mod processes;
#[cfg(unix)]
mod provider;
mod python;
#[cfg(target_os = "linux")]
mod refusals;
mod shared_people;
#[cfg(target_os = "linux")]
mod strace;
#[cfg(unix)]
mod writer;
