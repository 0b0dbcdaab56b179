//! What goes out: to agencies, and replies to the bus
