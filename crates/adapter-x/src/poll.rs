//! What is new on X: mentions, the hashtag, direct messages; and what of the old is gone.
//!
//! The cursor is the number of the newest post that is safe with us, for each way of finding. It moves only over what was read without a
//! gap: pages run from the newest post back to the cursor, and where that does not end within one look, the cursor holds the rest as a window
//! that the next look goes on with. A number is compared, not looked up, so it does not matter whether its post still exists.

use std::time::Duration;

use adapter_sdk::{Batch, Bytes, FetchError, Item, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use crate::{
    Account, X,
    api::{Call, Endpoint, NoAnswer},
    budget::For,
    parse::{gone_id, header, id_at, made_at, way},
    send::count,
    thread::{is_id, order},
    wire::{Answer, Meta, Post},
};

/// Posts of a page: X's most.
const PAGE: &str = "100";
/// Pages in one look.
const PAGES: usize = 8;
/// Posts that one look-up takes.
const LOOK_UP: usize = 100;
/// Posts that are watched for being taken back, the newest.
const WATCHED: usize = 5000;
/// Recent search reaches back seven days; a little less, for clocks.
const SEARCH_REACHES: Duration = Duration::from_mins(7 * 24 * 60 - 10);
/// A mention timeline holds its 800 newest posts.
const TIMELINE_HOLDS: usize = 800;

const POST_FIELDS: &str = "attachments,author_id,conversation_id,created_at,edit_history_tweet_ids,entities,geo,in_reply_to_user_id,lang,note_tweet,referenced_tweets";
const POST_EXPANSIONS: &str = "author_id,attachments.media_keys,geo.place_id,referenced_tweets.id";
const MEDIA_FIELDS: &str = "alt_text,duration_ms,media_key,preview_image_url,type,url,variants";

/// Where we are, as the SDK keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    #[serde(default)]
    mentions: Mark,
    #[serde(default)]
    hashtags: Mark,
    #[serde(default)]
    directs: Mark,
    /// Posts that are looked up again, and how often they were.
    #[serde(default)]
    watched: Vec<(String, usize)>,
}

/// Where we are in one way of finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Everything up to this number is safe; empty before the first look.
    #[serde(default)]
    since: String,
    /// A look that did not reach `since` yet.
    #[serde(default)]
    rest: Option<Rest>,
}

/// What is still to be read of a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rest {
    /// The newest of that look: what `since` becomes when it is through.
    newest: String,
    /// The oldest so far: on with what is older.
    oldest: String,
}

/// A page of anything, whole: what is in it is passed on as it came.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<Map<String, Value>>,
    #[serde(default)]
    includes: Map<String, Value>,
    #[serde(default)]
    meta: Option<Meta>,
}

/// A way of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Mentions,
    Hashtags,
    Directs,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Mentions => way::MENTION,
            Self::Hashtags => way::HASHTAG,
            Self::Directs => way::DIRECT,
        }
    }
}

/// What one look in one way found.
struct Look {
    items: Vec<(String, Item)>,
    mark: Mark,
    more: bool,
    /// It ended early.
    trouble: Option<FetchError>,
}

