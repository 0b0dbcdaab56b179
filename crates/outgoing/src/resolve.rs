//! Names to addresses, with what is not public left out: checked after resolving, and the connection uses exactly these addresses, so
//! a name that changes its mind between check and use gains nothing.

use std::{io, net::SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::is_public;

/// Which addresses a name may have.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names {
    /// Only public ones.
    Public,
    /// Any: the name was configured.
    All,
}

/// A name that has addresses, none of them public.
#[derive(Debug, thiserror::Error)]
#[error("only private addresses")]
pub(crate) struct OnlyPrivate;

/// A name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("no address")]
pub(crate) struct NoAddress(#[source] io::Error);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(NoAddress)?.collect();
            let fit: Vec<SocketAddr> = match names {
                Names::All => found,
                Names::Public => found.into_iter().filter(|address| is_public(address.ip())).collect(),
            };
            if fit.is_empty() { Err(OnlyPrivate.into()) } else { Ok(Box::new(fit.into_iter()) as Addrs) }
        })
    }
}
