//! The desk: a clerk enters for the citizen in front of them and prints the slip
