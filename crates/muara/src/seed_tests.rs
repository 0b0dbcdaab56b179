use model::{AgencyId, Case, Point, Routing, Rule, Timestamp, clock::Calendar, route};
use tempfile::TempDir;
use triage::triage;

use super::*;

fn jakarta() -> Seed {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/directory/jakarta")).expect("the starting directory is right")
}

/// The directory as the database would give it back.
fn directory(seed: &Seed) -> (Directory, Atlas) {
    let ids: BTreeMap<&str, AgencyId> =
        seed.agencies.iter().map(|agency| (agency.code.as_str(), AgencyId::new(Timestamp::UNIX_EPOCH))).collect();
    let rules = (1..).zip(&seed.rules).map(|(number, (category, area, agency))| Rule {
        category: category.clone(),
        area: area.clone(),
        ..Rule::new(number, ids[agency.as_str()])
    });
    let directory = Directory {
        areas: seed.areas.iter().map(|(area, _)| (area.code.clone(), area.clone())).collect(),
        categories: seed.categories.iter().map(|category| (category.code.clone(), category.clone())).collect(),
        rules: rules.collect(),
        calendar: Calendar { holidays: seed.holidays.iter().map(|off| (off.day, off.name.clone())).collect(), ..Calendar::default() },
        ..Directory::default()
    };
    let outlines: Vec<(String, String)> =
        seed.areas.iter().filter_map(|(area, outline)| Some((area.code.clone(), outline.clone()?))).collect();
    let atlas = Atlas::new(&directory, &outlines);
    (directory, atlas)
}

#[test]
fn jakarta_is_whole() {
    let seed = jakarta();
    let of = |digits| seed.areas.iter().filter(|(area, _)| area.code.len() == digits).count();
    assert_eq!([of(2), of(4), of(7), of(10)], [1, 6, 44, 267]);
    assert!(seed.areas.iter().all(|(area, outline)| (area.code.len() == 10) == outline.is_some()), "every kelurahan has an outline");
    let joint = seed.holidays.iter().filter(|off| off.name.starts_with("Cuti bersama")).count();
    assert_eq!((seed.holidays.len(), joint), (25, 8));
    assert!(seed.limits.iter().all(|limit| !limit.limit.verified && limit.limit.source_en.is_some()), "nobody read the rules' own text");
    for stage in Stage::ALL {
        assert!(seed.limits.iter().any(|limit| limit.limit.stage == stage), "{stage:?} has a limit");
    }
}

#[test]
fn every_category_of_jakarta_finds_an_agency_somewhere_in_it() {
    let (directory, _) = directory(&jakarta());
    for code in directory.categories.keys() {
        let found = route(&Case { category: Some(code), area: Some("3171090003"), ..Case::default() }, &directory.rules);
        assert!(matches!(found, Routing::To { .. }), "{code}");
    }
    assert_eq!(
        route(&Case { area: Some("3171090003"), ..Case::default() }, &directory.rules),
        Routing::Triage,
        "what nobody named waits for a person"
    );
}

#[test]
fn jakarta_understands_how_citizens_write() {
    let (directory, atlas) = directory(&jakarta());
    let cases = [
        ("Jl. Tebet Timur Dalam rusak parah & berlubang, tolong diperbaiki min", "road"),
        ("PJU di gang 3 mati sdh 2 minggu, gelap bgt", "street_light"),
        ("lampu merah perempatan mati semua", "traffic_signal"),
        ("sampah menumpuk blm diangkut dari hari senin", "waste"),
        ("Got mampet, airnya meluap ke jalan, bau", "drainage"),
        ("banjir lagi di rt 05, air masuk rumah", "flood"),
        ("AIR PAM MATI DARI PAGI", "clean_water"),
        ("ada pohon besar miring takut tumbang", "tree"),
        ("mobil parkir liar di depan rumah saya tiap malam", "parking"),
        ("PKL jualan di trotoar bikin macet", "street_vendor"),
        ("Trotoarnya ditempati pedagang kaki lima", "street_vendor"),
        ("kapan KTP saya jadi? sudah 3 bulan blanko habis", "civil_registry"),
        ("kami belum dapat bansos padahal terdaftar dtks", "social"),
        ("tetangga karaoke sampai jam 2 pagi berisik sekali", "public_order"),
        ("dimintai uang pungli oleh oknum petugas", "conduct"),
        ("tolong fogging dong, banyak yg kena dbd", "health"),
        ("kabel semrawut menjuntai di depan sekolah", "cables"),
        ("pohon tumbang kena kabel", "tree"),
        ("selamat pagi admin", ""),
        ("the street light on our street is broken", "street_light"),
    ];
    for (text, expected) in cases {
        let found = triage(text, None, None, None, None, &directory, &atlas);
        assert_eq!(found.category.as_deref().unwrap_or_default(), expected, "{text} {:?}", found.why.category);
    }
}

