//! A telephone with one of the city's channels, in forms and on pages.

use model::{AdapterName, Address};
use store::{
    telephone::Telephone,
    work_message::{self, Way},
};
use ui::Page;

use crate::{Rooms, WebError};

/// Channels by which somebody can be reached at their telephone, today.
pub(crate) async fn ways(rooms: &Rooms) -> Result<Vec<Way>, WebError> {
    Ok(work_message::ways(rooms.db(), "tel", rooms.today()).await?)
}

/// What a form calls a channel, and its name.
pub(crate) fn choices(ways: &[Way]) -> Vec<(String, String)> {
    ways.iter().map(|way| (value(way), way.label.clone())).collect()
}

fn value(way: &Way) -> String {
    format!("{} {}", way.adapter, way.account)
}

/// What was typed; else what is wrong with it, as a key of the words.
pub(crate) fn read(telephone: &str, channel: &str, ways: &[Way]) -> Result<Telephone, &'static str> {
    let address = Address::tel(telephone).map_err(|_| "body.wrong.telephone")?;
    let way = ways.iter().find(|way| value(way) == channel).ok_or("telephone.wrong.channel")?;
    Ok(Telephone { adapter: way.adapter.clone(), account: way.account.clone(), address })
}

/// The channel's name and the ends of the number.
pub(crate) fn shown(adapter: &AdapterName, account: &str, address: &Address, ways: &[Way], page: &Page) -> String {
    let way = ways.iter().find(|way| way.adapter == *adapter && way.account == account);
    let name = way.map_or(page.t("body.channel.gone"), |way| &way.label);
    let masked = address.masked();
    format!("{name}, {}", masked.split_once(':').map_or(masked.as_str(), |(_, path)| path))
}
