//! `probe`: is each gateway there, does it know us, is it connected to a network, is there credit. Asks and changes nothing; no message
//! leaves.

use std::path::Path;

use adapter_sdk::{Finding, Http, HttpError, Response};
use serde_json::Value;

use crate::{
    Sms,
    fields::at_path,
    gateway::{
        Gammu, Gateway, Generic, Kannel, Twilio,
        smpp::{Link, Standing, Trial},
    },
};

const LOOK_AT_USER: &str = "Compare user and password with those at the gateway.";
const LOOK_AT_ADDRESS: &str = "Is the gateway running, and is its address in the configuration right?";

impl Sms {
    pub(crate) async fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for (name, gateway) in self.config.gateways() {
            found.extend(match gateway {
                Gateway::Kannel(kannel) => of_kannel(name, kannel, &self.http).await,
                Gateway::Twilio(twilio) => of_twilio(name, twilio, &self.http).await,
                Gateway::Generic(generic) => vec![of_generic(name, generic, &self.http).await],
                Gateway::Gammu(gammu) => of_gammu(name, gammu).await,
                Gateway::Smpp(_) => match self.links.get(name) {
                    Some(link) => vec![of_smpp(name, link).await],
                    None => Vec::new(),
                },
            });
        }
        found
    }
}

/// No answer at all.
fn silent(what: String, error: &HttpError) -> Finding {
    Finding::wrong(what, error.to_string(), LOOK_AT_ADDRESS)
}

fn odd(what: String, answer: &Response) -> Finding {
    let advice = if matches!(answer.status.as_u16(), 401 | 403) { LOOK_AT_USER } else { LOOK_AT_ADDRESS };
    Finding::wrong(what, format!("it answered {}", answer.status.as_u16()), advice)
}

async fn of_kannel(name: &str, kannel: &Kannel, http: &Http) -> Vec<Finding> {
    let what = || format!("user of {name}");
    let credentials = [("username", kannel.username.as_str()), ("password", kannel.password.expose())];
    // Without a receiver nothing is sent: Kannel looks at the user first, and then misses the receiver.
    let user = match http.get(&kannel.send_url).query(&credentials).send().await {
        Ok(answer) if answer.status.as_u16() == 400 => Finding::fine(what(), "Kannel knows it"),
        Ok(answer) => odd(what(), &answer),
        Err(error) => silent(what(), &error),
    };
    vec![user, kannel_status(name, kannel, http).await]
}

async fn kannel_status(name: &str, kannel: &Kannel, http: &Http) -> Finding {
    let what = format!("links of {name}");
    if kannel.status_url.is_empty() {
        return Finding::unknown(what, "`status_url` is not configured");
    }
    let answer = match http.get(&kannel.status_url).query(&[("password", kannel.status_password.expose())]).send().await {
        Ok(answer) if answer.status.is_success() => answer,
        Ok(answer) => return odd(what, &answer),
        Err(error) => return silent(what, &error),
    };
    let page = String::from_utf8_lossy(&answer.body);
    if !page.contains("<status>running") {
        // A wrong password is told with a success.
        return Finding::wrong(
            what,
            "the status page is denied, or Kannel is not running",
            "Compare `status_password` with Kannel's `status-password`.",
        );
    }
    if !page.contains("<type>smsbox</type>") {
        return Finding::wrong(what, "no smsbox is connected", "Start smsbox: without it nothing comes in and nothing goes out.");
    }
    let online = page.matches("<status>online").count();
    let links = page.matches("<admin-id>").count().max(page.matches("<smsc>").count());
    match (online, links) {
        (0, _) => Finding::wrong(what, "no link to a network is online", "Look into Kannel's log: `group = smsc`."),
        (online, links) if online < links => {
            Finding::warning(what, format!("{online} of {links} links to networks are online"), "Look into Kannel's log: `group = smsc`.")
        }
        (online, _) => Finding::fine(what, format!("{online} online")),
    }
}

