//! The bytes of SMPP 3.4: of its PDUs those that a link of ours needs. Read forgivingly where operators' centres are known to stray (an id without
//! its NUL, an address that is too long), and strictly where a length decides: what is torn is refused, and parked whole behind the door.

/// Length, command, status, sequence number: four octets each.
const HEADER: usize = 16;
/// The most octets of one PDU: `message_payload` alone may have 64 KiB.
pub(super) const LONGEST: usize = 128 * 1024;
/// The most octets of one text field; the standard's longest has 65.
const LONGEST_TEXT: usize = 255;

/// Which PDU.
pub(super) mod command {
    pub(in super::super) const SUBMIT: u32 = 0x04;
    pub(in super::super) const DELIVER: u32 = 0x05;
    pub(in super::super) const UNBIND: u32 = 0x06;
    pub(in super::super) const BIND_TRANSCEIVER: u32 = 0x09;
    pub(in super::super) const ENQUIRE_LINK: u32 = 0x15;
    pub(in super::super) const ALERT: u32 = 0x102;
    pub(in super::super) const DATA: u32 = 0x103;
    pub(in super::super) const NACK: u32 = 0x8000_0000;
    /// Set in the answer to a command.
    pub(in super::super) const ANSWER: u32 = 0x8000_0000;
}

/// What an answer says.
pub(super) mod status {
    pub(in super::super) const OK: u32 = 0;
    pub(in super::super) const UNKNOWN_COMMAND: u32 = 0x03;
    pub(in super::super) const WRONG_STATE: u32 = 0x04;
    pub(in super::super) const ALREADY_BOUND: u32 = 0x05;
    pub(in super::super) const SYSTEM_ERROR: u32 = 0x08;
    pub(in super::super) const WRONG_SENDER: u32 = 0x0A;
    pub(in super::super) const BIND_FAILED: u32 = 0x0D;
    pub(in super::super) const WRONG_PASSWORD: u32 = 0x0E;
    pub(in super::super) const WRONG_SYSTEM_ID: u32 = 0x0F;
    pub(in super::super) const QUEUE_FULL: u32 = 0x14;
    pub(in super::super) const SUBMIT_FAILED: u32 = 0x45;
    pub(in super::super) const WRONG_SYSTEM_TYPE: u32 = 0x53;
    pub(in super::super) const THROTTLED: u32 = 0x58;
    /// "Not now": the centre delivers it again.
    pub(in super::super) const NOT_NOW: u32 = 0x64;
    /// "Never": the centre gives it up.
    pub(in super::super) const NEVER: u32 = 0x65;
}

/// Fields behind the fixed ones.
pub(super) mod tag {
    pub(in super::super) const RECEIPTED_ID: u16 = 0x001E;
    pub(in super::super) const SAR_REFERENCE: u16 = 0x020C;
    pub(in super::super) const SAR_TOTAL: u16 = 0x020E;
    pub(in super::super) const SAR_NUMBER: u16 = 0x020F;
    pub(in super::super) const PAYLOAD: u16 = 0x0424;
    pub(in super::super) const STATE: u16 = 0x0427;
}

/// Bits of `esm_class`.
pub(super) mod esm {
    /// The text begins with a header (3GPP TS 23.040).
    pub(in super::super) const UDHI: u8 = 0x40;
    /// Which kind of message it is; 0 of what somebody wrote.
    pub(in super::super) const KIND: u8 = 0x3C;
    pub(in super::super) const RECEIPT: u8 = 0x04;
    pub(in super::super) const INTERMEDIATE: u8 = 0x20;
}

/// The head of a PDU, without its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) command: u32,
    pub(super) status: u32,
    pub(super) sequence: u32,
}

impl Head {
    /// `None` where there is no whole head, or its length is another one.
    pub(super) fn read(pdu: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(*pdu.get(at..)?.first_chunk::<4>()?));
        let whole = usize::try_from(word(0)?).is_ok_and(|length| length == pdu.len());
        Some(Self { command: word(4)?, status: word(8)?, sequence: word(12)? }).filter(|_| whole)
    }

    pub(super) fn is_answer(self) -> bool {
        self.command & command::ANSWER != 0
    }
}

/// A PDU that is being written.
pub(super) struct Pdu(Vec<u8>);

