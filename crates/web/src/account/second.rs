//! Whether a second factor is right: a code of the app, or a recovery code.

use model::Timestamp;
use serde_json::json;
use store::{
    Tx,
    factor::{self, about},
    staff::Staff,
    tries::Key,
};

use super::{pause, totp};
use crate::{Rooms, WebError};

/// What came of a code.
pub(crate) enum Second {
    /// It is right, and used.
    Fits,
    /// It is not; the end of the pause that follows, if one does.
    Wrong(Option<Timestamp>),
    /// None counts before that time.
    Wait(Timestamp),
}

/// Looks at a code, and uses it up.
pub(crate) async fn check(rooms: &Rooms, staff: &Staff, typed: &str) -> Result<Second, WebError> {
    let turn = match pause::take(rooms, Key::second(staff.id)).await? {
        Ok(turn) => turn,
        Err(until) => return Ok(Second::Wait(until)),
    };
    if !fits(rooms, staff, typed).await? {
        return Ok(Second::Wrong(turn.failed(rooms, Some(staff))));
    }
    turn.forgive(rooms).await?;
    Ok(Second::Fits)
}

async fn fits(rooms: &Rooms, staff: &Staff, typed: &str) -> Result<bool, WebError> {
    let ways = factor::ways(rooms.db(), staff.id).await?;
    if !ways.any() {
        return Ok(false);
    }
    let plain: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(64).collect();
    let mut tx = store::begin(rooms.db()).await?;
    let fits = match plain.len() {
        6 => fits_app(rooms, &mut tx, staff, &plain).await?,
        _ => factor::use_code(&mut tx, staff.id, &plain, rooms.now()).await?,
    };
    if fits && plain.len() != 6 {
        let left = json!({ "left": ways.codes.saturating_sub(1) });
        store::audit::write(&mut tx, rooms.now(), Some(staff.id), "staff.recovery_used", &staff.login, &left).await?;
        if rooms.mails() {
            store::staff::mail::tell_of_code(&mut tx, staff.id, rooms.now()).await?;
        }
    }
    store::commit(tx).await?;
    Ok(fits)
}

/// Whether it is the app's code now or a moment ago, and newer than the last one that was used.
async fn fits_app(rooms: &Rooms, tx: &mut Tx, staff: &Staff, code: &str) -> Result<bool, WebError> {
    let Some(kept) = factor::of(rooms.db(), staff.id).await?.filter(|kept| kept.confirmed) else { return Ok(false) };
    match totp::step_of(&open(rooms, staff, &kept)?, code, rooms.now(), kept.last_step) {
        Some(step) => Ok(factor::use_step(tx, staff.id, step).await?),
        None => Ok(false),
    }
}

/// The secret of somebody's app.
pub(crate) fn open(rooms: &Rooms, staff: &Staff, kept: &factor::Factor) -> Result<Vec<u8>, WebError> {
    let vault = rooms.vault().ok_or(WebError::NoVault)?;
    Ok(vault.open(&about(staff.id), &kept.sealed)?)
}
