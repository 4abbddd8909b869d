//! What every vault promises, kept by the real GNOME Keyring and by the other systems' vaults over stand-ins; and what
//! goes wrong with a real service. Names carry the rows of the fault matrix.

#![allow(clippy::print_stdout, reason = "figures are printed for whoever reads the run")]

mod stand_ins;
mod suite;

#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod locked;
#[cfg(target_os = "linux")]
mod neighbours;
#[cfg(target_os = "linux")]
mod places;
#[cfg(target_os = "linux")]
mod session;
