//! Files that go along with replies, for the adapter that delivers them.
//!
//! Beside the replies and not in them: a message is small. In a stream of their own and not in an object store, for the same reason as
//! `parts`: each adapter's credential reads what is for it and nothing else.

use bytes::Bytes;
use model::AdapterName;

use crate::{Bus, BusError, parts::Parts, streams::FILES};

/// The largest, in bytes: no platform takes more in a message to a citizen.
const LARGEST: usize = 32 * 1024 * 1024;

impl Bus {
    /// Keeps a file for an adapter, for some days; what it gives names it in [`model::ReplyFile::at`]. The core alone may.
    ///
    /// # Errors
    /// [`BusError::Refused`] when it is larger than 32 MiB.
    pub async fn put_file(&self, adapter: &AdapterName, bytes: Bytes) -> Result<String, BusError> {
        if bytes.len() > LARGEST {
            return Err(BusError::refused("the file is larger than any platform takes"));
        }
        Ok(self.put_parts(&beside(adapter), bytes).await?.to_string())
    }

    /// Reads it; `None`: it is gone, or was never there.
    pub async fn take_file(&self, adapter: &AdapterName, at: &str) -> Result<Option<Bytes>, BusError> {
        match at.parse::<Parts>() {
            Ok(parts) if parts.bytes() <= LARGEST => self.take_parts(FILES, &beside(adapter), &parts).await,
            _ => Ok(None),
        }
    }
}

fn beside(adapter: &AdapterName) -> String {
    format!("files.{adapter}")
}
