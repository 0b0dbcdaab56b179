//! What adapters with pages need to draw their forms.
use crate::{Bus, BusError};
use bytes::Bytes;
use model::DoorDirectory;

impl Bus {
    /// Publishes both; the core does it when the directory changes.
    pub async fn put_directory(&self, _directory: &DoorDirectory, _outline_geojson: Bytes) -> Result<(), BusError> {
        todo!()
    }
    /// The directory; `None`: not published yet.
    pub async fn directory(&self) -> Result<Option<DoorDirectory>, BusError> {
        todo!()
    }
    /// `GeoJSON` of the areas, for the map; `None`: not published yet.
    pub async fn outline(&self) -> Result<Option<Bytes>, BusError> {
        todo!()
    }
    /// Changes whenever directory or outline change: cheap to ask, so ask often and read only when it differs.
    pub async fn directory_version(&self) -> Result<Option<String>, BusError> {
        todo!()
    }
}
