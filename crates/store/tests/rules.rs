//! Versions of the rules of routing against a real PostgreSQL.

use jiff::Timestamp;
use model::{AgencyId, Category, Directory, Language, Role, Rule, StaffId};
use servers::testing::TestDatabase;
use store::{
    PgPool, StoreError,
    directory::{self, Seed, SeedAgency},
    rules::{self, Edited, Published},
    staff::{self, NewStaff},
};

const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

struct World {
    _database: TestDatabase,
    db: PgPool,
    directory: Directory,
    /// Three of triage.
    people: [StaffId; 3],
}

async fn prepare(url: String) -> Result<(), StoreError> {
    let db = store::connect(&url, 1).await?;
    store::migrate(&db).await?;
    let agency = |code: &str| SeedAgency { code: code.into(), name: code.into(), send_kind: "queue".into(), send_target: None };
    let category = |code: &str| Category { code: code.into(), name_id: code.into(), name_en: code.into(), keywords: Vec::new() };
    let seed = Seed {
        agencies: vec![agency("roads"), agency("parks")],
        categories: vec![category("road"), category("tree")],
        rules: vec![(Some("road".into()), None, "roads".into()), (Some("tree".into()), None, "parks".into())],
        ..Seed::default()
    };
    directory::seed(&db, &seed, NOW).await?;
    let mut tx = store::begin(&db).await?;
    for login in ["satu", "dua", "tiga"] {
        let new =
            NewStaff { login: login.into(), name: login.into(), role: Role::Triage, agency: None, office: None, language: Language::Id };
        staff::create(&mut tx, &new, "x", NOW).await?;
    }
    store::commit(tx).await?;
    db.close().await;
    Ok(())
}

impl World {
    async fn new() -> Self {
        let database = servers::testing::database("rules_world", prepare).await;
        let db = store::connect(&database.url(), 8).await.expect("connects");
        let directory = directory::load(&db).await.expect("loads");
        let mut people = Vec::new();
        for login in ["satu", "dua", "tiga"] {
            people.push(staff::by_login(&db, login).await.expect("asks").expect("an account").0.id);
        }
        Self { _database: database, db, directory, people: people.try_into().expect("three") }
    }

    fn agency(&self, code: &str) -> AgencyId {
        self.directory.agencies.values().find(|agency| agency.code == code).expect("is in the seed").id
    }

    async fn begin(&self, by: StaffId) -> bool {
        let mut tx = store::begin(&self.db).await.expect("begins");
        let begun = rules::begin(&mut tx, by, NOW).await.expect("is written");
        store::commit(tx).await.expect("commits");
        begun
    }

    async fn draft(&self) -> rules::Draft {
        rules::draft(&self.db).await.expect("asks").expect("a draft")
    }

    /// Adds or changes a row of the draft as it is now.
    async fn set(&self, rule: &Rule, by: StaffId) -> Edited {
        let edition = self.draft().await.edition;
        let mut tx = store::begin(&self.db).await.expect("begins");
        let edited = rules::set(&mut tx, edition, rule, by, NOW).await.expect("is asked");
        if matches!(edited, Edited::Yes(_)) {
            store::commit(tx).await.expect("commits");
        }
        edited
    }

    async fn publish(&self, edition: i64, current: u32, by: StaffId) -> Published {
        let mut tx = store::begin(&self.db).await.expect("begins");
        let published = rules::publish(&mut tx, edition, current, "catatan", by, NOW).await.expect("is asked");
        if matches!(published, Published::Yes(_)) {
            store::commit(tx).await.expect("commits");
        }
        published
    }

    /// What counts: category and agency of each rule.
    async fn counts(&self) -> (u32, Vec<(Option<String>, AgencyId)>) {
        let directory = directory::load(&self.db).await.expect("loads");
        (directory.rules_version, directory.rules.into_iter().map(|rule| (rule.category, rule.agency)).collect())
    }
}

#[tokio::test]
async fn a_draft_counts_only_after_somebody_else_published_what_they_read() {
    let world = World::new().await;
    let [author, other, helper] = world.people;
    let (roads, parks) = (world.agency("roads"), world.agency("parks"));
    let before = world.counts().await;
    assert_eq!(before, (1, vec![(Some("road".into()), roads), (Some("tree".into()), parks)]));
    assert!(world.begin(author).await);
    assert!(!world.begin(other).await, "one draft at a time");
    let tree = world.draft().await.rules.into_iter().find(|rule| rule.category.as_deref() == Some("tree")).expect("a copy");
    assert!(matches!(world.set(&Rule { agency: roads, ..tree.clone() }, helper).await, Edited::Yes(_)));
    assert_eq!(world.set(&Rule { category: Some("road".into()), ..Rule::new(0, roads) }, author).await, Edited::Same);
    assert_eq!(world.set(&Rule { id: 999_999, ..tree }, author).await, Edited::Changed, "there is no such row");
    assert_eq!(world.counts().await, before, "a draft counts for nothing");

    let edition = world.draft().await.edition;
    for wrote in [author, helper] {
        assert_eq!(world.publish(edition, 1, wrote).await, Published::ByAuthor);
    }
    assert_eq!(world.publish(edition - 1, 1, other).await, Published::Changed, "they read something else");
    assert_eq!(world.publish(edition, 0, other).await, Published::Changed, "another version counted then");
    assert_eq!(world.counts().await, before);

    let version = directory::version(&world.db).await.expect("answers");
    assert_eq!(world.publish(edition, 1, other).await, Published::Yes(2));
    assert!(directory::version(&world.db).await.expect("answers") > version, "every process loads it");
    assert_eq!(world.counts().await, (2, vec![(Some("road".into()), roads), (Some("tree".into()), roads)]));
    assert!(rules::draft(&world.db).await.expect("asks").is_none());
    assert_eq!(world.publish(edition, 2, other).await, Published::Changed, "once");
    let kept = rules::versions(&world.db, None, 10).await.expect("asks");
    let told: Vec<_> = kept.iter().map(|version| (version.number, version.by.as_deref(), version.authors.len(), version.rows)).collect();
    assert_eq!(told, [(2, Some("dua"), 2, 2), (1, None, 0, 2)]);
    assert!(["satu", "tiga"].iter().all(|author| kept[0].authors.iter().any(|name| name == author)), "{kept:?}");
}

