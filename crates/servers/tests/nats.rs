//! A private NATS server: started, killed, looked after.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
};

use servers::{Nats, NatsOptions, Sync, testing};

fn greeting(nats: &Nats) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", nats.port())).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line)
}

#[test]
fn it_listens_with_jetstream_and_keeps_its_port_over_a_kill() {
    let mut nats = testing::nats();
    let url = nats.url();
    assert!(greeting(&nats).unwrap().contains("\"jetstream\":true"));
    nats.kill9();
    assert!(greeting(&nats).is_none(), "nobody answers");
    nats.restart().unwrap();
    assert_eq!(nats.url(), url);
    assert!(greeting(&nats).is_some());
}

#[test]
fn ten_at_once_do_not_take_each_others_ports() {
    let mut ports: Vec<u16> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..10).map(|_| scope.spawn(testing::nats)).collect();
        let servers: Vec<_> = started.into_iter().map(|thread| thread.join().unwrap()).collect();
        servers.iter().map(|nats| nats.port()).collect()
    });
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 10);
}

#[test]
fn a_configuration_with_accounts_and_synced_writes_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let config = "authorization { users: [{ user: someone, password: \"not-a-secret\" }] }\n".to_owned();
    let nats = Nats::start(folder.path(), NatsOptions { sync: Sync::Always, config, ..NatsOptions::default() }).unwrap();
    assert!(greeting(&nats).unwrap().contains("\"auth_required\":true"));
}

#[test]
fn a_configuration_that_is_wrong_is_refused_in_the_servers_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let options = NatsOptions { config: "no_such_option: 1\n".to_owned(), ..NatsOptions::default() };
    let refusal = Nats::start(folder.path(), options).unwrap_err().to_string();
    assert!(refusal.contains("no_such_option"), "{refusal}");
}

#[test]
fn who_may_come_is_read_anew_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!servers::set_nats_users(folder.path(), "").unwrap(), "none runs yet");
    let options = NatsOptions { config: format!("include {:?}\n", servers::NATS_USERS), ..NatsOptions::default() };
    let mut nats = Nats::start(folder.path(), options).unwrap();
    let asks = || greeting(&nats).is_some_and(|line| line.contains("\"auth_required\":true"));
    assert!(!asks());
    let users = "authorization { users = [ { user: \"one\", password: \"only-for-this-test\" } ] }\n";
    assert!(servers::set_nats_users(folder.path(), users).unwrap(), "one runs");
    let mut tries = 0;
    while !asks() {
        tries += 1;
        assert!(tries < 600, "the server did not read its users");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    nats.stop();
    assert!(!servers::set_nats_users(folder.path(), users).unwrap(), "none runs any more");
    nats.restart().unwrap();
    assert!(greeting(&nats).unwrap().contains("\"auth_required\":true"), "and the next one reads them too");
}