impl X {
    /// Looks once in every way that the account is configured for.
    pub(crate) async fn look(&self, user_id: &str, cursor: Option<Vec<u8>>, now: Timestamp) -> Result<Batch, FetchError> {
        let account = self.account(user_id).ok_or_else(|| FetchError::Gone("no such account is configured".into()))?;
        self.budget.allow(For::Reading, now).await.map_err(|wait| FetchError::Throttled(Some(wait)))?;
        let mut cursor = read(cursor.as_deref());
        let before = cursor.clone();
        let mut batch = Batch::default();
        let mut trouble = None;
        for way in ways(account) {
            let mark = match way {
                Way::Mentions => &mut cursor.mentions,
                Way::Hashtags => &mut cursor.hashtags,
                Way::Directs => &mut cursor.directs,
            };
            let look = self.look_in(account, way, mark.clone(), now).await;
            *mark = look.mark;
            batch.more |= look.more;
            trouble = trouble.or(look.trouble);
            for (id, item) in look.items {
                if way != Way::Directs {
                    watch(&mut cursor.watched, id);
                }
                batch.items.push(item);
            }
        }
        match self.look_again(account, &mut cursor.watched, now).await {
            Ok(gone) => batch.items.extend(gone),
            Err(error) => trouble = trouble.or(Some(error)),
        }
        let moved = cursor != before;
        match trouble {
            Some(error) if !moved && batch.items.is_empty() => return Err(error),
            Some(error) => {
                warn!(account = %account.name(), error = &error as &dyn std::error::Error, "Not every way of looking for posts worked; the others did.");
            }
            None => {}
        }
        if moved {
            batch.cursor = Some(serde_json::to_vec(&cursor).map_err(|error| FetchError::Later(error.into()))?);
        }
        Ok(batch)
    }

    /// Pages from the newest back to the mark.
    async fn look_in(&self, account: &Account, way: Way, mark: Mark, now: Timestamp) -> Look {
        let since = self.since(way, &mark, now);
        let until = mark.rest.as_ref().map(|rest| rest.oldest.clone());
        let mut rest = mark.rest.clone();
        let mut items: Vec<(String, Item)> = Vec::new();
        let mut token: Option<String> = None;
        let mut ended = false;
        let mut trouble = None;
        for _ in 0..PAGES {
            let page = match self.page(account, way, &since, until.as_deref(), token.as_deref(), now).await {
                Ok(page) => page,
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
            };
            let found = fresh(page.data, &since);
            // Direct messages cannot be asked for by number: the pages end where the known ones begin.
            let reached = way == Way::Directs && found.known;
            for (id, data) in found.posts {
                rest = Some(Rest {
                    newest: rest.as_ref().map_or_else(|| id.clone(), |rest| later(&rest.newest, &id)),
                    oldest: rest.as_ref().map_or_else(|| id.clone(), |rest| earlier(&rest.oldest, &id)),
                });
                items.push((id, item(account, way, data, &page.includes)));
            }
            token = page.meta.and_then(|meta| meta.next_token).filter(|token| !token.is_empty());
            if token.is_none() || reached {
                ended = true;
                break;
            }
        }
        if way == Way::Mentions && ended && !mark.since.is_empty() && items.len() >= TIMELINE_HOLDS {
            warn!(account = %account.name(), "The mention timeline ended before the last known post: older mentions may be missing. Search for them on X and enter them by hand.");
        }
        items.sort_by(|a, b| order(&a.0).cmp(&order(&b.0)));
        let mark = match rest {
            None => Mark { since: if mark.since.is_empty() && ended { since } else { mark.since }, rest: None },
            Some(rest) if ended => Mark { since: later(&rest.newest, &mark.since), rest: None },
            rest => Mark { since: mark.since, rest },
        };
        let more = !ended && trouble.is_none();
        Look { items, mark, more, trouble }
    }

    /// After which number to look. The first look begins a while ago; a search that reaches too far back is refused, so the gap is told.
    fn since(&self, way: Way, mark: &Mark, now: Timestamp) -> String {
        if mark.since.is_empty() {
            return id_at(now.checked_sub(self.config.begin).unwrap_or(Timestamp::UNIX_EPOCH));
        }
        let earliest = id_at(now.checked_sub(SEARCH_REACHES).unwrap_or(Timestamp::UNIX_EPOCH));
        if way == Way::Hashtags && order(&mark.since) < order(&earliest) {
            let missing = made_at(&mark.since).map(|at| at.to_string()).unwrap_or_default();
            warn!(
                from = missing,
                "X's search reaches back seven days only: posts with the hashtag before that are missing. Search for them on X and enter them by hand."
            );
            return earliest;
        }
        mark.since.clone()
    }

