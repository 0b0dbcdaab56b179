//! Replies that a platform refused go on by another way of the same citizen, or become a task for staff. `store::reach` holds the rules' facts
//! and writes; here is only the loop.

use jiff::Timestamp;
use metrics::counter;
use model::{clock::Zone, reach::Way};
use store::{PgPool, StoreError, reach};
use tracing::{info, warn};

use crate::wake::Round;

/// Looks for replies that failed.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Where they are.
    pub db: PgPool,
    /// Which day it is: channels open and close by the day.
    pub zone: Zone,
}

/// How many one round takes, each in a transaction of its own.
const MOST: usize = 64;

impl Reach {
    /// Goes on with what failed. Broken off anywhere, each failure has its next rung once or not yet.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let today = now.to_zoned(self.zone.time_zone()).date();
        for _ in 0..MOST {
            let mut tx = store::begin(&self.db).await?;
            let Some(climbed) = reach::climb(&mut tx, now, today).await? else { return Ok(Round::Drained) };
            store::commit(tx).await?;
            let Some(way) = climbed.way else { continue };
            counter!("muara_replies_unreached_total", "way" => way.as_str()).increment(1);
            let (trace, reply) = (climbed.trace, climbed.failed);
            match way {
                Way::Office | Way::Staff => {
                    warn!(trace.id = %trace, reply.id = %reply, "A reply reached nobody: a person must tell the citizen.");
                }
                Way::Silence => {
                    info!(trace.id = %trace, reply.id = %reply, "A reply failed where its citizen wants silence; it goes no further.");
                }
                _ => info!(trace.id = %trace, reply.id = %reply, way = way.as_str(), "A reply failed and goes on by another way."),
            }
        }
        Ok(Round::Full)
    }
}
