#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| leadwire_laws::doctor(data));
