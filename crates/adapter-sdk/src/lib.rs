//! Everything an adapter needs, and nothing else
