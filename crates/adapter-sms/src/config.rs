//! The `[adapter]` table: our numbers, and the gateways they are reached through.

use std::{collections::BTreeMap, net::IpAddr, str::FromStr};

use adapter_sdk::{ConfigError, Secret, outgoing::Url};
use serde::Deserialize;

use crate::{
    gateway::{Gammu, Gateway, Generic, Kannel, Smpp, Twilio},
    keyword::Keyword,
    number,
};

/// The shortest word that may stand for a signature.
const SHORTEST_SECRET: usize = 16;
/// What a network joins at most: the count is one octet.
const MOST_PARTS: usize = 255;

/// The `[adapter]` table. `config.default.toml` says what each key is for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Our numbers.
    pub numbers: Vec<Number>,
    /// Kannel's, by name.
    #[serde(default)]
    pub kannel: BTreeMap<String, Kannel>,
    /// Twilio accounts, and who speaks as Twilio does, by name.
    #[serde(default)]
    pub twilio: BTreeMap<String, Twilio>,
    /// Modems of Gammu SMSD, by name.
    #[serde(default)]
    pub gammu: BTreeMap<String, Gammu>,
    /// Gateways that are described here, by name.
    #[serde(default)]
    pub http: BTreeMap<String, Generic>,
    /// Operators' own links, by name.
    #[serde(default)]
    pub smpp: BTreeMap<String, Smpp>,
    /// Who writes one of these and nothing else wants no more messages.
    pub opt_out: Vec<String>,
    /// Who writes one of these and nothing else wants them again.
    pub opt_in: Vec<String>,
    /// Seconds to wait for the other parts of a long message.
    pub join_wait: u32,
    /// What stands where a part of a long message did not arrive: `{number}` of `{of}`.
    pub missing_part: String,
    /// Senders that are no telephone number.
    pub nameless: Nameless,
    /// In how many parts an officer's own words may go to the citizen; longer ones are read under the link.
    pub answer_parts: usize,
    /// How many parts a gateway is given in one request.
    pub request_parts: usize,
    /// Reverse proxies before the door, whose word on who connected is believed.
    #[serde(default)]
    pub proxies: Vec<IpAddr>,
}

/// What becomes of messages of a sender that is no telephone number: a bank's name, a service's short code. Nobody can be answered there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nameless {
    /// Recorded as any other.
    Take,
    /// Left out: a SIM card gets advertising every day.
    Ignore,
}

/// One number of ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// As the gateway names it: `1708`, `+6281100000000`.
    pub number: String,
    /// The name of its gateway.
    pub gateway: String,
    /// The account of its messages; the number itself where this is empty.
    #[serde(default)]
    pub account: String,
    /// Who answers come from, where that is not the number: a registered name.
    #[serde(default)]
    pub sender: String,
    /// Words that stand before a text.
    #[serde(default)]
    pub keywords: Vec<Keyword>,
    /// What may stand between a keyword and the text, beside white space.
    #[serde(default = "separators")]
    pub separators: String,
    /// Messages that begin with none of the keywords.
    #[serde(default)]
    pub without_keyword: WithoutKeyword,
    /// What a citizen reads whose message could not be used: how to write one. Empty: the core's words.
    #[serde(default)]
    pub help: String,
    /// How many messages it may send in a second; below 1 for a modem.
    #[serde(default = "per_second")]
    pub per_second: f64,
}

fn separators() -> String {
    " #*".to_owned()
}

fn per_second() -> f64 {
    10.0
}

/// Messages that begin with none of a number's keywords.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutKeyword {
    /// A complaint as any other, to the number's own account.
    #[default]
    Take,
    /// The citizen is told how to write one (`help`).
    Explain,
    /// Another service's: the number is shared.
    Ignore,
}

impl Number {
    /// The account of messages without a keyword.
    pub fn account(&self) -> &str {
        if self.account.is_empty() { &self.number } else { &self.account }
    }

    /// Every account of its messages.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        let keywords = self.keywords.iter().map(|keyword| keyword.account.as_str()).filter(|account| !account.is_empty());
        std::iter::once(self.account()).chain(keywords)
    }

    /// Who its answers come from.
    pub fn sender(&self) -> &str {
        if self.sender.is_empty() { &self.number } else { &self.sender }
    }
}