impl Pdu {
    pub(super) fn new(command: u32, status: u32) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..8].copy_from_slice(&command.to_be_bytes());
        bytes[8..12].copy_from_slice(&status.to_be_bytes());
        Self(bytes)
    }

    /// A text with its NUL. What stands behind a NUL of its own is left out: it would be read as the next field.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.extend(text.bytes().take_while(|byte| *byte != 0));
        self.0.push(0);
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// A field with tag and length. One that is longer than its length can say is left out.
    pub(super) fn field(mut self, tag: u16, value: &[u8]) -> Self {
        if let Ok(length) = u16::try_from(value.len()) {
            self.0.extend(tag.to_be_bytes());
            self.0.extend(length.to_be_bytes());
            self.0.extend(value);
        }
        self
    }

    pub(super) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0[12..HEADER].copy_from_slice(&sequence.to_be_bytes());
        self.0
    }
}

/// The id in the answer to `submit_sm`; empty where it says none.
pub(super) fn id_in_answer(pdu: &[u8]) -> String {
    until_nul(pdu.get(HEADER..).unwrap_or_default())
}

/// A text up to its NUL or, without one, its end; without what cannot be seen.
pub(super) fn until_nul(bytes: &[u8]) -> String {
    let bytes = bytes.iter().take(LONGEST_TEXT).take_while(|byte| **byte != 0);
    bytes.copied().map(char::from).filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
}

/// A message from the centre: `deliver_sm`, or `data_sm`, which has fewer fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivered<'a> {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) esm_class: u8,
    pub(super) data_coding: u8,
    /// `short_message` or, where that is empty, `message_payload`.
    pub(super) message: &'a [u8],
    fields: Vec<(u16, &'a [u8])>,
}

impl<'a> Delivered<'a> {
    /// Reads a whole PDU; `Err` says in a clause why it is none of these.
    pub(super) fn read(pdu: &'a [u8]) -> Result<Self, &'static str> {
        let head = Head::read(pdu).ok_or("not a whole PDU of SMPP")?;
        let mut rest = Reader(pdu.get(HEADER..).unwrap_or_default());
        let short = match head.command {
            command::DELIVER => true,
            command::DATA => false,
            _ => return Err("a PDU of SMPP that brings no message"),
        };
        Self::fields(&mut rest, short).ok_or("a torn PDU of SMPP")
    }

    fn fields(rest: &mut Reader<'a>, short: bool) -> Option<Self> {
        rest.text()?; // service_type
        rest.take(2)?; // source_addr_ton, source_addr_npi
        let from = until_nul(rest.text()?);
        rest.take(2)?;
        let to = until_nul(rest.text()?);
        let esm_class = rest.byte()?;
        let mut message = &[][..];
        let data_coding;
        if short {
            rest.take(2)?; // protocol_id, priority_flag
            rest.text()?; // schedule_delivery_time
            rest.text()?; // validity_period
            rest.take(2)?; // registered_delivery, replace_if_present_flag
            data_coding = rest.byte()?;
            rest.byte()?; // sm_default_msg_id
            let length = rest.byte()?;
            message = rest.take(length.into())?;
        } else {
            rest.byte()?; // registered_delivery
            data_coding = rest.byte()?;
        }
        let mut fields = Vec::new();
        // Up to three octets too many at the end mean nothing.
        while rest.0.len() >= 4 {
            let (tag, length) = (rest.number()?, rest.number()?);
            fields.push((tag, rest.take(length.into())?));
        }
        let delivered = Self { from, to, esm_class, data_coding, message, fields };
        let payload = delivered.field(tag::PAYLOAD).filter(|_| message.is_empty());
        Some(Self { message: payload.unwrap_or(message), ..delivered })
    }

    /// The value of the first field with this tag.
    pub(super) fn field(&self, tag: u16) -> Option<&'a [u8]> {
        self.fields.iter().find(|(known, _)| *known == tag).map(|(_, value)| *value)
    }

    /// The same as a number of one octet, or of two.
    pub(super) fn number(&self, tag: u16) -> Option<u16> {
        match self.field(tag)? {
            [one] => Some((*one).into()),
            [high, low] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    /// Whether it says what became of a message of ours.
    pub(super) fn is_report(&self) -> bool {
        matches!(self.esm_class & esm::KIND, esm::RECEIPT | esm::INTERMEDIATE) || self.field(tag::RECEIPTED_ID).is_some()
    }
}

/// What is left of a PDU.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2).map(|two| u16::from_be_bytes([two[0], two[1]]))
    }

