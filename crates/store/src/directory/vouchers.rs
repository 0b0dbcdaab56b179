//! Whose addresses an adapter may vouch for.

use std::collections::BTreeMap;

use model::{AdapterName, Voucher};

use crate::{Result, StoreError, Tx, convert::known};

/// Every row.
pub(super) async fn vouchers(tx: &mut Tx) -> Result<BTreeMap<AdapterName, Voucher>> {
    let rows = sqlx::query!("select adapter, schemes, elsewhere from voucher").fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let adapter = known(row.adapter.parse().ok(), "voucher", "adapter")?;
            Ok((adapter, Voucher { schemes: row.schemes.into_iter().collect(), elsewhere: row.elsewhere }))
        })
        .collect()
}

/// Says what an adapter may vouch for, over what was said before.
pub async fn set_voucher(tx: &mut Tx, adapter: &AdapterName, voucher: &Voucher) -> Result<()> {
    let schemes: Vec<String> = voucher.schemes.iter().cloned().collect();
    sqlx::query!(
        "insert into voucher (adapter, schemes, elsewhere)
        values ($1, $2, $3)
        on conflict (adapter) do update
        set schemes = excluded.schemes, elsewhere = excluded.elsewhere",
        adapter.as_str(),
        &schemes,
        voucher.elsewhere
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}
