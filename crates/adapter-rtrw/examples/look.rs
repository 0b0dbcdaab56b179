//! The pages of the import without a bus, to look at in a browser: `cargo run -p adapter-rtrw --example look -- 8108`. Prints a token to sign in with.

use std::{sync::Arc, time::Duration};

use adapter_rtrw::ChatImport;
use adapter_sdk::{
    Adapter, ClerkToken, Door, DoorDirectory, Http, Pages, Settings, Timestamp,
    model::{Role, StaffId},
    outgoing::Limits,
    spool::{Spool, SpoolOptions},
};
use adapter_testkit::{StaffKey, small_city};
use jiff::SignedDuration;
use uuid::Uuid;

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).and_then(|port| port.parse::<u16>().ok()).unwrap_or(8108);
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings::<<ChatImport as Adapter>::Config>::from_toml(ChatImport::DEFAULTS).expect("a configuration");
    let adapter = ChatImport::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("an adapter");
    let spool = Spool::open(SpoolOptions::new(folder.path(), 64 << 20, Duration::from_mins(1))).expect("a spool");
    let door = Door::new(ChatImport::NAME.parse().expect("a name"), spool, 64 << 20);
    door.learn(DoorDirectory { staff_key: StaffKey::new(3).public(), ..small_city(ChatImport::NAME) }, None);
    #[expect(clippy::disallowed_methods, reason = "a token must be valid while somebody looks")]
    let expires_at = Timestamp::now() + SignedDuration::from_hours(8);
    let clerk = ClerkToken {
        staff: StaffId(Uuid::from_u128(1)),
        name: "Sari".into(),
        role: Role::Triage,
        office: String::new(),
        expires_at,
        generation: 0,
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
    println!("http://127.0.0.1:{port}/ {}", StaffKey::new(3).sign(&clerk));
    adapter_sdk::axum::serve(listener, Arc::new(adapter).pages(door)).await.expect("it serves");
}