#[test]
fn jakarta_knows_its_places() {
    let (directory, atlas) = directory(&jakarta());
    let at = |lat, lon| Point::new(lat, lon).and_then(|point| atlas.area_at(point)).map(|code| directory.area_path(code));
    assert_eq!(at(-6.1754, 106.8272).as_deref(), Some("Gambir, Gambir, Kota Jakarta Pusat"), "the National Monument");
    assert_eq!(at(-6.2263, 106.8583).as_deref(), Some("Tebet Timur, Tebet, Kota Jakarta Selatan"), "Tebet station");
    assert_eq!(at(-7.2575, 112.7521), None, "Surabaya");

    let named = |text: &str| triage(text, None, None, None, None, &directory, &atlas).area.map(|code| directory.area_path(&code));
    for (text, expected) in [
        ("banjir di kel. Petojo Utara", Some("Petojo Utara, Gambir, Kota Jakarta Pusat")),
        ("sampah numpuk di pasar minggu jaksel", Some("Pasar Minggu, Kota Jakarta Selatan")),
        ("jalan rusak kelurahan kebon jeruk", Some("Kebon Jeruk, Kebon Jeruk, Kota Jakarta Barat")),
        ("lampu mati di Setia Budi", Some("Setia Budi, Kota Jakarta Selatan")),
        ("jalan sudirman macet", None),
    ] {
        assert_eq!(named(text).as_deref(), expected, "{text}");
    }
}

