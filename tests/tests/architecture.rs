//! Who may know whom. Each failure says which arrow is wrong and where the rule is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The crates of the core and what each may know. An adapter is not listed: what it may know is the same for all of them.
/// A new arrow is a decision: write it down in `docs/decisions/` and here.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("incoming", &[]),
    ("outgoing", &[]),
    ("servers", &[]),
    ("settings", &[]),
    ("bus", &["model"]),
    ("store", &["model"]),
    ("triage", &["model"]),
    ("measure", &["model", "triage"]),
    ("ui", &["model"]),
    ("intake", &["bus", "model", "store", "triage"]),
    ("oidc", &["model", "outgoing"]),
    ("dispatch", &["bus", "model", "outgoing", "store"]),
    ("watch", &["bus", "model", "store"]),
    ("web", &["bus", "incoming", "model", "oidc", "store", "triage", "ui", "watch"]),
    ("adapter-sdk", &["bus", "incoming", "model", "outgoing", "settings"]),
    ("adapter-testkit", &["adapter-sdk", "servers"]),
    (
        "muara",
        &[
            "bus", "dispatch", "incoming", "intake", "measure", "model", "oidc", "outgoing", "servers", "settings", "store", "triage",
            "watch", "web",
        ],
    ),
];

/// What an adapter may know, and what its tests may know besides.
const ADAPTERS_KNOW: &[&str] = &["adapter-sdk", "ui"];
const ADAPTERS_TEST_WITH: &[&str] = &["adapter-testkit"];

/// Crates outside the product: they may know whom they like, because nothing that is installed depends on them.
const OUTSIDE: &[&str] = &["simulator", "tests", "xtask"];

/// A library, and the only crates that may name it.
const KEPT_TO: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("jiff-sqlx", &["store"]),
    ("async-nats", &["bus"]),
    ("reqwest", &["outgoing", "simulator", "tests"]),
    ("lettre", &["dispatch", "adapter-email"]),
    ("webauthn-rs", &["web"]),
];

/// `model` is words and rules: none of these may be anywhere below it.
const NOT_BELOW_MODEL: &[&str] = &["tokio", "futures", "futures-util", "async-trait", "hyper", "axum", "async-std", "smol"];

/// Names of adapters that are the name of something else too, where that is meant: `(adapter, crate)`, "*" for all.
const SAME_WORD: &[(&str, &str)] = &[("web", "*"), ("email", "store"), ("x", "muara"), ("x", "adapter-email")];

#[test]
fn each_crate_knows_only_whom_it_may() {
    let workspace = workspace();
    let ours: BTreeSet<&str> = workspace.iter().map(|package| package.name.as_str()).collect();
    for package in workspace.iter().filter(|package| !OUTSIDE.contains(&package.name.as_str())) {
        let name = package.name.as_str();
        let allowed = if is_adapter(name) {
            ADAPTERS_KNOW
        } else {
            ARROWS
                .iter()
                .find(|(known, _)| *known == name)
                .map_or_else(|| panic!("the crate {name} is new: say in ARROWS of {} whom it may know", file!()), |(_, allowed)| *allowed)
        };
        for known in needs(package, DependencyKind::Normal).intersection(&ours) {
            assert!(
                allowed.contains(known),
                "{name} must not depend on {known}: it may know {allowed:?} (docs/decisions/0001-crates-and-arrows.md)"
            );
        }
    }
}

#[test]
fn an_adapter_tests_with_the_testkit_and_nothing_else_of_ours() {
    let workspace = workspace();
    let ours: BTreeSet<&str> = workspace.iter().map(|package| package.name.as_str()).collect();
    for adapter in workspace.iter().filter(|package| is_adapter(&package.name)) {
        for known in needs(adapter, DependencyKind::Development).intersection(&ours) {
            let allowed = ADAPTERS_KNOW.contains(known) || ADAPTERS_TEST_WITH.contains(known);
            assert!(allowed, "the tests of {} must not depend on {known}: what they need comes through adapter-testkit", adapter.name);
        }
    }
}

#[test]
fn nothing_that_is_installed_depends_on_what_is_not() {
    for package in workspace().iter().filter(|package| !OUTSIDE.contains(&package.name.as_str())) {
        for outside in OUTSIDE {
            assert!(
                !needs(package, DependencyKind::Normal).contains(outside),
                "{} must not depend on {outside}, which is for trying and testing",
                package.name
            );
        }
    }
}

