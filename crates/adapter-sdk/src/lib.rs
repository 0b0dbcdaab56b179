//! Everything an adapter needs, and nothing else

pub mod form;
