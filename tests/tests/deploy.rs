//! What lies in `deploy/` is understood by the programs, and leaves no adapter out.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn the_settings_in_deploy_are_understood_by_their_programs() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let secret = folder.path().join("secret");
    fs::write(&secret, "only-for-this-test").expect("a file can be written");
    for adapter in adapters() {
        let settings = with_secrets(&Path::new("../deploy/adapters").join(format!("{adapter}.toml")), &secret, folder.path());
        let program = tests::built("muara").with_file_name(format!("adapter-{adapter}"));
        check(Command::new(program).args(["check", "--config"]).arg(&settings));
    }
    let settings = with_secrets(Path::new("../deploy/muara.toml"), &secret, folder.path());
    check(Command::new(tests::built("muara")).arg("--config").arg(&settings).arg("check"));
}

#[test]
fn who_reads_only_the_first_lines_of_a_command_sees_no_panic() {
    let (reader, writer) = std::io::pipe().expect("a pipe can be made");
    drop(reader);
    let ended = Command::new(tests::built("muara")).args(["check", "--defaults"]).stdout(writer).output().expect("it can be started");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(13), "ended by SIGPIPE");
}

#[test]
fn each_adapter_has_settings_a_container_and_a_credential() {
    let read = |name: &str| fs::read_to_string(Path::new("../deploy").join(name)).expect("the file is there");
    let compose = read("compose.yml");
    for adapter in adapters() {
        assert!(Path::new("../deploy/adapters").join(format!("{adapter}.toml")).exists(), "deploy/adapters/{adapter}.toml is missing");
        assert!(compose.contains(&format!("\n  adapter-{adapter}:\n")), "deploy/compose.yml has no service adapter-{adapter}");
        let secret = format!("  nats-{adapter}: {{ file: secrets/adapter-{adapter}.nk }}\n");
        assert!(compose.contains(&secret), "deploy/compose.yml does not hand adapter-{adapter} its credential: {secret}");
    }
}

#[test]
fn a_folder_of_secrets_is_made_once_and_kept() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let script = folder.path().join("make-secrets");
    fs::copy("../deploy/make-secrets", &script).expect("the script can be copied");
    fs::create_dir(folder.path().join("adapters")).expect("a folder can be made");
    for adapter in adapters() {
        fs::write(folder.path().join(format!("adapters/{adapter}.toml")), "").expect("a file can be written");
    }
    let made = || {
        check(Command::new("bash").arg(&script).env("MUARA", tests::built("muara")));
        let read = |name: &str| fs::read_to_string(folder.path().join("secrets").join(name)).expect("the secret is there");
        (read("accounts.conf"), read("muara.nk"), read("postgres-password"), read("vault-keys"))
    };
    let first = made();
    let public = fs::read_to_string(folder.path().join("secrets/muara.pub")).expect("the public key is there");
    assert!(first.0.contains(&format!("nkey: {}", public.trim())), "the server and the core have to agree");
    for adapter in adapters() {
        assert!(folder.path().join(format!("secrets/adapter-{adapter}.nk")).exists(), "adapter-{adapter} has no credential");
    }
    assert_eq!(made(), first, "a second run changed secrets that are in use");
}

/// Every crate that is an adapter's program.
fn adapters() -> Vec<String> {
    let crates = fs::read_dir("../crates").expect("the folder is there").flatten();
    let programs = crates.filter(|entry| entry.path().join("src/main.rs").exists());
    let names: Vec<String> = programs.filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix("adapter-")?.to_owned())).collect();
    assert!(names.len() >= 3, "only {names:?} were found");
    names
}

/// A copy of the settings in which every file of a secret is one that exists.
fn with_secrets(settings: &Path, secret: &Path, folder: &Path) -> PathBuf {
    let text = fs::read_to_string(settings).unwrap_or_else(|error| panic!("{}: {error}", settings.display()));
    // Keys are read, and not only handed on.
    let keys = folder.join("keys");
    fs::write(&keys, tests::VAULT).expect("a file can be written");
    let lines = text.lines().map(|line| match line.split_once("_file = ") {
        Some(("keys", _)) => format!("keys_file = {:?}\n", keys.display().to_string()),
        Some((key, _)) => format!("{key}_file = {:?}\n", secret.display().to_string()),
        None => format!("{line}\n"),
    });
    let copy = folder.join(settings.file_name().expect("it is a file"));
    fs::write(&copy, lines.collect::<String>()).expect("a file can be written");
    copy
}

fn check(command: &mut Command) {
    let said = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(said.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
}
