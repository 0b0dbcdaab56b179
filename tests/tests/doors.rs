//! `docs/openapi` says which doors there are. Each failure names the route, method or field that is in one place only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A description, and the sources whose routes it has: every `.route("…", …)` in them.
const DESCRIBED: &[(&str, &[&str])] = &[
    ("muara", &["crates/web/src/lib.rs", "crates/ui/src/assets.rs"]),
    ("figures", &["crates/muara/src/metrics.rs"]),
    ("form", &["crates/adapter-web/src/pages.rs", "crates/ui/src/assets.rs", "crates/adapter-sdk/src/server.rs"]),
    ("desk", &["crates/adapter-desk/src/pages.rs", "crates/ui/src/assets.rs", "crates/adapter-sdk/src/server.rs"]),
    ("import", &["crates/adapter-rtrw/src/pages.rs", "crates/ui/src/assets.rs", "crates/adapter-sdk/src/server.rs"]),
    ("whatsapp", &["crates/adapter-sdk/src/webhook.rs", "crates/adapter-sdk/src/server.rs"]),
    ("sms", &["crates/adapter-sdk/src/webhook.rs", "crates/adapter-sdk/src/server.rs"]),
    ("telegram", &["crates/adapter-sdk/src/webhook.rs", "crates/adapter-sdk/src/server.rs"]),
    ("adapter", &["crates/adapter-sdk/src/server.rs"]),
];

/// Crates that open doors of ours and where; a new one is described, and then named here.
const OUTSIDE: &[&str] = &["crates/simulator/", "crates/adapter-testkit/"];

/// Whose fields a description names.
const FIELDS_OF: &[(&str, &str)] =
    &[("muara", "crates/web"), ("form", "crates/adapter-web"), ("desk", "crates/adapter-desk"), ("import", "crates/adapter-rtrw")];

/// Addresses that have a name in the code.
const NAMED: &[(&str, &str)] = &[("model::desk::SEARCH", model::desk::SEARCH), ("model::desk::UNDELIVERED", model::desk::UNDELIVERED)];

type Doors = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_route_and_method_is_described_and_no_other() {
    for (name, sources) in DESCRIBED {
        let mut written = Doors::new();
        for source in *sources {
            for (path, methods) in routes(&read(source)) {
                written.entry(path).or_default().extend(methods);
            }
        }
        assert!(!written.is_empty(), "{name}: no route was found in {sources:?}");
        assert_eq!(described(name), written, "left: docs/openapi/{name}.yaml; right: {sources:?}");
    }
}

#[test]
fn every_file_with_routes_is_in_a_description_and_every_description_is_tested() {
    let known: BTreeSet<&str> = DESCRIBED.iter().flat_map(|(_, sources)| sources.iter().copied()).collect();
    let opening: Vec<String> = sources(&root().join("crates"))
        .iter()
        .filter(|path| !routes(&fs::read_to_string(path).expect("a source")).is_empty())
        .map(|path| path.strip_prefix(root()).expect("below the root").display().to_string())
        .filter(|path| !path.contains("/tests") && !OUTSIDE.iter().any(|outside| path.starts_with(outside)))
        .collect();
    assert_eq!(opening.iter().map(String::as_str).collect::<BTreeSet<_>>(), known, "left: files with routes; right: described");
    let files = fs::read_dir(root().join("docs/openapi")).expect("a folder").flatten();
    let found: BTreeSet<String> = files.map(|file| file.path().file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    assert_eq!(found, DESCRIBED.iter().map(|(name, _)| (*name).to_owned()).collect());
}

#[test]
fn every_field_that_is_described_is_one_that_the_program_reads_or_its_pages_send() {
    for (name, krate) in FIELDS_OF {
        let code: String = ["src", "templates"]
            .iter()
            .flat_map(|folder| sources(&root().join(krate).join(folder)))
            .fold(String::new(), |text, path| text + &fs::read_to_string(path).expect("a source"));
        let fields = fields(name);
        assert!(fields.len() > 5, "{name}: its fields are read: {fields:?}");
        for field in fields {
            let known = [format!("\"{field}\""), format!(" {field}: "), format!("name={field}")].iter().any(|form| code.contains(form));
            assert!(known, "docs/openapi/{name}.yaml names a field {field}, which {krate} does not know");
        }
    }
}

/// The routes of a source: address, and the methods that answer there. `any` takes what platforms use.
fn routes(code: &str) -> Doors {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let calls = code.split(".route(").skip(1).map(whole).filter_map(|call| call.split_once(','));
    let addressed = calls.filter_map(|(address, handlers)| Some((path(address.trim())?, methods(handlers))));
    let mut doors = Doors::new();
    for (path, methods) in addressed.filter(|(_, methods)| !methods.is_empty()) {
        doors.entry(path).or_default().extend(methods);
    }
    doors
}

/// A call up to the bracket that closes it.
fn whole(rest: &str) -> &str {
    let mut open = 1;
    let end = rest.find(|c| {
        open += i32::from(c == '(') - i32::from(c == ')');
        open == 0
    });
    &rest[..end.unwrap_or(rest.len())]
}

/// The address as a description writes it: `{*below}` is a parameter like others.
fn path(address: &str) -> Option<String> {
    let quoted = address.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let named = NAMED.iter().find(|(name, _)| *name == address).map(|(_, path)| *path);
    quoted.or(named).map(|path| path.replace("{*", "{"))
}

fn methods(handlers: &str) -> BTreeSet<String> {
    let words = |name: &str| handlers.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '(').any(|word| word.starts_with(name));
    let mut found: BTreeSet<String> =
        ["get", "post", "put", "patch", "delete"].into_iter().filter(|method| words(&format!("{method}("))).map(str::to_owned).collect();
    if words("any(") {
        found.extend(["get".to_owned(), "post".to_owned()]);
    }
    found
}

/// What a description has below `paths`: an address at two spaces, its methods at four.
fn described(name: &str) -> Doors {
    let mut doors = Doors::new();
    let mut path = String::new();
    for line in paths(&description(name)).lines() {
        let (depth, word) = (line.len() - line.trim_start().len(), line.trim());
        if depth == 2 && word.starts_with('/') {
            word.trim_end_matches(':').clone_into(&mut path);
            doors.entry(path.clone()).or_default();
        }
        if depth == 4 && word != "parameters:" {
            doors.get_mut(&path).expect("a method has an address").insert(word.trim_end_matches(':').to_owned());
        }
    }
    doors
}

/// Names of parameters of queries and of fields of forms.
fn fields(name: &str) -> BTreeSet<String> {
    let text = description(name);
    let of_queries = paths(&text).lines().filter(|line| line.contains("in: query")).filter_map(|line| between(line, "name: ", ","));
    let of_forms = paths(&text).lines().filter(|line| line.starts_with(&" ".repeat(16))).filter_map(|line| between(line.trim(), "", ":"));
    of_queries.chain(of_forms).map(str::to_owned).collect()
}

fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once(after).map(|(word, _)| word)
}

fn paths(text: &str) -> &str {
    let (_, rest) = text.split_once("\npaths:\n").expect("a description has paths");
    rest.split_once("\ncomponents:\n").map_or(rest, |(paths, _)| paths)
}

fn description(name: &str) -> String {
    read(&format!("docs/openapi/{name}.yaml"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|problem| panic!("{file}: {problem}"))
}

/// Every source and template below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let ours = files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs" || end == "html"));
    let below =
        folders.iter().filter(|folder| !folder.ends_with("tests") && !folder.ends_with("node_modules")).flat_map(|folder| sources(folder));
    ours.chain(below).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies below the root")
}
