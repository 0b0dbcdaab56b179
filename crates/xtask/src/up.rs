//! x
use clap::Args;
#[derive(Args)]
pub(crate) struct Options {}
pub(crate) fn run(_o: &Options) -> anyhow::Result<()> {
    Ok(())
}
