//! What the tests of this crate are made of.

use model::{Address, Audience, Inbound, MessageKey, Reference, ReplyTo, Timestamp, Visibility};

/// Friday, 20 November 2026, ten in the morning in Jakarta.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

/// A private message of one citizen to one account.
pub(crate) fn inbound(id: &str, text: &str) -> Inbound {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: id.into() };
    let address: Address = "tel:+6281200000001".parse().expect("an address");
    Inbound {
        sender: vec![address.clone()],
        proof: model::Proof::Platform,
        sender_name: None,
        contact: Vec::new(),
        audience: Audience::Private,
        text: text.into(),
        sent_at: NOW,
        received_at: NOW,
        language: None,
        location: None,
        place: None,
        office_area: None,
        category: None,
        visibility: Visibility::Hidden,
        attachments: Vec::new(),
        in_reply_to: None,
        thread: None,
        replaces: None,
        unreadable: None,
        reply_to: Some(ReplyTo {
            adapter: key.adapter.clone(),
            account: key.account.clone(),
            address,
            thread: None,
            audience: Audience::Private,
            open_until: None,
        }),
        reference: Reference::of(&key, 0),
        tracking: None,
        key,
    }
}
