//! `POST /aduan/{id}/lokasi`: it is somewhere else than was thought; the published rules say anew whose it is.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::{Action, Near, Pin, Point};
use triage::Atlas;
use ui::Visit;

use super::{Draft, Refused, act, finish, id_in};
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let (reason, point, area) = (acting.form.text("text"), acting.form.text("point"), acting.form.text("area"));
    let draft = Draft { form: "lokasi", text: reason.clone(), area: area.clone(), point: point.clone(), ..Draft::default() };
    // What is not theirs is not there, whatever they typed.
    if !store::queue::may_see(rooms.db(), &acting.by.scope(), id).await? {
        return Err(WebError::NotFound);
    }
    let done = match pin(&rooms, &point, area).await? {
        Err(refused) => Err(refused),
        Ok(to) => act(&rooms, &acting, id, None, |_| Action::MovePin { to, reason }).await?,
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}

/// Where: a point counts before an area, which is that of the point.
async fn pin(rooms: &Rooms, point: &str, area: String) -> Result<Result<Pin, Refused>, WebError> {
    let directory = rooms.directory();
    if point.is_empty() {
        let known = directory.areas.contains_key(&area);
        return Ok(if known { Ok(Pin { location: None, area, near: Vec::new() }) } else { Err(Refused::NotAPlace) });
    }
    let Some(point) = read(point) else { return Ok(Err(Refused::NotAPlace)) };
    let outlines = store::directory::outlines(rooms.db()).await?;
    // A large city's outlines take a moment to prepare.
    let found = tokio::task::spawn_blocking(move || {
        let atlas = Atlas::new(&directory, &outlines);
        let area = atlas.area_at(point)?.to_owned();
        let near = atlas.near(point, &area, directory.border_metres).into_iter();
        let near = near.map(|code| Near { area: code.to_owned(), agencies: Vec::new() }).collect();
        Some(Pin { location: Some(point), area, near })
    });
    let found = found.await.map_err(|_| WebError::Unreadable)?;
    Ok(found.ok_or(Refused::Outside))
}

/// `-6.17512, 106.82715`, as maps write it.
fn read(text: &str) -> Option<Point> {
    let mut numbers = text.split([',', ';', ' ']).filter(|part| !part.is_empty());
    let (lat, lon) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    if numbers.next().is_some() { None } else { Point::new(lat, lon) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_as_maps_write_it_and_nothing_else_is() {
        for text in ["-6.17512, 106.82715", "-6.17512,106.82715", " -6.17512  106.82715 ", "-6.17512; 106.82715"] {
            assert_eq!(read(text), Point::new(-6.17512, 106.82715), "{text}");
        }
        for text in ["", "x", "-6.1", "-6.1,106.8,3", "-96.1,106.8", "-6.1,x", "NaN, 3", "inf,1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
