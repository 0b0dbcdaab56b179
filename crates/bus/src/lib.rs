//! The only crate that knows NATS: four streams, one place that acknowledges, and a few key-value buckets.
