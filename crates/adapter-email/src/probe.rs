//! `probe`: enters both servers of every account, changes nothing, sends nothing.

use std::error::Error;

use adapter_sdk::{Finding, Timestamp};
use async_imap::error::Error as ImapError;
use futures::TryStreamExt;
use lettre::transport::smtp::{client::AsyncSmtpConnection, commands::Mail};
use tokio::time::timeout;

use crate::{
    Email,
    address::{Mailbox, Signer},
    config::{Account, Security},
    imap::{Open, Trouble},
};

/// A mail that is so much newer than now tells of two clocks.
const SKEW: i64 = 5 * 60;

impl Email {
    /// Everything that mail depends on, account for account.
    pub(crate) async fn look_at_everything(&self, now: Timestamp) -> Vec<Finding> {
        let mut found = Vec::new();
        for (account, ours) in self.config.accounts.iter().zip(&self.mailboxes) {
            self.look_at_imap(account, now, &mut found).await;
            self.look_at_smtp(account, ours, now, &mut found).await;
            if account.authserv_id.is_empty() {
                found.push(Finding::warning(
                    format!("senders to {}", account.address),
                    "no sender counts as proven",
                    "Set `authserv_id` to what the receiving server calls itself in Authentication-Results.",
                ));
            }
        }
        found
    }

    async fn look_at_imap(&self, account: &Account, now: Timestamp, found: &mut Vec<Finding>) {
        let what = format!("mailbox {} at {}", account.address, account.imap.host);
        let mut open = match self.connect(account).await {
            Ok(open) => open,
            Err(trouble) => {
                let advice = match &trouble {
                    Trouble::Login | Trouble::Ticket(_) => {
                        "Look at user and password, or at the refresh token, and whether IMAP is allowed for this login."
                    }
                    Trouble::Tls(_) | Trouble::NoStartTls => {
                        "Look at `security`, at the host's name and at its certificate; for one of your own authority set `ca_file`."
                    }
                    _ => "Look at `host` and `port`, and whether this machine may reach them.",
                };
                return found.push(Finding::wrong(what, chain(&trouble), advice));
            }
        };
        found.push(Finding::fine(what, "login accepted"));
        found.extend(certificate("the mailbox's server", &account.imap.host, open.certificate.as_deref(), now));
        found.push(if open.can_idle {
            Finding::fine(format!("IDLE at {}", account.imap.host), "news come at once")
        } else {
            Finding::warning(
                format!("IDLE at {}", account.imap.host),
                "the server cannot tell news",
                "Mail is found once a minute; nothing needs to be done.",
            )
        });
        for folder in &account.folders {
            found.push(self.look_at_folder(&mut open, account, folder, now).await);
        }
        let _ = timeout(self.config.patience(), open.session.logout()).await;
    }

    async fn look_at_folder(&self, open: &mut Open, account: &Account, folder: &str, now: Timestamp) -> Finding {
        let what = format!("folder {folder} of {}", account.address);
        let opened = match self.in_time(open.session.examine(folder)).await {
            Ok(opened) => opened,
            Err(trouble) => return Finding::wrong(what, chain(&trouble), "Look at the name in `folders`: it is as the server lists it."),
        };
        if opened.uid_validity.is_none_or(|validity| validity == 0) {
            let advice = "The server keeps no lasting UIDs: mail may be read again often. Known mails are known.";
            return Finding::warning(what, "no UIDVALIDITY", advice);
        }
        let newest = async {
            let listed: Vec<_> = open.session.fetch(opened.exists.to_string(), "(INTERNALDATE)").await?.try_collect().await?;
            Ok::<_, ImapError>(listed.first().and_then(async_imap::types::Fetch::internal_date).map(|date| date.timestamp()))
        };
        let ahead = if opened.exists == 0 { None } else { self.in_time(newest).await.ok().flatten().map(|at| at - now.as_second()) };
        match ahead.filter(|ahead| *ahead > SKEW) {
            Some(ahead) => Finding::warning(
                what,
                format!("its newest mail is {ahead} seconds ahead of this machine"),
                "Set the clocks of both machines by NTP.",
            ),
            None => Finding::fine(what, format!("{} mails", opened.exists)),
        }
    }

    async fn look_at_smtp(&self, account: &Account, ours: &Mailbox, now: Timestamp, found: &mut Vec<Finding>) {
        let what = format!("sending for {} by {}", account.address, account.smtp.host);
        let mut connection = match self.enter_smtp(&account.smtp).await {
            Ok(connection) => connection,
            Err(trouble) => {
                let advice = "Look at `host`, `port`, `security`, user and password of `smtp`.";
                return found.push(Finding::wrong(what, chain(&trouble), advice));
            }
        };
        found.push(Finding::fine(what, if account.smtp.user.is_empty() { "connected; no login is configured" } else { "login accepted" }));
        if account.smtp.security != Security::None {
            let chain = connection.certificate_chain().unwrap_or_default();
            found.extend(certificate("the sending server", &account.smtp.host, chain.first().map(Vec::as_slice), now));
        }
        found.push(self.look_at_sender(account, ours, &mut connection).await);
        let _ = timeout(self.config.patience(), connection.abort()).await;
    }

    /// Names the address to which our mails return, and takes it back.
    async fn look_at_sender(&self, account: &Account, ours: &Mailbox, connection: &mut AsyncSmtpConnection) -> Finding {
        let key = self.config.reply_key.expose().as_bytes();
        let signer = Signer { key, account: ours };
        let probe = adapter_sdk::ReplyId::new(Timestamp::UNIX_EPOCH);
        let sender = if self.config.plus_addresses { signer.returns(probe) } else { None }.unwrap_or_else(|| ours.known());
        let what = format!("envelope address of {}", account.address);
        let Ok(address) = sender.parse() else { return Finding::wrong(what, "no address a host would take", "Look at `address`.") };
        match timeout(self.config.patience(), connection.command(Mail::new(Some(address), Vec::new()))).await {
            Ok(Ok(_)) => Finding::fine(what, "accepted"),
            Ok(Err(error)) => Finding::wrong(
                what,
                error.status().map_or_else(|| "the server broke off".to_owned(), |code| format!("the server answered {code}")),
                "The login must be allowed to send as this address with anything behind a plus sign; or set `plus_addresses = false`.",
            ),
            Err(_) => Finding::wrong(what, "no answer in time", "Look at the sending server."),
        }
    }
}

fn certificate(of: &str, host: &str, certificate: Option<&[u8]>, now: Timestamp) -> Option<Finding> {
    let what = format!("certificate of {of} {host}");
    let until = crate::certificate::good_until(certificate?);
    Some(until.map_or_else(
        || Finding::unknown(what.clone(), "it cannot be read"),
        |until| Finding::fine(what.clone(), "trusted").until(until).at(now),
    ))
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
