#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| beadlet_fuzz::webhook::check(bytes));