async fn of_twilio(name: &str, twilio: &Twilio, http: &Http) -> Vec<Finding> {
    let account = match twilio.asked(http, ".json").await {
        Ok(answer) if answer.status.is_success() => account(name, &answer),
        Ok(answer) => odd(format!("account of {name}"), &answer),
        Err(error) => silent(format!("account of {name}"), &error),
    };
    let credit = match twilio.asked(http, "/Balance.json").await {
        Ok(answer) if answer.status.is_success() => credit(name, answer.json::<Value>().ok().and_then(|body| at_path(&body, "balance"))),
        Ok(answer) => Finding::unknown(format!("credit of {name}"), format!("it answered {}", answer.status.as_u16())),
        Err(error) => silent(format!("credit of {name}"), &error),
    };
    vec![account, credit]
}

fn account(name: &str, answer: &Response) -> Finding {
    let what = format!("account of {name}");
    let status = answer.json::<Value>().ok().and_then(|body| at_path(&body, "status"));
    match status.as_deref() {
        Some("active") => Finding::fine(what, "active"),
        Some("suspended" | "closed") => Finding::wrong(what, "suspended or closed", "Ask the gateway why."),
        _ => Finding::wrong(what, "the answer is not an account's", LOOK_AT_ADDRESS),
    }
}

fn credit(name: &str, told: Option<String>) -> Finding {
    let what = format!("credit of {name}");
    let Some(told) = told else {
        return Finding::wrong(what, "the answer holds none", LOOK_AT_ADDRESS);
    };
    match told.parse::<f64>() {
        Ok(left) if left <= 0.0 => Finding::wrong(what, "used up", "Add credit: answers cannot be sent."),
        Ok(left) => Finding::fine(what, left.to_string()),
        Err(_) => Finding::unknown(what, "told in words that are no number"),
    }
}

async fn of_generic(name: &str, generic: &Generic, http: &Http) -> Finding {
    let Some(url) = generic.balance() else {
        return Finding::unknown(
            format!("gateway {name}"),
            "`balance_url` is not configured: there is nothing it could be asked without sending",
        );
    };
    match http.get(&url).send().await {
        Ok(answer) if answer.status.is_success() => {
            credit(name, answer.json::<Value>().ok().and_then(|body| at_path(&body, &generic.balance_field)))
        }
        Ok(answer) => odd(format!("credit of {name}"), &answer),
        Err(error) => silent(format!("credit of {name}"), &error),
    }
}

async fn of_gammu(name: &str, gammu: &Gammu) -> Vec<Finding> {
    let folder = if Path::new(&gammu.folder).is_dir() {
        Finding::fine(format!("folder of {name}"), "there")
    } else {
        Finding::wrong(format!("folder of {name}"), "not there, or closed to us", "Make it, for the adapter's and SMSD's common group.")
    };
    let what = format!("gammu-smsd-inject for {name}");
    let said = tokio::process::Command::new(&gammu.inject).arg("--version").kill_on_drop(true).output().await;
    let program = match said {
        Ok(output) if output.status.success() => Finding::fine(what, "answers"),
        Ok(_) | Err(_) => Finding::wrong(what, "cannot be started", "Install gammu-smsd, or name the program in `inject`."),
    };
    let what = format!("configuration of SMSD for {name}");
    let config = if std::fs::File::open(&gammu.config).is_ok() {
        Finding::fine(what, "readable")
    } else {
        Finding::wrong(what, "not readable", "Name SMSD's file in `config`, and let the adapter read it.")
    };
    vec![folder, program, config]
}

/// A link that stands is asked how it stands; otherwise one is made and left again.
async fn of_smpp(name: &str, link: &Link) -> Finding {
    let what = format!("link of {name}");
    let refused = |code: u32| {
        Finding::wrong(
            what.clone(),
            format!("the centre refuses to bind (0x{code:02x})"),
            "Compare `system_id`, password and `system_type` with the operator's.",
        )
    };
    match link.standing() {
        Standing::Bound => return Finding::fine(what, "bound"),
        Standing::Apart(Some(code)) => return refused(code),
        Standing::Apart(None) => return Finding::wrong(what, "not there at the moment, and tried again", LOOK_AT_ADDRESS),
        Standing::Idle | Standing::Beginning => {}
    }
    match link.trial().await {
        Trial::Bound => Finding::fine(what, "the centre lets us in"),
        Trial::Held => Finding::fine(what, "held already: the adapter is bound, or another program with its `system_id`"),
        Trial::Refused(code) => refused(code),
        Trial::Unreachable(why) => Finding::wrong(what, why, LOOK_AT_ADDRESS),
    }
}
