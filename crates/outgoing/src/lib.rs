//! The HTTP client for everything that leaves the house: bounded in size and time, never into a private network