    /// A text without its NUL.
    fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().take(LONGEST_TEXT + 1).position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn delivered(message: &[u8]) -> Pdu {
        let length = u8::try_from(message.len()).expect("short");
        Pdu::new(command::DELIVER, 0)
            .text("")
            .bytes(&[1, 1])
            .text("6281200000001")
            .bytes(&[0, 1])
            .text("1708")
            .bytes(&[0x40, 0, 0])
            .text("")
            .text("")
            .bytes(&[0, 0, 8, 0, length])
            .bytes(message)
    }

    #[test]
    fn a_message_is_read_as_the_standard_writes_it() {
        let pdu = delivered(b"isi").field(tag::SAR_TOTAL, &[3]).field(0x1403, b"?").finish(7);
        assert_eq!(Head::read(&pdu), Some(Head { command: command::DELIVER, status: 0, sequence: 7 }));
        let read = Delivered::read(&pdu).expect("whole");
        assert_eq!((read.from.as_str(), read.to.as_str()), ("6281200000001", "1708"));
        assert_eq!((read.esm_class, read.data_coding, read.message), (0x40, 8, &b"isi"[..]));
        assert_eq!((read.number(tag::SAR_TOTAL), read.number(tag::SAR_NUMBER)), (Some(3), None));
    }

    #[test]
    fn what_is_too_long_for_a_short_message_stands_in_the_payload() {
        let long = "Jalan rusak. ".repeat(100);
        let pdu = delivered(b"").field(tag::PAYLOAD, long.as_bytes()).finish(1);
        assert_eq!(Delivered::read(&pdu).expect("whole").message, long.as_bytes());
        let data = Pdu::new(command::DATA, 0).text("").bytes(&[1, 1]).text("62812").bytes(&[0, 1]).text("1708").bytes(&[0, 0, 3]);
        let data = data.field(tag::PAYLOAD, b"isi").finish(1);
        let data = Delivered::read(&data).expect("whole");
        assert_eq!((data.message, data.data_coding), (&b"isi"[..], 3));
    }

    #[test]
    fn centres_that_stray_from_the_standard_are_read_all_the_same() {
        let id = Delivered::read(&delivered(b"").field(tag::RECEIPTED_ID, b"abc").field(tag::STATE, &[2]).finish(1)).map(|read| {
            assert!(read.is_report());
            (until_nul(read.field(tag::RECEIPTED_ID).expect("there")), read.number(tag::STATE))
        });
        assert_eq!(id, Ok(("abc".to_owned(), Some(2))), "an id without its NUL does not swallow what follows");
        assert!(Delivered::read(&delivered(b"isi").bytes(&[0, 0, 0]).finish(1)).is_ok(), "octets too many");
        let long = Pdu::new(command::DATA, 0).text("").bytes(&[1, 1]).text(&"6".repeat(40)).bytes(&[0, 1]).text("1708").bytes(&[0, 0, 0]);
        assert_eq!(Delivered::read(&long.finish(1)).map(|read| read.from.len()), Ok(40), "an address that is too long");
    }

    #[test]
    fn what_is_torn_is_refused_and_never_half_a_message() {
        let whole = delivered(b"Jalan rusak").field(tag::PAYLOAD, b"isi").finish(1);
        for end in 0..whole.len() {
            assert!(Delivered::read(&whole[..end]).is_err(), "{end} octets");
            let mut torn = whole[..end].to_vec();
            if end >= 4 {
                torn[..4].copy_from_slice(&u32::try_from(end).expect("short").to_be_bytes());
                let read = Delivered::read(&torn);
                assert!(read.is_err() || read.is_ok_and(|read| read.message == b"Jalan rusak"), "{end} octets that say so");
            }
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(mut octets in proptest::collection::vec(any::<u8>(), 16..120), deliver in any::<bool>()) {
            let length = u32::try_from(octets.len()).expect("short");
            octets[..4].copy_from_slice(&length.to_be_bytes());
            octets[4..8].copy_from_slice(&(if deliver { command::DELIVER } else { command::DATA }).to_be_bytes());
            let _ = Delivered::read(&octets).map(|read| read.is_report());
            let _ = id_in_answer(&octets);
        }
    }
}
