//! Whose addresses an adapter may vouch for. Its key may be stolen: then the thief can say no more than this.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AdapterName, Address, Directory, Event, Inbound, ReplyTo};

/// What one adapter may say of who wrote and how to answer, beside what is its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// Kinds of addresses, as in [`Address::scheme`]. The kind whose word is the adapter's name is its own and not among them.
    #[serde(default)]
    pub schemes: BTreeSet<String>,
    /// Whether it may name another channel to answer by, for a contact that it was told.
    #[serde(default)]
    pub elsewhere: bool,
}

/// What an adapter said that is not its to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unvouched {
    /// A sender, a silence or a move of an address of a kind that is another's.
    #[error("the adapter vouches for a kind of address that is not its own")]
    Address,
    /// A way back by another adapter, or to a kind of address that is another's.
    #[error("the adapter names a way to answer that is not its own")]
    Way,
}

impl Directory {
    /// Whether an event of `adapter` speaks only of addresses that are its to speak of. Contacts that a citizen typed are nobody's word, and free.
    pub fn vouched(&self, adapter: &AdapterName, event: &Event) -> Result<(), Unvouched> {
        let all = |addresses: &[Address]| {
            if addresses.iter().all(|address| self.vouches(adapter, address)) { Ok(()) } else { Err(Unvouched::Address) }
        };
        match event {
            Event::Message(inbound) => self.vouched_message(adapter, inbound),
            Event::OptOut { address } | Event::OptIn { address } => all(std::slice::from_ref(address)),
            Event::Moved { from, to, .. } => all(from).and_then(|()| all(to)),
            Event::Receipt(_) | Event::Receipts { .. } | Event::Notice(_) | Event::Withdrawn { .. } => Ok(()),
        }
    }

    fn vouched_message(&self, adapter: &AdapterName, inbound: &Inbound) -> Result<(), Unvouched> {
        // A message without any sender is known by its own number or key, and by no other's.
        let nobody = |address: &Address| match address.scheme() {
            "unknown" => address.path() == inbound.reference.to_string(),
            "post" => address.path() == inbound.key.id,
            _ => false,
        };
        if !inbound.sender.iter().all(|address| nobody(address) || self.vouches(adapter, address)) {
            return Err(Unvouched::Address);
        }
        match &inbound.reply_to {
            Some(way) if !self.vouched_way(adapter, inbound, way) => Err(Unvouched::Way),
            _ => Ok(()),
        }
    }

    /// Back by itself, to its own kind of address; or, where it may, by an open channel of another to the contact that the citizen gave.
    fn vouched_way(&self, adapter: &AdapterName, inbound: &Inbound, way: &ReplyTo) -> bool {
        if way.adapter == *adapter {
            return self.vouches(adapter, &way.address);
        }
        self.vouchers.get(adapter).is_some_and(|voucher| voucher.elsewhere)
            && inbound.contact.contains(&way.address)
            && self.vouches(&way.adapter, &way.address)
    }

    fn vouches(&self, adapter: &AdapterName, address: &Address) -> bool {
        let listed = || self.vouchers.get(adapter).is_some_and(|voucher| voucher.schemes.contains(address.scheme()));
        address.scheme() == adapter.as_str() || listed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MessageKey, Timestamp};

    fn name(name: &str) -> AdapterName {
        name.parse().expect("a name")
    }

    fn address(written: &str) -> Address {
        written.parse().expect("an address")
    }

    /// A chat that knows telephone numbers, a mailbox, and a counter that may have citizens answered elsewhere.
    fn city() -> Directory {
        let voucher =
            |schemes: &[&str], elsewhere| Voucher { schemes: schemes.iter().map(|&scheme| scheme.to_owned()).collect(), elsewhere };
        let vouchers = [("chat", voucher(&["tel"], false)), ("post", voucher(&["mailto"], false)), ("counter", voucher(&[], true))];
        Directory { vouchers: vouchers.map(|(adapter, voucher)| (name(adapter), voucher)).into(), ..Directory::default() }
    }

    fn inbound(adapter: &str, sender: &str) -> Inbound {
        let key = MessageKey { adapter: name(adapter), account: "1".into(), id: "m1".into() };
        Inbound::private(key, address(sender), "jalan rusak", Timestamp::UNIX_EPOCH)
    }

    fn said(inbound: Inbound) -> Result<(), Unvouched> {
        city().vouched(&inbound.key.adapter.clone(), &Event::Message(Box::new(inbound)))
    }

