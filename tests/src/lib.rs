//! The world of a test.