#[test]
fn a_library_is_named_only_by_the_crate_it_is_kept_to() {
    for package in workspace() {
        let all: BTreeSet<&str> = package.dependencies.iter().map(|dependency| dependency.name.as_str()).collect();
        for (library, keepers) in KEPT_TO.iter().filter(|(library, _)| all.contains(library)) {
            assert!(
                keepers.contains(&package.name.as_str()),
                "{} must not depend on {library}: only {keepers:?} may. Say what you need as a function there",
                package.name
            );
        }
    }
}

#[test]
fn model_stands_on_nothing_asynchronous() {
    let metadata = resolved();
    let names: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let below: BTreeMap<_, Vec<_>> = metadata
        .resolve
        .iter()
        .flat_map(|resolve| &resolve.nodes)
        .map(|node| {
            let normal = node.deps.iter().filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            (&node.id, normal.map(|dependency| &dependency.pkg).collect())
        })
        .collect();
    let model = metadata.packages.iter().find(|package| package.name.as_str() == "model").expect("model is there");
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![(&model.id, "model".to_owned())]);
    while let Some((id, road)) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        let name = names[id];
        assert!(!NOT_BELOW_MODEL.contains(&name), "model must not reach {name}, and does: {road}");
        waiting.extend(below[id].iter().map(|next| (*next, format!("{road} → {}", names[*next]))));
    }
    assert!(seen.len() > 5, "the tree of model was not walked");
}

#[test]
fn no_crate_names_an_adapter() {
    let workspace = workspace();
    let adapters: Vec<&str> = workspace
        .iter()
        .filter_map(|package| package.name.strip_prefix("adapter-"))
        .filter(|name| is_adapter(&format!("adapter-{name}")))
        .collect();
    assert!(adapters.len() >= 3, "only {adapters:?} were found");
    for package in &workspace {
        let name = package.name.as_str();
        // The testkit is no part of what is installed, and its examples are called as things are called.
        if OUTSIDE.contains(&name) || name == "adapter-testkit" {
            continue;
        }
        for file in sources(&folder(package).join("src")) {
            let code = code(&fs::read_to_string(&file).expect("a source file is text"));
            for adapter in adapters.iter().filter(|adapter| name != format!("adapter-{adapter}")) {
                if let Some(line) = code.lines().find(|line| names_it(line, adapter, name)) {
                    panic!(
                        "{} names the adapter {adapter}: `{}`. A new adapter must need no edit elsewhere: use what the channel, the event or the announcement says",
                        file.display(),
                        line.trim()
                    );
                }
            }
        }
    }
}

#[test]
fn a_new_adapter_needs_no_edit_elsewhere() {
    let root = root();
    let elsewhere = tempfile::tempdir().expect("a folder can be made");
    let copy = elsewhere.path();
    fs::create_dir(copy.join("crates")).expect("a folder can be made");
    fs::copy(root.join("Cargo.toml"), copy.join("Cargo.toml")).expect("the manifest can be copied");
    std::os::unix::fs::symlink(root.join("tests"), copy.join("tests")).expect("a link can be made");
    for entry in fs::read_dir(root.join("crates")).expect("crates can be listed").flatten() {
        std::os::unix::fs::symlink(entry.path(), copy.join("crates").join(entry.file_name())).expect("a link can be made");
    }
    let fifteenth = copy.join("crates/adapter-fifteenth");
    fs::create_dir_all(fifteenth.join("src")).expect("a folder can be made");
    let manifest = "[package]\nname = \"adapter-fifteenth\"\nversion.workspace = true\nedition.workspace = true\n\n[dependencies]\nadapter-sdk.workspace = true\n";
    fs::write(fifteenth.join("Cargo.toml"), manifest).expect("a manifest can be written");
    fs::write(fifteenth.join("src/main.rs"), "fn main() {}\n").expect("a source can be written");
    let said = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(copy)
        .output()
        .expect("cargo is there");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let found = String::from_utf8_lossy(&said.stdout).contains("\"name\":\"adapter-fifteenth\"");
    assert!(found, "crates/adapter-fifteenth is not part of the workspace: members has to be a glob");
}