impl Config {
    /// The gateway of this name.
    pub(crate) fn gateway(&self, name: &str) -> Option<Gateway<'_>> {
        let kannel = || self.kannel.get(name).map(Gateway::Kannel);
        let twilio = || self.twilio.get(name).map(Gateway::Twilio);
        let gammu = || self.gammu.get(name).map(Gateway::Gammu);
        let http = || self.http.get(name).map(Gateway::Generic);
        let smpp = || self.smpp.get(name).map(Gateway::Smpp);
        kannel().or_else(twilio).or_else(gammu).or_else(http).or_else(smpp)
    }

    /// Every gateway with its name.
    pub(crate) fn gateways(&self) -> impl Iterator<Item = (&str, Gateway<'_>)> {
        let names = [self.kannel.keys().collect::<Vec<_>>(), self.twilio.keys().collect(), self.gammu.keys().collect()];
        let names = names.into_iter().flatten().chain(self.http.keys()).chain(self.smpp.keys());
        names.filter_map(|name| Some((name.as_str(), self.gateway(name)?)))
    }

    /// The number that a message came to. A gateway that does not say has but one.
    pub(crate) fn number_at(&self, gateway: &str, to: Option<&str>) -> Option<&Number> {
        let mut here = self.numbers.iter().filter(|number| number.gateway == gateway);
        match to.map(str::trim).filter(|to| !to.is_empty()) {
            Some(to) => here.find(|number| number::same(&number.number, to)),
            None => here.next().filter(|_| here.next().is_none()),
        }
    }

    /// The number whose messages this account holds.
    pub(crate) fn number_of(&self, account: &str) -> Option<&Number> {
        let own = self.numbers.iter().find(|number| number.account() == account);
        own.or_else(|| self.numbers.iter().find(|number| number.accounts().any(|its| its == account)))
    }

    /// Looks at everything that can be wrong, without touching anything.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.check_gateways()?;
        self.numbers.iter().try_for_each(|number| self.check_number(number))?;
        let mut accounts: Vec<&str> = self.numbers.iter().map(Number::account).collect();
        accounts.sort_unstable();
        if let Some(twice) = accounts.windows(2).find_map(|two| (two[0] == two[1]).then_some(two[0])) {
            return Err(ConfigError::value("numbers.account", format!("must be another for each number, and \"{twice}\" is there twice")));
        }
        for (key, parts) in [("answer_parts", self.answer_parts), ("request_parts", self.request_parts)] {
            if !(1..=MOST_PARTS).contains(&parts) {
                return Err(ConfigError::value(key, format!("must be 1 to {MOST_PARTS}")));
            }
        }
        if !self.missing_part.contains("{number}") {
            return Err(ConfigError::value("missing_part", "must say which part: {number}"));
        }
        Ok(())
    }

    fn check_gateways(&self) -> Result<(), ConfigError> {
        let mut names: Vec<&str> = self.gateways().map(|(name, _)| name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find_map(|two| (two[0] == two[1]).then_some(two[0])) {
            return Err(ConfigError::value(twice, "is the name of two gateways"));
        }
        for (name, gateway) in self.gateways() {
            let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if !plain {
                return Err(ConfigError::value(&format!("{}.{name}", gateway.kind()), "must have a name of letters, digits, - and _"));
            }
            let path = |key: &str| format!("{}.{name}.{key}", gateway.kind());
            for from in gateway.allow_from() {
                from.parse::<Net>().map_err(|()| {
                    ConfigError::value(&path("allow_from"), format!("knows addresses and networks such as 10.0.0.0/8, not \"{from}\""))
                })?;
            }
            gateway.check(&path)?;
        }
        Ok(())
    }

    fn check_number(&self, number: &Number) -> Result<(), ConfigError> {
        if number.number.trim().is_empty() {
            return Err(ConfigError::value("numbers.number", "must not be empty"));
        }
        if self.gateway(&number.gateway).is_none() {
            return Err(ConfigError::value("numbers.gateway", format!("names no gateway that is configured: \"{}\"", number.gateway)));
        }
        if !(0.001..=1000.0).contains(&number.per_second) {
            return Err(ConfigError::value("numbers.per_second", "must be 0.001 to 1000"));
        }
        if number.separators.chars().any(char::is_alphanumeric) {
            return Err(ConfigError::value("numbers.separators", "must hold neither letters nor digits"));
        }
        let words = number.keywords.iter().flat_map(|keyword| std::iter::once(&keyword.word).chain(&keyword.aliases));
        if words.into_iter().any(|word| word.trim().is_empty()) {
            return Err(ConfigError::value("numbers.keywords.word", "must not be empty"));
        }
        Ok(())
    }
}

/// Whether a word may prove who calls: long enough, and safe in an address.
pub(crate) fn check_secret(secret: &Secret, path: &str) -> Result<(), ConfigError> {
    let plain = secret.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b));
    if secret.expose().len() < SHORTEST_SECRET || !plain {
        return Err(ConfigError::value(
            path,
            format!("must be at least {SHORTEST_SECRET} letters, digits and -_.~: it is all that proves who calls"),
        ));
    }
    Ok(())
}

/// Whether this is an address of the web.
pub(crate) fn check_url(url: &str, path: &str) -> Result<(), ConfigError> {
    let fits = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
    if fits { Ok(()) } else { Err(ConfigError::value(path, "must be an address such as https://example.id")) }
}

/// An address or a network: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Net {
    address: IpAddr,
    bits: u32,
}

impl Net {
    /// Whether an address lies in it.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        let head = |address: u128, width: u32| if self.bits == 0 { 0 } else { address >> (width - self.bits) };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(address)) => head(u32::from(net).into(), 32) == head(u32::from(address).into(), 32),
            (IpAddr::V6(net), IpAddr::V6(address)) => head(net.into(), 128) == head(address.into(), 128),
            _ => false,
        }
    }
}

impl FromStr for Net {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| ())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.trim().parse::<u32>().map_err(|_| ()))?;
        (bits <= width).then_some(Self { address, bits }).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_own_addresses_and_no_others() {
        let holds = |net: &str, address: &str| net.parse::<Net>().expect("a net").holds(address.parse().expect("an address"));
        assert!(holds("127.0.0.1", "127.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1"));
        assert!(holds("127.0.0.0/8", "::ffff:127.0.0.1"), "as sockets of both kinds show it");
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/x", "example.id"] {
            assert_eq!(wrong.parse::<Net>(), Err(()), "{wrong}");
        }
    }
}
