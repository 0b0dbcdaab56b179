//! What comes in: events become complaints, exactly once
