//! Why nobody signed in.

use outgoing::HttpError;

/// Why nobody signed in. No token and no name is in the words.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The configured issuer cannot be one.
    #[error("the issuer must be an https address without query")]
    Issuer,
    /// The provider names itself otherwise than the configuration.
    #[error("the provider calls itself otherwise than the configuration does")]
    OtherIssuer,
    /// What it says of itself cannot be used.
    #[error("the provider's description of itself cannot be used")]
    About,
    /// It cannot be reached, or its answer cannot be read.
    #[error("the provider does not answer as it should")]
    Http(#[from] HttpError),
    /// It refuses to describe itself.
    #[error("the provider answered {0}")]
    Status(u16),
    /// It gives no token for the code.
    #[error("the provider gave no token: {0}")]
    NoToken(u16),
    /// The answer belongs to another beginning, another browser or another provider.
    #[error("the answer is not of what was begun here")]
    Foreign,
    /// The person, or the provider, said no.
    #[error("the provider let nobody in")]
    Refused,
    /// None of its keys fits the token.
    #[error("none of the provider's keys fits its token")]
    Key,
    /// The token cannot be believed.
    #[error("the provider's token cannot be believed")]
    Token,
}

impl OidcError {
    /// Whether it is the doing of who signs in (or of a stranger), and not something an admin has to look at.
    pub fn is_theirs(&self) -> bool {
        matches!(self, Self::Foreign | Self::Refused)
    }
}
