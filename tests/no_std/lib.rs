//! A crate with a panic handler of its own: two of them cannot be in one program, so if anything below
//! `azlatch-core` brings `std`, the compiler says who (E0152).

#![no_std]

use azlatch_core as _;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