    async fn page(
        &self,
        account: &Account,
        way: Way,
        since: &str,
        until: Option<&str>,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Page, FetchError> {
        self.budget.allow(For::Reading, now).await.map_err(|wait| FetchError::Throttled(Some(wait)))?;
        let search = account.search();
        let mut query = vec![("max_results", PAGE), ("media.fields", MEDIA_FIELDS), ("user.fields", "id,name,username")];
        let (endpoint, path, token_name): (_, Vec<&str>, _) = match way {
            Way::Mentions => (Endpoint::Mentions, vec!["users", &account.user_id, "mentions"], "pagination_token"),
            Way::Hashtags => {
                query.push(("query", &search));
                (Endpoint::Search, vec!["tweets", "search", "recent"], "next_token")
            }
            Way::Directs => (Endpoint::DirectRead, vec!["dm_events"], "pagination_token"),
        };
        if way == Way::Directs {
            query.push(("event_types", "MessageCreate"));
            query.push((
                "dm_event.fields",
                "attachments,created_at,dm_conversation_id,entities,event_type,referenced_tweets,sender_id,text",
            ));
            query.push(("expansions", "sender_id,attachments.media_keys"));
        } else {
            query.extend([
                ("tweet.fields", POST_FIELDS),
                ("expansions", POST_EXPANSIONS),
                ("place.fields", "full_name,id"),
                ("since_id", since),
            ]);
        }
        // On with an earlier look: the tokens of X are not kept, they die. Within one look the end stays where it was, as tokens demand.
        query.extend(until.filter(|_| way != Way::Directs).map(|until| ("until_id", until)));
        query.extend(token.map(|token| (token_name, token)));
        let call = Call { endpoint, path: &path, query: &query, body: None };
        let answer = self.api.ask(account, call, now).await.map_err(NoAnswer::into_fetch)?;
        let page: Page = answer.json().map_err(|error| FetchError::Later(error.into()))?;
        self.budget.spend(self.price_of(way, &page), now).await;
        Ok(page)
    }

    fn price_of(&self, way: Way, page: &Page) -> f64 {
        let prices = &self.config.prices;
        let of_one = match way {
            Way::Mentions => prices.mention,
            Way::Hashtags => prices.post,
            Way::Directs => prices.direct,
        };
        let referred = |kind: &str| page.includes.get(kind).and_then(Value::as_array).map_or(0.0, |all| count(all.len()));
        of_one * count(page.data.len()) + prices.user * referred("users") + prices.post * referred("tweets")
    }

    /// Looks up the posts whose time has come; those that are gone become one item. X tells nobody when a citizen deletes a post, so
    /// we ask, some times, at growing ages.
    async fn look_again(&self, account: &Account, watched: &mut Vec<(String, usize)>, now: Timestamp) -> Result<Option<Item>, FetchError> {
        let due: Vec<(usize, usize)> = watched
            .iter()
            .enumerate()
            .filter_map(|(at, (id, looks))| Some((at, self.looks_due(id, now)?)).filter(|(_, due)| due > looks))
            .take(LOOK_UP)
            .collect();
        if due.is_empty() {
            return Ok(None);
        }
        let ids = due.iter().map(|(at, _)| watched[*at].0.as_str()).collect::<Vec<_>>().join(",");
        let query = [("ids", ids.as_str())];
        let call = Call { endpoint: Endpoint::Lookup, path: &["tweets"], query: &query, body: None };
        let answer = self.api.ask(account, call, now).await.map_err(NoAnswer::into_fetch)?;
        let found: Answer<Post> = answer.json().map_err(|error| FetchError::Later(error.into()))?;
        self.budget.spend(self.config.prices.post * count(found.data.len()), now).await;
        let gone: Vec<String> = found.errors.iter().filter_map(gone_id).filter(|id| watched.iter().any(|(known, _)| known == id)).collect();
        for (at, looks) in due {
            watched[at].1 = looks;
        }
        let most = self.config.look_again.len();
        watched.retain(|(id, looks)| *looks < most && !gone.contains(id));
        if gone.is_empty() {
            return Ok(None);
        }
        info!(account = %account.name(), posts = gone.len(), "Posts were taken back on X.");
        let errors: Vec<Value> = gone
            .iter()
            .map(|id| json!({ "resource_type": "tweet", "resource_id": id, "type": "https://api.x.com/2/problems/resource-not-found" }))
            .collect();
        Ok(Some(Item { headers: headers(account, way::GONE), body: Bytes::from(json!({ "errors": errors }).to_string()) }))
    }

    /// How often a post should have been looked up by now; `None` for what is no post's number.
    fn looks_due(&self, id: &str, now: Timestamp) -> Option<usize> {
        let age = now.duration_since(made_at(id)?);
        Some(self.config.look_again.iter().filter(|after| age >= **after).count())
    }
}

fn ways(account: &Account) -> impl Iterator<Item = Way> {
    let hashtags = (!account.hashtags.is_empty()).then_some(Way::Hashtags);
    let directs = account.direct_messages.then_some(Way::Directs);
    [Some(Way::Mentions), hashtags, directs].into_iter().flatten()
}

/// A cursor that cannot be read is as none: some posts are read twice, and known again.
fn read(cursor: Option<&[u8]>) -> Cursor {
    let Some(bytes) = cursor else { return Cursor::default() };
    serde_json::from_slice(bytes).unwrap_or_else(|_| {
        warn!("The cursor cannot be read; looking begins anew.");
        Cursor::default()
    })
}

/// What of a page is new.
struct Fresh {
    posts: Vec<(String, Map<String, Value>)>,
    /// Something in it was not.
    known: bool,
}

fn fresh(data: Vec<Map<String, Value>>, since: &str) -> Fresh {
    let mut known = false;
    let posts = data.into_iter().filter_map(|post| {
        // X promises a number with everything. What has none cannot be told from what we have.
        let id = post.get("id").and_then(Value::as_str).filter(|id| is_id(id))?.to_owned();
        let new = order(&id) > order(since);
        known |= !new;
        new.then_some((id, post))
    });
    let posts = posts.collect();
    Fresh { posts, known }
}

fn later(a: &str, b: &str) -> String {
    if order(a) >= order(b) { a.to_owned() } else { b.to_owned() }
}

fn earlier(a: &str, b: &str) -> String {
    if order(a) <= order(b) { a.to_owned() } else { b.to_owned() }
}

/// One post with what it refers to, as X would give it alone.
fn item(account: &Account, way: Way, post: Map<String, Value>, includes: &Map<String, Value>) -> Item {
    let post = Value::Object(post);
    let names = names_in(&post);
    let mut own = Map::new();
    for (kind, all) in includes {
        let Some(all) = all.as_array() else { continue };
        let its: Vec<Value> = all.iter().filter(|thing| is_named(thing, &names)).cloned().collect();
        if !its.is_empty() {
            own.insert(kind.clone(), Value::Array(its));
        }
    }
    let alone = Map::from_iter([("data".to_owned(), post), ("includes".to_owned(), Value::Object(own))]);
    Item { headers: headers(account, way.word()), body: Bytes::from(Value::Object(alone).to_string()) }
}

fn headers(account: &Account, way: &str) -> Vec<(String, String)> {
    vec![(header::ACCOUNT.to_owned(), account.user_id.clone()), (header::WAY.to_owned(), way.to_owned())]
}

/// Everything in a post that may name something included: its short texts.
fn names_in(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.len() <= 64 => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(names_in).collect(),
        Value::Object(all) => all.values().flat_map(names_in).collect(),
        _ => Vec::new(),
    }
}

fn is_named(thing: &Value, names: &[String]) -> bool {
    ["id", "media_key"].iter().filter_map(|key| thing.get(key)?.as_str()).any(|name| names.iter().any(|known| known == name))
}

/// Puts a post among the watched; the oldest make room.
fn watch(watched: &mut Vec<(String, usize)>, id: String) {
    if watched.iter().any(|(known, _)| *known == id) {
        return;
    }
    watched.push((id, 0));
    if watched.len() > WATCHED {
        watched.remove(0);
    }
}
