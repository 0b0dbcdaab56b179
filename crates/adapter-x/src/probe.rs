//! What an administrator wants to know before anything is posted: are the keys right, whose are they, is the clock right, is there money.

use adapter_sdk::{Finding, Timestamp};

use crate::{
    Account, X,
    api::{Call, Endpoint, NoAnswer},
    problem::{No, clock_ahead},
    wire::{Answer, User},
};

/// OAuth 1.0a fails when clocks differ by five minutes; half of it is worth a word.
const CLOCK: i64 = 150;

impl X {
    /// Looks at each account on X, and at the budget. Reads one user an account, and changes nothing.
    pub(crate) async fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let mut found = Vec::new();
        for account in &self.config.accounts {
            found.extend(self.of_account(account, now).await);
        }
        found.push(self.of_budget(now).await);
        found
    }

    async fn of_account(&self, account: &Account, now: Timestamp) -> Vec<Finding> {
        let keys = format!("keys of the account {}", account.name());
        let call = Call { endpoint: Endpoint::Me, path: &["users", "me"], query: &[("user.fields", "id,username")], body: None };
        let answer = match self.api.ask(account, call, now).await {
            Ok(answer) => answer,
            Err(no) => return vec![refused(keys, &no)],
        };
        let user = answer.json::<Answer<User>>().ok().and_then(|answer| answer.data.into_iter().next()).unwrap_or_default();
        let whose = if user.id == account.user_id {
            Finding::fine(keys, format!("valid, of the account {}", user.id))
        } else {
            let seen = format!("valid, but of the account {} and not {}", user.id, account.user_id);
            Finding::wrong(keys, seen, "Sign in at X as the account that is configured and make new tokens, or correct `user_id`.")
        };
        let clock = match clock_ahead(&answer, now) {
            Some(ahead) if ahead.abs() > CLOCK => {
                let seen = format!("X's clock is {ahead} s ahead of ours");
                Finding::wrong("clock", seen, "Let this machine keep time (NTP): X refuses signatures that are five minutes off.")
            }
            Some(ahead) => Finding::fine("clock", format!("X's is {ahead} s ahead of ours")),
            None => Finding::unknown("clock", "X did not tell its time"),
        };
        vec![whose, clock]
    }

    async fn of_budget(&self, now: Timestamp) -> Finding {
        let (spent, open) = self.budget.told(now).await;
        let limit = self.config.budget.monthly;
        match (limit > 0.0, open) {
            (false, _) => Finding::warning(
                "budget",
                format!("{spent} this month, and no limit"),
                "Set `adapter.budget.monthly`, and a limit in X's console.",
            ),
            (true, true) => Finding::fine("budget", format!("{spent} of ${limit:.2} this month")),
            (true, false) => Finding::wrong(
                "budget",
                format!("{spent} of ${limit:.2} this month: no new posts are read"),
                "Raise `adapter.budget.monthly`, or wait for the next month.",
            ),
        }
    }
}

fn refused(what: String, no: &NoAnswer) -> Finding {
    match no {
        NoAnswer::No(No::Ours(status)) => {
            let advice = "Make new keys and tokens in X's console, with the permissions to read, write and send direct messages.";
            Finding::wrong(what, format!("X answered {status}"), advice)
        }
        NoAnswer::No(No::Money) => Finding::wrong(what, "X's credits are used up", "Buy credits in X's console."),
        NoAnswer::No(No::Wait(_)) => Finding::unknown(what, "X asked to wait; ask again in a quarter of an hour"),
        NoAnswer::No(No::Later(status)) => Finding::unknown(what, format!("X answered {status}")),
        NoAnswer::No(No::Final { code, .. }) => Finding::wrong(what, format!("X answered with {code}"), "Look at the app in X's console."),
        NoAnswer::NotAsked(error) => Finding::wrong(what, error.to_string(), "Look whether this machine reaches X, and at `state_folder`."),
        NoAnswer::Unknown(error) => Finding::unknown(what, error.to_string()),
    }
}
