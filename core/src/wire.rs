//! Readers and writers of bytes that strangers send. Everything here is bounded, and no reader can panic.

pub mod challenge;
pub mod date;
pub mod form;
pub mod json;
pub mod jwt;
pub mod text;
