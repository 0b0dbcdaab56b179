//! Who sits where, and how each is told.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use model::{
    StaffId, Stage,
    escalation::{Post, Running, Way},
};
use uuid::Uuid;

use crate::{
    Result, StoreError, Tx,
    telephone::{self, Telephone, Whose},
};

/// Somebody who can be told.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) whose: Whose,
    email: Option<String>,
    telephone: Option<Telephone>,
}

/// How somebody is told.
pub(super) enum Told<'a> {
    Mail(&'a str),
    Telephone(&'a Telephone),
    /// They have the list.
    List,
}

impl Person {
    /// By the rule's way; who lacks that by the other one.
    pub(super) fn told(&self, way: Way) -> Told<'_> {
        let mail = self.email.as_deref().map(Told::Mail);
        let telephone = self.telephone.as_ref().map(Told::Telephone);
        match way {
            Way::Email => mail.or(telephone),
            Way::Telephone => telephone.or(mail),
            Way::List => None,
        }
        .unwrap_or(Told::List)
    }
}

/// Who sits where, as far as some complaints need it.
#[derive(Debug, Default)]
pub(super) struct Posts {
    officers: HashMap<Uuid, Person>,
    triage: Vec<Person>,
    supervisors: HashMap<Uuid, Vec<Person>>,
    heads: HashMap<Uuid, Vec<Person>>,
    secretary: Vec<Person>,
    admins: Vec<Person>,
}

impl Posts {
    pub(super) fn of(&self, post: Post, clock: &Running) -> Vec<&Person> {
        let agency = clock.agency.map(|agency| agency.0).unwrap_or_default();
        match post {
            Post::Officer if clock.stage == Stage::Forward => self.triage.iter().collect(),
            Post::Officer => clock.officer.and_then(|officer| self.officers.get(&officer.0)).into_iter().collect(),
            Post::Supervisor => self.supervisors.get(&agency).into_iter().flatten().collect(),
            Post::Head => self.heads.get(&agency).into_iter().flatten().collect(),
            Post::Secretary => self.secretary.iter().collect(),
            Post::Admin => self.admins.iter().collect(),
        }
    }
}

/// Who sits where on that day, in the city, in these agencies, and these officers.
pub(super) async fn posts(tx: &mut Tx, agencies: &[Uuid], officers: &[Uuid], day: Date) -> Result<Posts> {
    let mut telephones = telephone::all(&mut **tx).await?;
    let staff = sqlx::query!(
        r#"select staff.id, role, agency, email as "email?"
        from staff
        left join staff_mail on staff_mail.staff = staff.id
        where active
          and (role in ('triage', 'admin') or (role = 'supervisor' and agency = any($1)) or id = any($2))
        order by staff.id"#,
        agencies,
        officers
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut posts = Posts::default();
    for row in staff {
        let whose = Whose::Staff(StaffId(row.id));
        let person = Person { whose, email: row.email, telephone: telephones.remove(&whose) };
        match (row.role.as_str(), row.agency) {
            ("triage", _) => posts.triage.push(person.clone()),
            ("admin", _) => posts.admins.push(person.clone()),
            ("supervisor", Some(agency)) => posts.supervisors.entry(agency).or_default().push(person.clone()),
            _ => (),
        }
        posts.officers.insert(row.id, person);
    }
    let holders = sqlx::query!(
        "select id, agency, email
        from post_holder
        where (agency is null or agency = any($1))
          and valid_from <= $2
          and (valid_until is null or $2 <= valid_until)
        order by id",
        agencies,
        day.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    for row in holders {
        let whose = Whose::Holder(row.id);
        let person = Person { whose, email: row.email, telephone: telephones.remove(&whose) };
        // Whose number was forgotten with their post on its last day: nobody is reached there any more.
        if person.email.is_none() && person.telephone.is_none() {
            continue;
        }
        match row.agency {
            Some(agency) => posts.heads.entry(agency).or_default().push(person),
            None => posts.secretary.push(person),
        }
    }
    Ok(posts)
}