    #[test]
    fn an_adapter_vouches_for_its_own_kind_and_for_those_that_were_written_down() {
        for (adapter, sender, expected) in [
            ("chat", "chat:someone", Ok(())),
            ("chat", "tel:+6281200000001", Ok(())),
            ("chat", "mailto:a@example.id", Err(Unvouched::Address)),
            ("post", "mailto:a@example.id", Ok(())),
            ("post", "tel:+6281200000001", Err(Unvouched::Address)),
            ("form", "form:id", Ok(())),
            ("form", "tel:+6281200000001", Err(Unvouched::Address)),
        ] {
            assert_eq!(said(inbound(adapter, sender)), expected, "{adapter} {sender}");
        }
        let also = Inbound { sender: vec![address("chat:someone"), address("mailto:a@example.id")], ..inbound("chat", "chat:someone") };
        assert_eq!(said(also), Err(Unvouched::Address), "each of them");
    }

    #[test]
    fn nobody_is_known_by_the_number_of_their_own_message_alone() {
        let mut nobody = inbound("chat", "chat:someone");
        nobody.reply_to = None;
        nobody.sender = vec![Address::new("unknown", &nobody.reference.to_string()).expect("an address")];
        assert_eq!(said(nobody.clone()), Ok(()));
        nobody.sender = vec![address("unknown:AAAA-AAAA-AAAA")];
        assert_eq!(said(nobody.clone()), Err(Unvouched::Address));
        // What staff copied from elsewhere.
        nobody.sender = vec![address("post:m1")];
        assert_eq!(said(nobody.clone()), Ok(()));
        nobody.sender = vec![address("post:m2")];
        assert_eq!(said(nobody), Err(Unvouched::Address));
    }

    #[test]
    fn what_a_citizen_typed_is_nobodys_word_and_free() {
        let typed = vec![address("tel:+6281200000001"), address("mailto:a@example.id")];
        assert_eq!(said(Inbound { contact: typed, ..inbound("form", "form:id") }), Ok(()));
    }

    #[test]
    fn a_way_back_is_the_adapters_own_or_leads_to_the_contact_that_was_given_where_it_may() {
        let way = |adapter: &str, by: &str, to: &str, contact: &[&str]| {
            let mut inbound = inbound(adapter, &format!("{adapter}:id"));
            inbound.contact = contact.iter().map(|contact| address(contact)).collect();
            let way = inbound.reply_to.take().expect("a way back");
            said(Inbound { reply_to: Some(ReplyTo { adapter: name(by), address: address(to), ..way }), ..inbound })
        };
        let tel = "tel:+6281200000001";
        assert_eq!(way("chat", "chat", tel, &[]), Ok(()));
        assert_eq!(way("chat", "chat", "mailto:a@example.id", &[]), Err(Unvouched::Way));
        assert_eq!(way("chat", "post", "mailto:a@example.id", &["mailto:a@example.id"]), Err(Unvouched::Way));
        assert_eq!(way("counter", "chat", tel, &[tel]), Ok(()));
        assert_eq!(way("counter", "chat", tel, &[]), Err(Unvouched::Way), "nobody gave it");
        assert_eq!(way("counter", "post", tel, &[tel]), Err(Unvouched::Way), "the other one has no such addresses");
        assert_eq!(way("counter", "counter", "counter:id", &[tel]), Ok(()));
    }

    #[test]
    fn silence_and_moves_are_said_of_ones_own_addresses_alone() {
        let said = |event: &Event| city().vouched(&name("chat"), event);
        for (written, expected) in [("tel:+6281200000001", Ok(())), ("mailto:a@example.id", Err(Unvouched::Address))] {
            assert_eq!(said(&Event::OptOut { address: address(written) }), expected);
            assert_eq!(said(&Event::OptIn { address: address(written) }), expected);
            let moved = |from: &str, to: &str| Event::Moved {
                adapter: name("chat"),
                from: vec![address(from)],
                to: vec![address(to)],
                at: Timestamp::UNIX_EPOCH,
            };
            assert_eq!(said(&moved(written, "chat:new")), expected);
            assert_eq!(said(&moved("chat:old", written)), expected);
        }
        let own = Address::new("unknown", "AAAA-AAAA-AAAA").expect("an address");
        assert_eq!(said(&Event::OptOut { address: own }), Err(Unvouched::Address));
    }
}