/// The rules above would be worth nothing if they could not see a breach.
#[test]
fn a_breach_is_seen() {
    assert!(names_it(r#"if name == "whatsapp" {"#, "whatsapp", "intake"));
    assert!(names_it("use adapter_whatsapp::wire;", "whatsapp", "intake"));
    assert!(names_it(r#"["adapter-web"]"#, "web", "intake"), "the crate's own name is no ordinary word");
    assert!(!names_it(r#"Role { name: "web" }"#, "web", "muara"), "web is also a part of the core");
    assert!(!names_it("a whatsapp_like_name()", "whatsapp", "intake"));
    let source = "fn a() {} // \"whatsapp\"\n/// \"whatsapp\"\nfn b() {}\n#[cfg(test)]\nmod tests { const A: &str = \"whatsapp\"; }\n";
    assert!(!code(source).contains("whatsapp"), "examples in comments and tests name adapters freely");
}

/// Whether a line of code speaks of this adapter: as its crate, or as a whole word in quotes.
fn names_it(line: &str, adapter: &str, in_crate: &str) -> bool {
    let module = adapter.replace('-', "_");
    let crate_name = line.contains(&format!("adapter-{adapter}")) || line.contains(&format!("adapter_{module}"));
    let same_word = SAME_WORD.iter().any(|(word, place)| *word == adapter && (*place == "*" || *place == in_crate));
    crate_name || (!same_word && line.contains(&format!("\"{adapter}\"")))
}

/// The code of a source file: without comments and without the tests at its end.
fn code(source: &str) -> String {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    product.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn is_adapter(name: &str) -> bool {
    name.starts_with("adapter-") && !ARROWS.iter().any(|(known, _)| *known == name)
}

fn needs(package: &Package, kind: DependencyKind) -> BTreeSet<&str> {
    package.dependencies.iter().filter(|dependency| dependency.kind == kind).map(|dependency| dependency.name.as_str()).collect()
}

fn folder(package: &Package) -> PathBuf {
    package.manifest_path.parent().expect("a manifest lies in a folder").as_std_path().to_owned()
}

/// Debian 12 has Node.js 18, and a machine that sets itself up has no newer one.
#[test]
fn npm_packages_ask_for_no_newer_node_than_debian_has() {
    const DEBIANS: u32 = 18;
    for lock in ["crates/ui/front/package-lock.json", "tests/browser/package-lock.json"] {
        let text = fs::read_to_string(root().join(lock)).expect("the lock file can be read");
        let lock: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
        let packages = lock["packages"].as_object().expect("has packages");
        assert!(packages.len() > 1, "packages are listed");
        for (name, package) in packages {
            let Some(asked) = package["engines"]["node"].as_str() else { continue };
            let fits = |range: &str| {
                let major: String =
                    range.trim_start_matches(|c: char| !c.is_ascii_digit()).chars().take_while(char::is_ascii_digit).collect();
                major.parse().is_ok_and(|major: u32| major <= DEBIANS)
            };
            assert!(asked.split("||").any(fits), "{name} asks for node {asked}, Debian 12 has {DEBIANS}");
        }
    }
}

/// The Rust files below a folder; those called `tests.rs` aside, which are the tests of the file beside them.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "tests" {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && entry.file_name() != "tests.rs" {
            found.push(path);
        }
    }
    found
}

/// Words in backticks with this many low lines are names of tests.
const LOW_LINES: usize = 3;

#[test]
fn every_test_that_the_pages_on_reliability_and_security_name_exists() {
    let is_test = |word: &&str| {
        word.matches('_').count() >= LOW_LINES
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let all = every_source(&root().join("crates")).into_iter().chain(every_source(&root().join("tests")));
    let text: String = all.filter_map(|path| fs::read_to_string(path).ok()).collect();
    for page in ["docs/reliability.md", "docs/security.md"] {
        let words = fs::read_to_string(root().join(page)).expect("the page is there");
        let named: BTreeSet<&str> = words.split('`').skip(1).step_by(2).filter(is_test).collect();
        assert!(named.len() > 30, "{page}: {named:?}");
        let missing: Vec<&&str> = named.iter().filter(|name| !text.contains(&format!("fn {name}("))).collect();
        assert!(missing.is_empty(), "{page} names tests that are not there: {missing:?}");
    }
}

/// Tests included.
fn every_source(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.file_name() != "node_modules");
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.map(|entry| entry.path()).partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| every_source(folder));
    files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")).chain(below).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace").to_owned()
}

fn workspace() -> Vec<Package> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("cargo can read the workspace");
    metadata.packages
}

/// With all packages below, for the platform that we are on: those of others need not be here.
fn resolved() -> Metadata {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let options = ["--filter-platform".to_owned(), platform, "--locked".to_owned()];
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).other_options(options).exec().expect("cargo can resolve the workspace")
}
