//! Many more disturbed messages than the contract's, as many as somebody asks for.

use adapter_sdk::{Adapter, Raw};
use proptest::{
    prelude::any,
    sample::Index,
    test_runner::{Config, TestCaseError, TestRunner},
};

use crate::{
    mutate::{Change, changed, changes},
    suite::flaw,
};

/// How many are tried when nobody asks for more.
const USUAL: u32 = 400;

/// How many cases a test tries: `MUARA_FUZZ_CASES`, or some hundreds.
pub fn fuzz_cases() -> u32 {
    std::env::var_os("MUARA_FUZZ_CASES").and_then(|cases| cases.to_str()?.parse().ok()).unwrap_or(USUAL)
}

/// Gives `parse` what these messages could have been: query and body changed, two run into one another. Other changes in every run.
///
/// # Panics
/// When `parse` does, or when what it makes of a message is not whole; with the smallest such message, and how to try it again.
pub fn fuzz<A: Adapter>(adapter: &A, seeds: &[Raw]) {
    let name = A::NAME.parse().expect("an adapter has a name");
    let config = Config { cases: fuzz_cases(), failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let cases = (
        any::<Index>(),
        proptest::option::of((any::<Index>(), any::<Index>(), any::<Index>())),
        changes(),
        proptest::option::of(changes()),
    );
    let tried = TestRunner::new(config).run(&cases, |(seed, other, in_body, in_query)| {
        let raw =
            disturbed(seed.get(seeds), other.map(|(other, from, until)| (other.get(seeds), from, until)), &in_body, in_query.as_deref());
        let events = adapter.parse(&raw).unwrap_or_default();
        events.iter().find_map(|event| flaw(&name, event)).map_or(Ok(()), |flaw| Err(TestCaseError::fail(format!("{flaw}: {raw:?}"))))
    });
    tried.unwrap_or_else(|problem| panic!("{}: {problem}", A::NAME));
}

fn disturbed(seed: &Raw, other: Option<(&Raw, Index, Index)>, in_body: &[Change], in_query: Option<&[Change]>) -> Raw {
    let mut body = seed.body.to_vec();
    if let Some((other, from, until)) = other {
        body.truncate(from.index(body.len() + 1));
        body.extend_from_slice(&other.body[until.index(other.body.len() + 1)..]);
    }
    let query = in_query
        .map_or_else(|| seed.query.clone(), |changes| String::from_utf8_lossy(&changed(seed.query.as_bytes(), changes)).into_owned());
    Raw { query, body: changed(&body, in_body).into(), ..seed.clone() }
}

/// Every recorded message of a folder and of the folders in it.
///
/// # Panics
/// When there is none.
pub fn recorded<A: Adapter>(folder: &str) -> Vec<Raw> {
    let name = A::NAME.parse().expect("an adapter has a name");
    let folders = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    let holds = |folder: &std::path::Path| {
        std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| entry.path().extension().is_some_and(|end| end == "http"))
    };
    let all: Vec<_> = folders.chain([folder.into()]).filter(|folder| holds(folder)).collect();
    assert!(!all.is_empty(), "{folder}: no recorded message");
    all.iter().flat_map(|folder| crate::Fixture::all(folder, None)).map(|fixture| fixture.raw(&name, A::keep_headers())).collect()
}

#[cfg(test)]
mod tests {
    use adapter_sdk::{Timestamp, TraceId};
    use proptest::strategy::{Strategy, ValueTree};

    use super::*;

    fn raw(query: &str, body: &str) -> Raw {
        Raw {
            adapter: "chat".parse().expect("a name"),
            received_at: Timestamp::UNIX_EPOCH,
            trace: TraceId::random(),
            query: query.into(),
            headers: Vec::new(),
            body: body.to_owned().into(),
        }
    }

    #[test]
    fn two_messages_run_into_one_another_and_the_query_changes_too() {
        let mut runner = TestRunner::deterministic();
        let mut index = || any::<Index>().new_tree(&mut runner).map(|tree| tree.current()).expect("an index");
        let (from, until) = (index(), index());
        let (seed, other) = (raw("a=b", "satu"), raw("", "dua"));
        let mixed = disturbed(&seed, Some((&other, from, until)), &[], Some(&[Change::Replace(b"c=%ff".to_vec())]));
        assert_eq!(mixed.query, "c=%ff");
        let (head, tail) = (&"satu"[..from.index(5)], &"dua"[until.index(4)..]);
        assert_eq!(mixed.body, format!("{head}{tail}"));
        assert_eq!(disturbed(&seed, None, &[], None), seed);
    }
}
