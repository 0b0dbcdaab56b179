//! Telephones of staff and of holders of posts: a number with the city's channel by which it is reached. Sealed; forgotten with the account and with the
//! post, and with what still waited to be sent there.

use std::{collections::HashMap, fmt};

use model::{AdapterName, Address, StaffId, Timestamp, UpdateId};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    contact::{TELEPHONE, ring},
    convert::known,
    work_message,
};

/// Where somebody is reached by telephone. `Debug` shows no number.
#[derive(Clone, PartialEq, Eq)]
pub struct Telephone {
    /// Which program …
    pub adapter: AdapterName,
    /// … and which account of ours.
    pub account: String,
    /// To whom.
    pub address: Address,
}

impl fmt::Debug for Telephone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telephone").field("adapter", &self.adapter).field("account", &self.account).finish_non_exhaustive()
    }
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Of an account.
    Staff(StaffId),
    /// Of somebody in a post without an account.
    Holder(i64),
}

impl Whose {
    pub(crate) fn staff(self) -> Option<Uuid> {
        match self {
            Self::Staff(staff) => Some(staff.0),
            Self::Holder(_) => None,
        }
    }

    pub(crate) fn holder(self) -> Option<i64> {
        match self {
            Self::Staff(_) => None,
            Self::Holder(holder) => Some(holder),
        }
    }
}

/// Everybody's. One that cannot be read counts as none.
pub async fn all(db: impl sqlx::PgExecutor<'_>) -> Result<HashMap<Whose, Telephone>> {
    let rows = sqlx::query_as!(Row, "select id, staff, holder, adapter, account, sealed from telephone")
        .fetch_all(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(Row::opened).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Somebody's own.
pub async fn of(db: &PgPool, staff: StaffId) -> Result<Option<Telephone>> {
    let row = sqlx::query_as!(Row, "select id, staff, holder, adapter, account, sealed from telephone where staff = $1", staff.0)
        .fetch_optional(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(row.map(Row::opened).transpose()?.flatten().map(|(_, telephone)| telephone))
}

struct Row {
    id: Uuid,
    staff: Option<Uuid>,
    holder: Option<i64>,
    adapter: String,
    account: String,
    sealed: String,
}

impl Row {
    fn opened(self) -> Result<Option<(Whose, Telephone)>> {
        let whose = self.staff.map(|staff| Whose::Staff(StaffId(staff))).or(self.holder.map(Whose::Holder));
        let Some(address) = ring()?.open_unless_corrupt(TELEPHONE, self.id, self.sealed)? else { return Ok(None) };
        let adapter = known(self.adapter.parse().ok(), "telephone", "adapter")?;
        Ok(Some((known(whose, "telephone", "staff")?, Telephone { adapter, account: self.account, address })))
    }
}

/// Where somebody is reached from now on.
pub async fn set(tx: &mut Tx, whose: Whose, telephone: &Telephone, now: Timestamp) -> Result<()> {
    forget(tx, whose).await?;
    let id = UpdateId::new(now).0;
    sqlx::query!(
        "insert into telephone (id, staff, holder, adapter, account, sealed) values ($1, $2, $3, $4, $5, $6)",
        id,
        whose.staff(),
        whose.holder(),
        telephone.adapter.as_str(),
        telephone.account,
        ring()?.seal(TELEPHONE, id.as_bytes(), &telephone.address.to_string())
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Nowhere from now on; what waits to be sent there goes another way. `false`: there was none.
pub async fn forget(tx: &mut Tx, whose: Whose) -> Result<bool> {
    let gone = sqlx::query!("delete from telephone where staff = $1 or holder = $2", whose.staff(), whose.holder())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    work_message::forget(tx, whose).await?;
    Ok(gone.rows_affected() > 0)
}
