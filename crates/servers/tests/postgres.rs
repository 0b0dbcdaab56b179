//! A private PostgreSQL: made, found again, stopped, killed, looked after.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use servers::{Durability, Error, Postgres, PostgresOptions, testing};

/// A folder that the server's user can enter.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode can be set");
    folder
}

fn start(folder: &Path) -> Result<Postgres, Error> {
    Postgres::start_with(folder, &PostgresOptions { durability: Durability::Throwaway, ..PostgresOptions::default() })
}

#[test]
fn a_second_start_finds_the_databases_of_the_first() {
    let folder = folder();
    let mut first = start(folder.path()).unwrap();
    assert!(first.create_database("muara").unwrap(), "it is new");
    first.stop();
    assert!(!first.running());
    drop(first);
    let second = start(folder.path()).unwrap();
    assert!(!second.create_database("muara").unwrap(), "it was there already");
}

#[test]
fn it_comes_back_after_kill_9_with_what_it_had() {
    let folder = folder();
    let mut server = start(folder.path()).unwrap();
    server.create_database("muara").unwrap();
    server.kill9();
    assert!(server.create_database("other").is_err(), "nobody answers");
    server.restart().unwrap();
    assert!(!server.create_database("muara").unwrap());
}

#[test]
fn a_supervised_server_that_dies_is_started_again() {
    let folder = folder();
    let mut server = start(folder.path()).unwrap();
    server.supervise();
    let pid = fs::read_to_string(folder.path().join("cluster/postmaster.pid")).unwrap();
    let number = pid.lines().next().unwrap();
    assert!(Command::new("kill").args(["-9", number]).status().unwrap().success());
    // It is back when it answers and not as the old process; the watch looks five times a second.
    let back = (0..600).any(|_| {
        thread::sleep(Duration::from_millis(50));
        fs::read_to_string(folder.path().join("cluster/postmaster.pid")).is_ok_and(|now| now.lines().next() != Some(number))
            && server.create_database("again").is_ok()
    });
    assert!(back, "the server was not started again");
    server.stop();
    assert!(!server.running(), "a server that was stopped stays so");
}

#[test]
fn two_servers_in_one_folder_are_refused_in_a_sentence() {
    let folder = folder();
    let _first = start(folder.path()).unwrap();
    let refusal = start(folder.path()).unwrap_err().to_string();
    assert!(refusal.contains("another process is using it"), "{refusal}");
}

#[test]
fn a_long_path_still_gets_a_socket() {
    let folder = folder();
    let deep = folder.path().join("a-folder-with-a-long-name-".repeat(5));
    let server = start(&deep).unwrap();
    assert!(server.socket_folder().as_os_str().len() < 100);
    assert!(server.create_database("muara").unwrap());
}

#[tokio::test]
async fn each_test_has_its_own_copy_of_what_was_prepared_once() {
    let prepare = |url: String| async move {
        assert!(url.contains("fresh"), "{url}");
        Ok::<(), Error>(())
    };
    let (first, second) = futures::join!(testing::database("twice", prepare), testing::database("twice", prepare));
    assert_ne!(first.url(), second.url());
    let third = testing::database("twice", |_| async {
        Err(Error::Refused { statement: "prepare".to_owned(), message: "it was done already".to_owned() })
    });
    let _third = third.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_databases_at_once_are_made_and_dropped() {
    let made = futures::future::join_all((0..40).map(|_| tokio::spawn(testing::empty_database()))).await;
    let mut names: Vec<String> = made.iter().map(|database| database.as_ref().unwrap().name().to_owned()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 40);
}
