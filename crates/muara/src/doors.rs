//! What adapters with pages need, published on the bus: the categories, areas and channels their forms are drawn from, and the key that
//! checks a clerk's token.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bus::{Bus, Stop};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use model::{Directory, DoorDirectory, Site, StaffId};
use store::PgPool;
use tracing::{info, warn};

/// How often we look whether the directory changed.
const LOOK: Duration = Duration::from_secs(5);
/// The setting that holds the private half.
const STAFF_KEY: &str = "staff_key";

/// The key that signs clerks' tokens: made once for an installation, kept in the database.
pub(crate) async fn staff_key(db: &PgPool) -> Result<SigningKey, store::StoreError> {
    let mut fresh = [0; 32];
    fresh[..16].copy_from_slice(&model::id::random_bytes());
    fresh[16..].copy_from_slice(&model::id::random_bytes());
    let kept: String = store::directory::first_setting(db, STAFF_KEY, &BASE64_URL_SAFE_NO_PAD.encode(fresh)).await?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(kept).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(|bytes| SigningKey::from_bytes(&bytes)).ok_or(store::StoreError::Corrupt { table: "setting", column: "value" })
}

/// Publishes the directory whenever it changed, until told to stop. A bus or a database that is away is tried again.
pub(crate) async fn keep_published(db: PgPool, bus: Bus, site: Site, key: SigningKey, stop: Stop) {
    let mut published = None;
    loop {
        match publish_if_new(&db, &bus, &site, &key, published).await {
            Ok(version) => published = Some(version),
            Err(error) => warn!("The doors' directory is not published: {error:#}."),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn publish_if_new(db: &PgPool, bus: &Bus, site: &Site, key: &SigningKey, published: Option<i64>) -> anyhow::Result<i64> {
    let version = store::directory::version(db).await?;
    if published == Some(version) {
        return Ok(version);
    }
    let directory = store::directory::load(db).await?;
    let outlines = store::directory::outlines(db).await?;
    bus.put_directory(&for_doors(&directory, site, key, store::ended::lately(db).await?), geojson(&directory, &outlines)).await?;
    info!("Published the directory for the doors: {} categories, {} areas.", directory.categories.len(), directory.areas.len());
    Ok(version)
}

fn for_doors(directory: &Directory, site: &Site, key: &SigningKey, ended: BTreeMap<StaffId, i32>) -> DoorDirectory {
    DoorDirectory {
        site: site.clone(),
        categories: directory.categories.values().cloned().collect(),
        areas: directory.areas.values().cloned().collect(),
        channels: directory.channels.clone(),
        staff_key: BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes()),
        sign_in_url: format!("{}/masuk", site.base_url),
        ended,
    }
}

/// The outlines as one feature collection; each feature has `code` and `name`.
fn geojson(directory: &Directory, outlines: &[(String, String)]) -> Bytes {
    let mut text = String::from(r#"{"type":"FeatureCollection","features":["#);
    for (at, (code, geometry)) in outlines.iter().enumerate() {
        let name = directory.areas.get(code).map_or("", |area| area.name.as_str());
        let properties = serde_json::json!({ "code": code, "name": name });
        let comma = if at == 0 { "" } else { "," };
        // The geometry is GeoJSON text already: it was checked when it was loaded.
        let _ = write!(text, r#"{comma}{{"type":"Feature","properties":{properties},"geometry":{geometry}}}"#);
    }
    text.push_str("]}");
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use model::Area;

    use super::*;

    #[test]
    fn the_outlines_are_one_valid_collection() {
        let mut directory = Directory::default();
        directory.areas.insert("31".into(), Area { code: "31".into(), name: "Kota \"Contoh\"".into() });
        let point = r#"{"type":"Point","coordinates":[106.8,-6.2]}"#.to_owned();
        let text = geojson(&directory, &[("31".into(), point.clone()), ("32".into(), point)]);
        let read: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
        assert_eq!(read["features"][0]["properties"]["name"], "Kota \"Contoh\"");
        assert_eq!(read["features"].as_array().map(Vec::len), Some(2));
    }
}
