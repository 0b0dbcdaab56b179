//! Files under `data/` that nobody has to write by hand: secrets, and the settings of each program.
