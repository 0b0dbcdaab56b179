//! Finding complaints by words, number, name, contact and place. Who reads comes first: the index holds who has a complaint beside its words, so that
//! what is not theirs to see is neither found nor counted.

mod learn;
mod reach;

use std::{collections::HashMap, fmt};

use jiff::{SignedDuration, Timestamp};
use model::{Address, ComplaintId, Decision, Visibility};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    contact::ring,
    convert::at,
    queue::{Cursor, Filter, Found, Row, Scope, Start, into_row},
};

pub use learn::{Learned, learn_words};
use reach::Reach;

/// How many complaints one search ranks. Where more fit, the newest are ranked, and [`Hits::all`] says so.
pub const MOST: usize = 500;
/// Fewer hits than this, and words that are nearly the same are tried too.
const FEW: usize = 5;
/// Words of one search that are looked at.
const MOST_WORDS: usize = 8;
/// Words of the index that are nearly what was typed, at most.
const MOST_NEAR: i64 = 12;

/// What is looked for. All words have to fit.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// The words.
    pub words: Vec<Word>,
    /// A number or its beginning, as numbers are written: `7KQ2-M4`.
    pub number: Option<String>,
    /// What was typed, read as an address of somebody.
    pub contacts: Vec<Address>,
    /// Whether the words may be names of who wrote.
    pub names: bool,
}

/// What somebody looks for may be a name or a number of somebody.
impl fmt::Debug for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sought").field("words", &self.words.len()).finish_non_exhaustive()
    }
}

/// One word, and what else it may stand for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// As it was typed.
    pub typed: String,
    /// The same word, as others write it.
    pub spellings: Vec<String>,
    /// Codes of areas that are called so.
    pub areas: Vec<String>,
}

/// Why a complaint was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// By its number.
    Number,
    /// By an address of who wrote.
    Contact,
    /// By the name of who wrote.
    Name,
    /// By words.
    Words,
    /// By words that are nearly those.
    Nearly,
    /// By its area.
    Area,
}

/// A complaint that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// As in a list.
    pub row: Row,
    /// Why; never empty.
    pub why: Vec<Why>,
    /// Words around what fits, each piece with whether it is what fits.
    pub pieces: Vec<(String, bool)>,
}

/// A page of what was found, the best first, of equals the newest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hits {
    /// The page.
    pub hits: Vec<Hit>,
    /// How many were found and ranked.
    pub total: usize,
    /// Whether that is all there is; else there are more than [`MOST`].
    pub all: bool,
    /// The page before, if there is one.
    pub newer: Option<Cursor>,
    /// The page after, if there is one.
    pub older: Option<Cursor>,
}

/// Makes what these complaints are found by. In the transaction that writes them.
pub(crate) async fn keep(tx: &mut Tx, decisions: &[Decision]) -> Result<()> {
    keep_of(tx, &decisions.iter().map(|decision| decision.complaint.id).collect::<Vec<_>>()).await
}