#[tokio::test]
async fn an_earlier_version_comes_back_as_a_new_one_and_the_rules_of_before_stay_known() {
    let world = World::new().await;
    let [author, other, _] = world.people;
    let first = directory::load(&world.db).await.expect("loads").rules;
    assert!(world.begin(author).await);
    let draft = world.draft().await;
    let mut tx = store::begin(&world.db).await.expect("begins");
    let gone = rules::remove(&mut tx, draft.edition, draft.rules[0].id, author, NOW).await.expect("is asked");
    store::commit(tx).await.expect("commits");
    let Edited::Yes(edition) = gone else { panic!("{gone:?}") };
    assert_eq!(world.publish(edition, 1, other).await, Published::Yes(2));
    assert_eq!(world.counts().await.1.len(), 1);

    let back = async |to, current| {
        let mut tx = store::begin(&world.db).await.expect("begins");
        let made = rules::go_back(&mut tx, to, current, "salah", author, NOW).await.expect("is asked");
        if made.is_some() {
            store::commit(tx).await.expect("commits");
        }
        made
    };
    for (to, current) in [(2, 2), (3, 2), (0, 2), (1, 1)] {
        assert_eq!(back(to, current).await, None, "{to} from {current}");
    }
    assert_eq!(back(1, 2).await, Some(3));
    let now = directory::load(&world.db).await.expect("loads");
    assert_eq!(now.rules_version, 3);
    let said = |rules: &[Rule]| rules.iter().map(|rule| Rule { id: 0, ..rule.clone() }).collect::<Vec<_>>();
    assert_eq!(said(&now.rules), said(&first));
    assert!(now.rules.iter().all(|rule| first.iter().all(|earlier| earlier.id != rule.id)), "rows belong to one version");
    let known = rules::by_keys(&world.db, &[first[0].id, now.rules[0].id]).await.expect("asks");
    assert_eq!(known.iter().map(|(_, version)| *version).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(rules::versions(&world.db, None, 1).await.expect("asks")[0].returns_to, Some(1));
}

#[tokio::test]
async fn of_two_who_publish_at_once_one_does_and_the_database_itself_refuses_an_author() {
    let world = World::new().await;
    let [author, other, third] = world.people;
    assert!(world.begin(author).await);
    let edition = world.draft().await.edition;
    let (one, two) = futures::join!(world.publish(edition, 1, other), world.publish(edition, 1, third));
    assert!([one, two].contains(&Published::Yes(2)) && [one, two].contains(&Published::Changed), "{one:?} {two:?}");
    for statement in [
        "update rule set agency = agency",
        "delete from rule",
        "update rule_version set note = 'x'",
        "delete from rule_version",
        "insert into rule (version, agency) select 2, id from agency limit 1",
        "insert into rule_version (number, at, staff, authors, note) select 3, now(), id, array[id], 'x' from staff limit 1",
    ] {
        assert!(sqlx::query(statement).execute(&world.db).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_file_replaces_what_a_draft_says_and_touches_nothing_that_stays() {
    let world = World::new().await;
    let [author, ..] = world.people;
    let (roads, parks) = (world.agency("roads"), world.agency("parks"));
    let wanted =
        [Rule { category: Some("road".into()), ..Rule::new(0, roads) }, Rule { category: Some("tree".into()), ..Rule::new(0, roads) }];
    let mut tx = store::begin(&world.db).await.expect("begins");
    let change = rules::replace(&mut tx, &wanted, author, NOW).await.expect("is written");
    store::commit(tx).await.expect("commits");
    let told = |rules: &[Rule]| rules.iter().map(|rule| (rule.category.clone(), rule.agency)).collect::<Vec<_>>();
    assert_eq!(told(&change.added), [(Some("tree".into()), roads)]);
    assert_eq!(told(&change.removed), [(Some("tree".into()), parks)]);
    assert_eq!(told(&world.draft().await.rules), told(&wanted));
    let mut tx = store::begin(&world.db).await.expect("begins");
    let twice = [wanted[1].clone(), Rule { despite_ethics: true, ..wanted[1].clone() }];
    assert!(matches!(rules::replace(&mut tx, &twice, author, NOW).await, Err(StoreError::Conflict { .. })));
}