/// A small right directory, with one file replaced.
fn folder(file: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        ("areas.toml", "31 = \"Provinsi\"\n3171 = \"Kota\""),
        ("agencies.toml", "[[agency]]\ncode = \"a\"\nname = \"A\""),
        ("categories.toml", "[[category]]\ncode = \"road\"\nid = \"Jalan\"\nen = \"Road\""),
        ("rules.toml", "[[rule]]\ncategory = \"road\"\narea = \"3171\"\nagency = \"a\""),
        ("limits.toml", "[[limit]]\nworking_days = 5\nsource = \"x\"\nverified = true"),
        ("channels.toml", "[[channel]]\nadapter = \"chat\"\naccount = \"1\"\nlabel = \"Chat\"\nfrom = 2026-01-01"),
    ];
    for (name, right) in files.into_iter().chain([("outlines.geojson", r#"{"features":[]}"#)]) {
        let content = if name == file { text } else { right };
        fs::write(folder.path().join(name), content).expect("a file");
    }
    if file.starts_with("holidays") {
        fs::write(folder.path().join(file), text).expect("a file");
    }
    folder
}

#[test]
fn a_small_directory_is_enough() {
    let seed = read(folder("", "").path()).expect("it is right");
    assert_eq!((seed.areas.len(), seed.holidays.len(), seed.limits[0].limit.source.as_str()), (2, 0, "x"));
}

#[test]
fn what_contradicts_itself_is_refused_and_named() {
    let cases = [
        ("areas.toml", "31 = \"P\"\n3271 = \"K\"", "3271 lies in 32"),
        ("areas.toml", "31 = \"P\"\n3171 = \"K\"\n317 = \"X\"", "317 has not"),
        ("agencies.toml", "[[agency]]\ncode = \"b\"\nname = \"B\"", "rules.toml: there is no a"),
        ("agencies.toml", "[[agency]]\ncode = \"a\"\nname = \"A\"\n[[agency]]\ncode = \"a\"\nname = \"B\"", "a is there twice"),
        ("agencies.toml", "[[agency]]\ncode = \"a\"\nname = \"A\"\nsend = \"pigeon\"", "nothing is sent by `pigeon`"),
        ("agencies.toml", "[[agency]]\ncode = \"a\"\nname = \"A\"\nsend = \"email\"", "needs a target"),
        ("agencies.toml", "[[agency]]\ncode = \"a\"\nname = \"A\"\nphone = \"1\"", "agencies.toml is not as it should be"),
        ("rules.toml", "[[rule]]\ncategory = \"roads\"\nagency = \"a\"", "rules.toml: there is no roads"),
        ("rules.toml", "[[rule]]\nagency = \"a\"\n[[rule]]\nagency = \"a\"", "is there twice"),
        ("channels.toml", "[[channel]]\nadapter = \"Chat\"\naccount = \"1\"\nlabel = \"C\"\nfrom = 2026-01-01", "channels.toml"),
        ("channels.toml", "[[channel]]\nadapter = \"c\"\naccount = \"1\"\nlabel = \"C\"\nfrom = 2026-01-01T00:00:00", "is no date"),
        ("outlines.geojson", r#"{"features":[{"properties":{"code":"32"},"geometry":{}}]}"#, "32 is the code of no area"),
        ("outlines.geojson", r#"{"features":[{"properties":{"code":"31"},"geometry":{}}]}"#, "the outline of 31 is no polygon"),
        ("outlines.geojson", "[", "is not a GeoJSON"),
        ("limits.toml", "[[limit]]\nsource = \"x\"\nverified = true", "needs one of"),
        ("limits.toml", "[[limit]]\ndays = 1\nhours = 1\nsource = \"x\"\nverified = true", "needs one of"),
        ("limits.toml", "[[limit]]\ndays = 1\naccount = \"1\"\nsource = \"x\"\nverified = true", "without its adapter"),
        ("limits.toml", "[[limit]]\ndays = 1\nkind = \"gossip\"\nsource = \"x\"\nverified = true", "there is no kind gossip"),
        ("limits.toml", "[[limit]]\ndays = 1\nstage = \"end\"\nsource = \"x\"\nverified = true", "limits.toml is not as it should be"),
        (
            "limits.toml",
            "[[limit]]\ndays = 1\nsource = \"x\"\nverified = true\nfrom = 2026-02-01\nuntil = 2026-01-01",
            "ends before it begins",
        ),
        ("holidays-2026.toml", "[[holiday]]\nday = 2026-01-01\nname = \"x\"", "holidays-2026.toml is not as it should be"),
    ];
    for (file, text, expected) in cases {
        let problem = read(folder(file, text).path()).expect_err(text).to_string();
        assert!(problem.contains(expected), "{file}: {problem} does not say {expected}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let folder = folder("", "");
    fs::remove_file(folder.path().join("rules.toml")).expect("removed");
    let problem = read(folder.path()).expect_err("it is missing").to_string();
    assert!(problem.contains("rules.toml"), "{problem}");
}

#[test]
fn jakarta_knows_which_kelurahan_touch() {
    let (directory, atlas) = directory(&jakarta());
    let named = |name: &str| directory.areas.values().find(|area| area.name == name).map(|area| area.code.clone()).expect("is there");
    let beside = |name: &str| {
        let mut touching: Vec<&str> = atlas.neighbours(&named(name)).map(|code| directory.areas[code].name.as_str()).collect();
        touching.sort_unstable();
        touching
    };
    assert_eq!(beside("Cikini"), ["Gondangdia", "Kebon Sirih", "Kenari", "Kwitang", "Menteng", "Pegangsaan"]);
    assert_eq!(beside("Pulau Pari"), Vec::<&str>::new(), "an island touches nobody");
    assert!(atlas.touch(&named("Tebet Timur"), &named("Cikoko")) && !atlas.touch(&named("Tebet Timur"), &named("Cikini")));
    let alone = directory.areas.keys().filter(|code| code.len() == 10 && atlas.neighbours(code).next().is_none()).count();
    assert_eq!(alone, 6, "the islands");
}
