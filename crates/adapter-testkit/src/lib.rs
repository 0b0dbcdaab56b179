//! The contract of an adapter as tests: C1 to C12, golden files, a fake platform