/// The same by their keys, for what is written beside a complaint.
pub(crate) async fn keep_of(tx: &mut Tx, complaints: &[ComplaintId]) -> Result<()> {
    let ids: Vec<Uuid> = complaints.iter().map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!("select keep_words($1)", &ids).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// A page of what is found for who has this scope.
pub async fn find(db: &PgPool, scope: &Scope, sought: &Sought, filter: &Filter, from: Start, most: u16, now: Timestamp) -> Result<Hits> {
    let gate = Gate::of(scope, filter);
    let terms = terms(db, sought).await?;
    let mut found = Candidates::default();
    if let Some(number) = &sought.number {
        found.add(by_number(db, &gate, number).await?, Why::Number);
    }
    for contact in &sought.contacts {
        found.add(by_contact(db, &gate, contact).await?, Why::Contact);
    }
    if let Some(query) = all_of(&terms, Term::exact) {
        found.add_words(by_words(db, &gate, &query, &terms, now).await?);
    }
    let few = found.ids.len() < FEW && terms.iter().any(|term| !term.near.is_empty());
    if let Some(query) = all_of(&terms, Term::loose).filter(|_| few) {
        found.add_words(by_words(db, &gate, &query, &terms, now).await?);
    }
    let all = found.all;
    let ranked = found.ranked();
    let total = ranked.len();
    let (shown, newer, older) = page(&ranked, from, usize::from(most));
    let hits = read(db, scope, &terms, &found, shown).await?;
    Ok(Hits { hits, total, all, newer, older })
}

/// What every complaint must have to be shown to this reader, in marks of the index, and when it was opened.
struct Gate {
    marks: Vec<String>,
    since: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Gate {
    fn of(scope: &Scope, filter: &Filter) -> Self {
        let mut marks = Vec::new();
        if let Some(agency) = scope.agency() {
            marks.push(format!("({} | {})", lexeme(&format!(":g{agency}")), lexeme(&format!(":q{agency}"))));
        }
        if let Some(agency) = filter.agency {
            marks.push(lexeme(&format!(":g{}", agency.0)));
        }
        if let Some(office) = scope.office() {
            marks.push(lexeme(&format!(":o{office}")));
        }
        if !scope.confided() {
            marks.extend(
                Visibility::ALL
                    .into_iter()
                    .filter(|grade| grade.is_confidential())
                    .map(|grade| format!("!{}", lexeme(&format!(":v{}", grade.as_str())))),
            );
        }
        if let Some(category) = &filter.category {
            marks.push(lexeme(&format!(":c{category}")));
        }
        if let Some(area) = &filter.area {
            let part = if matches!(area.len(), 4 | 7 | 10) { "" } else { ":*" };
            marks.push(format!("{}{part}", lexeme(&format!(":a{area}"))));
        }
        if let Some((adapter, account)) = &filter.channel {
            marks.push(lexeme(&format!(":k{adapter} {account}")));
        }
        if filter.danger {
            marks.push(lexeme(":x"));
        }
        if let Some(visibility) = filter.visibility {
            marks.push(lexeme(&format!(":v{}", visibility.as_str())));
        }
        Self { marks, since: filter.opened_since, before: filter.opened_before }
    }

    fn query(&self, words: Option<&str>) -> String {
        words.map(ToOwned::to_owned).into_iter().chain(self.marks.iter().cloned()).collect::<Vec<_>>().join(" & ")
    }

    /// Only what passes, of a statement about `c`, a complaint.
    fn close(&self, query: &mut QueryBuilder<Postgres>) {
        if !self.marks.is_empty() {
            query.push(" and exists (select from complaint_words w where w.complaint = c.id and w.words @@ ");
            query.push_bind(self.query(None)).push("::tsquery)");
        }
        self.when(query);
    }

    fn when(&self, query: &mut QueryBuilder<Postgres>) {
        if let Some(since) = self.since {
            query.push(" and c.opened_at >= ").push_bind(at(since));
        }
        if let Some(before) = self.before {
            query.push(" and c.opened_at < ").push_bind(at(before));
        }
    }
}

/// A lexeme as a query says it.
fn lexeme(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// One word as the index knows it; each list holds alternatives, written as queries.
#[derive(Default)]
struct Term {
    words: Vec<String>,
    near: Vec<String>,
    names: Vec<String>,
    areas: Vec<String>,
}

impl Term {
    fn exact(&self) -> Vec<String> {
        [&self.words, &self.names, &self.areas].into_iter().flatten().cloned().collect()
    }

    fn loose(&self) -> Vec<String> {
        self.exact().into_iter().chain(self.near.iter().cloned()).collect()
    }
}

fn any_of(alternatives: &[String]) -> Option<String> {
    (!alternatives.is_empty()).then(|| format!("({})", alternatives.join(" | ")))
}

/// Every term by one of its alternatives; `None`: there is nothing to look for.
fn all_of(terms: &[Term], alternatives: fn(&Term) -> Vec<String>) -> Option<String> {
    let each: Vec<String> = terms.iter().filter_map(|term| any_of(&alternatives(term))).collect();
    (!each.is_empty()).then(|| each.join(" & "))
}

/// The stems of words, and what is nearly like them.
async fn terms(db: &PgPool, sought: &Sought) -> Result<Vec<Term>> {
    let words = &sought.words[..sought.words.len().min(MOST_WORDS)];
    let spelled: Vec<(usize, &str)> = words
        .iter()
        .enumerate()
        .flat_map(|(place, word)| std::iter::once(&word.typed).chain(&word.spellings).map(move |text| (place, text.as_str())))
        .collect();
    let texts: Vec<String> = spelled.iter().map(|(_, text)| (*text).to_owned()).collect();
    let stems = sqlx::query!(
        r#"select tsvector_to_array(to_tsvector('indonesian', text)) as "stems!" from unnest($1::text[]) with ordinality as asked (text, place) order by place"#,
        &texts
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut terms: Vec<Term> = words.iter().map(|_| Term::default()).collect();
    for ((place, _), row) in spelled.iter().zip(&stems) {
        if !row.stems.is_empty() {
            let stems: Vec<String> = row.stems.iter().map(|stem| lexeme(stem)).collect();
            terms[*place].words.push(if let [one] = &stems[..] { one.clone() } else { format!("({})", stems.join(" & ")) });
        }
    }
    for (term, word) in terms.iter_mut().zip(words) {
        term.areas = word.areas.iter().map(|code| lexeme(&format!(":a{code}"))).collect();
        let name: String = word.typed.to_lowercase().chars().filter(|c| c.is_alphanumeric()).take(40).collect();
        if sought.names && !name.is_empty() {
            term.names = ring()?.name_marks(&name).iter().map(|mark| lexeme(&format!(":n{mark}"))).collect();
        }
    }
    terms.retain(|term| !term.loose().is_empty());
    nearly(db, &mut terms).await?;
    Ok(terms)
}

/// What Indonesian puts before a word. A mistyped word keeps it: there is no word behind it that the stemmer knows.
const PREFIXES: [&str; 12] = ["ber", "ter", "meng", "mem", "men", "me", "peng", "pem", "pen", "pe", "di", "se"];

/// A stem, and what it is without what may be put before it.
fn roots(stem: &str) -> impl Iterator<Item = &str> {
    let bare = PREFIXES.iter().filter_map(move |prefix| stem.strip_prefix(prefix)).filter(|root| root.len() >= 4);
    std::iter::once(stem).chain(bare)
}

/// Adds known words that are a slip of the finger away, or begin with what was typed.
async fn nearly(db: &PgPool, terms: &mut [Term]) -> Result<()> {
    let first = |term: &Term| term.words.first().map(|stem| stem.trim_matches('\'').to_owned()).unwrap_or_default();
    let stems: Vec<String> = terms.iter().map(first).collect();
    let asked: Vec<(usize, &str)> = stems.iter().enumerate().flat_map(|(place, stem)| roots(stem).map(move |root| (place, root))).collect();
    let roots: Vec<String> = asked.iter().map(|(_, root)| (*root).to_owned()).collect();
    let rows = sqlx::query!(
        r#"select asked.place as "place!", near.word as "word!"
        from unnest($1::text[]) with ordinality as asked (stem, place)
        cross join lateral (
          (select word from known_word where word % asked.stem order by similarity(word, asked.stem) desc, word limit $2)
          union
          (select word from known_word where word like asked.stem || '%' order by word limit $2)
        ) near
        where asked.stem ~ '^[a-z]{4,30}$'"#,
        &roots,
        MOST_NEAR
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    for row in rows {
        let Some((place, root)) = usize::try_from(row.place - 1).ok().and_then(|place| asked.get(place)) else { continue };
        let slips = if root.len() <= 5 { 1 } else { 2 };
        let near = row.word.starts_with(root) || strsim::osa_distance(root, &row.word) <= slips;
        let word = lexeme(&row.word);
        if near && row.word != stems[*place] && !terms[*place].near.contains(&word) {
            terms[*place].near.push(word);
        }
    }
    Ok(())
}

/// What was found: how well it fits, and why.
#[derive(Default)]
struct Candidates {
    ids: HashMap<Uuid, (i64, Vec<Why>)>,
    all: bool,
    cut: bool,
}

/// A number or a contact says more than any word.
const BY_NUMBER: i64 = 1_000;

impl Candidates {
    fn add(&mut self, ids: Vec<Uuid>, why: Why) {
        self.cut |= ids.len() > MOST;
        for id in ids.into_iter().take(MOST) {
            let entry = self.ids.entry(id).or_default();
            entry.0 += BY_NUMBER;
            entry.1.push(why);
        }
        self.all = !self.cut;
    }

    fn add_words(&mut self, found: Vec<(Uuid, i64)>) {
        self.cut |= found.len() > MOST;
        for (id, fit) in found.into_iter().take(MOST) {
            let entry = self.ids.entry(id).or_default();
            entry.0 = entry.0 / BY_NUMBER * BY_NUMBER + fit;
        }
        self.all = !self.cut;
    }

    fn ranked(&self) -> Vec<(i64, Uuid)> {
        let mut ranked: Vec<(i64, Uuid)> = self.ids.iter().map(|(id, (fit, _))| (*fit, *id)).collect();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        ranked
    }
}

async fn by_number(db: &PgPool, gate: &Gate, number: &str) -> Result<Vec<Uuid>> {
    let mut query = QueryBuilder::new("select c.id from complaint c where c.reference like ");
    query.push_bind(format!("{number}%"));
    gate.close(&mut query);
    query.push(" order by c.reference limit ").push_bind(limit());
    query.build_query_scalar().persistent(false).fetch_all(db).await.map_err(StoreError::from_sqlx)
}

fn limit() -> i64 {
    i64::try_from(MOST).unwrap_or(i64::MAX) + 1
}

/// Complaints of somebody with this address.
async fn by_contact(db: &PgPool, gate: &Gate, contact: &Address) -> Result<Vec<Uuid>> {
    let pseudonyms = ring()?.pseudonyms(contact);
    // `array` and `offset 0`: the few that are somebody's are gathered first, by index, however many complaints the planner thinks that one citizen has.
    let mut query =
        QueryBuilder::new("select c.id from complaint c where c.id = any(array(select same.id from citizen_address a cross join lateral (");
    query.push("select complaint.id from complaint where complaint.citizen = a.citizen offset 0) same where a.address = any(");
    query.push_bind(pseudonyms.clone());
    query.push(") union select said.complaint from (select m.complaint from message m where m.contact <> '{}' and m.contact && ");
    query.push_bind(pseudonyms).push(" offset 0) said where said.complaint is not null))");
    // Who wrote in secret is asked for at the complaint, with a reason; nobody finds it by that.
    query.push(" and c.visibility in ('public', 'hidden')");
    gate.close(&mut query);
    query.push(" order by c.id desc limit ").push_bind(limit());
    query.build_query_scalar().persistent(false).fetch_all(db).await.map_err(StoreError::from_sqlx)
}

/// The newest complaints that these words fit, with how many of the words fit as they were typed.
async fn by_words(db: &PgPool, gate: &Gate, words: &str, terms: &[Term], now: Timestamp) -> Result<Vec<(Uuid, i64)>> {
    let typed: Vec<String> = terms.iter().filter_map(|term| any_of(&term.exact())).collect();
    let newest = gate.before.map_or(now, |before| before.min(now)) + SignedDuration::from_hours(24);
    let mut reach = Some(Reach::NEAREST);
    loop {
        let asked = match reach {
            Some(reach) => format!("{} & {}", gate.query(Some(words)), reach.marks(newest)),
            None => gate.query(Some(words)),
        };
        let mut query = QueryBuilder::new("select kept.complaint, (select count(*) from unnest(");
        query.push_bind(typed.clone());
        // `offset 0`: what fits is gathered first. Walking back through all complaints until enough fit would never end for words that do not meet.
        query.push("::text[]::tsquery[]) as one where kept.words @@ one) as fit from (select fitting.complaint from (select w.complaint from complaint_words w");
        if gate.since.is_some() || gate.before.is_some() {
            query.push(" join complaint c on c.id = w.complaint");
        }
        query.push(" where w.words @@ ").push_bind(asked).push("::tsquery");
        gate.when(&mut query);
        query.push(" offset 0) as fitting order by fitting.complaint desc limit ").push_bind(limit());
        query.push(") as newest join complaint_words kept on kept.complaint = newest.complaint order by kept.complaint desc");
        let found: Vec<(Uuid, i64)> = query.build_query_as().persistent(false).fetch_all(db).await.map_err(StoreError::from_sqlx)?;
        match reach.filter(|_| found.len() <= MOST) {
            Some(looked) => reach = looked.further(found.len(), limit()),
            None => return Ok(found),
        }
    }
}

type Page<'a> = (&'a [(i64, Uuid)], Option<Cursor>, Option<Cursor>);

fn page(ranked: &[(i64, Uuid)], from: Start, most: usize) -> Page<'_> {
    let place = |cursor: Cursor| ranked.partition_point(|(fit, id)| (*fit, *id) > (cursor.rank(), cursor.id()));
    let first = match from {
        Start::Top => 0,
        Start::After(cursor) => {
            let place = place(cursor);
            if ranked.get(place).is_some_and(|(fit, id)| (*fit, *id) == (cursor.rank(), cursor.id())) { place + 1 } else { place }
        }
        Start::Before(cursor) => place(cursor).saturating_sub(most),
    };
    let last = (first + most).min(ranked.len());
    let shown = &ranked[first.min(last)..last];
    let cursor = |one: Option<&(i64, Uuid)>| one.map(|(fit, id)| Cursor::of_rank(*fit, *id));
    let newer = if first > 0 { cursor(shown.first()) } else { None };
    let older = if last < ranked.len() { cursor(shown.last()) } else { None };
    (shown, newer, older)
}

#[derive(FromRow)]
struct Read {
    #[sqlx(flatten)]
    found: Found,
    by_words: Option<bool>,
    by_near: Option<bool>,
    by_name: Option<bool>,
    by_area: Option<bool>,
    marked: String,
}

/// Around what fits; no citizen can type them, because they are taken out of the text first.
const BEGIN: char = '\u{2}';
const END: char = '\u{3}';

/// What is shown of a page.
async fn read(db: &PgPool, scope: &Scope, terms: &[Term], found: &Candidates, shown: &[(i64, Uuid)]) -> Result<Vec<Hit>> {
    if shown.is_empty() {
        return Ok(Vec::new());
    }
    let list = |which: fn(&Term) -> &Vec<String>| any_of(&terms.iter().flat_map(which).cloned().collect::<Vec<_>>());
    let (words, near) = (list(|term| &term.words), list(|term| &term.near));
    let text = any_of(&[words.clone(), near.clone()].into_iter().flatten().collect::<Vec<_>>());
    let ids: Vec<Uuid> = shown.iter().map(|(_, id)| *id).collect();
    let mut query = QueryBuilder::new(
        "select c.id, c.reference, c.status, d.agency, d.work, s.name as officer, d.deadline, c.opened_at, c.category, c.area, c.place, \
         left(c.text, 200) as words, c.visibility, coalesce(not d.responsible, false) as helps, c.adapter, c.account, c.danger, c.why -> 'held' as held, c.opened_at as sort_at, c.id as sort_id, \
         exists (select from attachment a join message m on m.id = a.message where m.complaint = c.id and a.kind = 'image') as has_photo, w.words @@ ",
    );
    query.push_bind(words).push("::tsquery as by_words, w.words @@ ").push_bind(near).push("::tsquery as by_near, w.words @@ ");
    query.push_bind(list(|term| &term.names)).push("::tsquery as by_name, w.words @@ ");
    query.push_bind(list(|term| &term.areas)).push("::tsquery as by_area, ");
    query.push(
        "ts_headline('indonesian', translate(left(concat_ws(' · ', c.text, c.place, (select string_agg(m.text, ' · ' order by m.sent_at) \
        from message m where m.complaint = c.id and m.text <> c.text)), 20000), ",
    );
    query.push_bind(format!("{BEGIN}{END}")).push(", ''), coalesce(").push_bind(text).push("::tsquery, ''::tsquery), ");
    query.push_bind(format!("StartSel={BEGIN}, StopSel={END}, MaxFragments=2, MinWords=12, MaxWords=26, FragmentDelimiter=\" … \""));
    query.push(") as marked from unnest(").push_bind(ids);
    query.push(
        "::uuid[]) with ordinality as asked (id, place) join complaint c on c.id = asked.id join complaint_words w on w.complaint = c.id \
        left join lateral (select * from dispatch d where d.complaint = c.id",
    );
    if let Some(agency) = scope.agency() {
        query.push(" and d.agency = ").push_bind(agency);
    }
    query.push(
        " order by d.work in ('open', 'in_progress', 'awaiting_citizen') desc, d.given_at desc, d.id limit 1) d on true \
        left join staff s on s.id = d.officer order by asked.place",
    );
    let rows: Vec<Read> = query.build_query_as().persistent(false).fetch_all(db).await.map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(|row| hit(row, found)).collect()
}

fn hit(read: Read, found: &Candidates) -> Result<Hit> {
    let row = into_row(read.found)?;
    let mut why = found.ids.get(&row.complaint.0).map(|(_, why)| why.clone()).unwrap_or_default();
    let others = [(read.by_words, Why::Words), (read.by_near, Why::Nearly), (read.by_name, Why::Name), (read.by_area, Why::Area)];
    why.extend(others.into_iter().filter(|(fits, _)| *fits == Some(true)).map(|(_, why)| why));
    // Nearly the same word beside the very word is no reason of its own.
    if why.contains(&Why::Words) {
        why.retain(|why| *why != Why::Nearly);
    }
    Ok(Hit { row, why, pieces: pieces(&read.marked) })
}

fn pieces(marked: &str) -> Vec<(String, bool)> {
    let mut pieces = Vec::new();
    for part in marked.split(BEGIN) {
        match part.split_once(END) {
            Some((fits, rest)) => pieces.extend([(fits.to_owned(), true), (rest.to_owned(), false)]),
            None => pieces.push((part.to_owned(), false)),
        }
    }
    pieces.retain(|(text, _)| !text.is_empty());
    pieces
}
