//! What a complaint is about: pure functions, no I/O, no clock
