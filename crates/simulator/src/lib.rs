//! A city that complains: plays the platforms over their real protocols, for demos, load and faults
