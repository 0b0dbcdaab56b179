//! Who works here.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a member of staff may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Enters complaints at a desk. Sees what their own office entered.
    Clerk,
    /// Reads what no rule could route, and gives it to an agency. Sees every complaint.
    Triage,
    /// Works on the complaints of their own agency, and sees no others.
    Officer,
    /// An officer who may also take over from and hand on for colleagues of their agency.
    Supervisor,
    /// Sets the system up. Sees everything.
    Admin,
}

impl Role {
    /// Every role, in the order of the pages.
    pub const ALL: [Self; 5] = [Self::Clerk, Self::Triage, Self::Officer, Self::Supervisor, Self::Admin];

    /// The word in tables and addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clerk => "clerk",
            Self::Triage => "triage",
            Self::Officer => "officer",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }

    /// Whether the role is tied to one agency and must not see another's complaints.
    pub fn belongs_to_agency(self) -> bool {
        matches!(self, Self::Officer | Self::Supervisor)
    }

    /// Whether the role may give a complaint to any agency.
    pub fn may_triage(self) -> bool {
        matches!(self, Self::Triage | Self::Admin)
    }

    /// Whether the role writes the rules of routing, and publishes what somebody else wrote.
    pub fn may_set_rules(self) -> bool {
        matches!(self, Self::Triage | Self::Admin)
    }

    /// Whether the role decides between agencies that all say "not ours". It belongs to none of them, and sees them all.
    pub fn may_referee(self) -> bool {
        matches!(self, Self::Triage | Self::Admin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == s).ok_or_else(|| format!("no role is called {s}"))
    }
}
