//! A private PostgreSQL and a private NATS server as supervised children, for one machine and for tests
