//! The real files, and files that nobody should have made.

use std::{collections::BTreeMap, io::Cursor};

use contract::authorization::Role;
use proptest::prelude::*;
use uuid::Uuid;

use super::{Format, Roles, Row, Rules, Verdict, read};

/// The role set of requirement A-02 for S0.
fn roles() -> (Roles, BTreeMap<Uuid, &'static str>) {
    let names = [
        ("admin", "Admin"),
        ("standard user", "Standard User"),
        ("analyst", "Analyst"),
    ];
    let mut list = Vec::new();
    let mut ids = BTreeMap::new();
    for (number, (name, display_name)) in names.into_iter().enumerate() {
        let id = Uuid::from_u128(number as u128 + 1);
        ids.insert(id, name);
        list.push(Role {
            id: id.to_string(),
            name: name.into(),
            display_name: display_name.into(),
            default: name == "standard user",
            aliases: match name {
                "standard user" => vec!["std_user".into()],
                _ => Vec::new(),
            },
            ..Role::default()
        });
    }
    (Roles::new(&list), ids)
}

fn rules() -> Rules {
    Rules {
        roles: roles().0,
        domains: Vec::new(),
    }
}

fn rows(file: &[u8]) -> Result<(Format, Vec<Row>), rpc::Error> {
    let mut all = Vec::new();
    let format = read(&mut Cursor::new(file), &rules(), &mut |rows| {
        all.extend(rows);
        true
    })?;
    Ok((format, all))
}

fn read_ok(file: &[u8]) -> (Format, Vec<Row>) {
    rows(file)
        .map_err(|error| error.message().to_owned())
        .expect("readable")
}

fn state(row: &Row) -> &'static str {
    match (row.judged.verdict, row.duplicate_of) {
        (_, Some(_)) => "duplicate",
        (Verdict::Good, _) => "good",
        (Verdict::Flagged, _) => "flagged",
        (Verdict::Wrong, _) => "wrong",
        (Verdict::Blank, _) => "blank",
    }
}

/// Every count and every line of a file is as its `.expected.json` says.
fn agrees(name: &str) -> Format {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data");
    let file = std::fs::read(format!("{folder}/{name}.csv")).expect("the file");
    let text = std::fs::read_to_string(format!("{folder}/{name}.expected.json"))
        .expect("what is expected");
    let expected: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let (format, rows) = read_ok(&file);

    let mut counts = BTreeMap::<&str, u64>::new();
    let mut by_role = BTreeMap::<&str, u64>::new();
    let mut default_group = 0;
    let mut not_good = Vec::new();
    for row in &rows {
        let state = state(row);
        *counts.entry(state).or_default() += 1;
        if state != "good" {
            not_good.push(serde_json::json!([row.line, state]));
        }
        if state == "good" || state == "flagged" {
            *by_role
                .entry(roles().1[&row.judged.role_id.expect("a role")])
                .or_default() += 1;
            default_group += u64::from(row.judged.default_group);
        }
    }
    for state in ["good", "flagged", "wrong", "duplicate", "blank"] {
        assert_eq!(expected[state], counts[state], "{state}");
    }
    assert_eq!(expected["roles"], serde_json::json!(by_role));
    assert_eq!(expected["default_group"], default_group);
    assert_eq!(expected["users"], counts["good"] + counts["flagged"]);
    assert_eq!(
        expected["not_good_lines"],
        serde_json::Value::Array(not_good)
    );
    format
}

#[test]
fn people_of_an_office_with_windows() {
    assert_eq!(
        agrees("people"),
        Format {
            encoding: "windows-1252",
            delimiter: ';',
            byte_order_mark: false
        }
    );
}

#[test]
fn people_with_a_byte_order_mark() {
    assert_eq!(
        agrees("people-utf8-bom"),
        Format {
            encoding: "UTF-8",
            delimiter: ',',
            byte_order_mark: true
        }
    );
}

const HEADER: &str = "E-Mail;Vorname;Nachname;Rolle;Standardgruppe\r\n";

fn lines_of(file: &str) -> Vec<(u32, &'static str)> {
    read_ok(file.as_bytes())
        .1
        .iter()
        .map(|row| (row.line, state(row)))
        .collect()
}

#[test]
fn lines_are_counted_through_quotes_and_blank_lines() {
    for line_end in ["\r\n", "\n", "\r"] {
        let file = format!(
            "{HEADER}a@b.c;\"Anna\r\nMaria\";Adam;;\r\n\r\nb@b.c;B;B;;\r\n   \r\n\"c@b.c\";\"C \"\"x\"\"\";C;;\r\nd@b.c;D;D"
        )
        .replace("\r\n", line_end);
        let expected = [
            (2, "wrong"),
            (4, "blank"),
            (5, "good"),
            (6, "blank"),
            (7, "good"),
            (8, "good"),
        ];
        assert_eq!(lines_of(&file), expected, "{line_end:?}");
    }
}

#[test]
fn encodings_are_told_apart() {
    let text = format!("{HEADER}a@b.c;Jürgen;Größe;;WAHR\r\n");
    let utf16 = |mark: bool, to: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = if mark {
            format!("\u{feff}{text}")
        } else {
            text.clone()
        };
        text.encode_utf16().flat_map(to).collect()
    };
    let latin: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).expect("latin"))
        .collect();
    let files = [
        (text.clone().into_bytes(), "UTF-8", false),
        (format!("\u{feff}{text}").into_bytes(), "UTF-8", true),
        (latin, "windows-1252", false),
        (utf16(true, u16::to_le_bytes), "UTF-16LE", true),
        (utf16(true, u16::to_be_bytes), "UTF-16BE", true),
        (utf16(false, u16::to_le_bytes), "UTF-16LE", false),
    ];
    for (file, encoding, byte_order_mark) in files {
        let (format, rows) = read_ok(&file);
        assert_eq!(
            (format.encoding, format.byte_order_mark),
            (encoding, byte_order_mark)
        );
        assert_eq!(rows[0].judged.fields.first_name, "Jürgen", "{encoding}");
        assert!(rows[0].judged.default_group, "{encoding}");
    }
}

#[test]
fn delimiters_are_told_apart() {
    for delimiter in [';', ',', '\t', '|'] {
        let file = format!("{HEADER}a@b.c;\"A,;|\tA\";A;admin;TRUE\r\n")
            .replace(';', &delimiter.to_string());
        let (format, rows) = read_ok(file.as_bytes());
        assert_eq!(format.delimiter, delimiter);
        assert_eq!(rows.len(), 1);
    }
    let hinted = format!("sep=;\r\n{HEADER}a@b.c;A;A;;\r\n");
    assert_eq!(lines_of(&hinted), [(3, "good")]);
}

#[test]
fn rows_that_are_no_rows_are_reported() {
    let long = "x".repeat(10 << 20);
    let file = format!(
        "{HEADER}a@b.c;A;A;;;more\nb@b.c;B;B;;maybe\nc@b.c;\"{long}\";C;;\nd@b.c;D\u{0};D;;\ne@b.c;E;E;;\nf@b.c;\"F;F;;\n\n"
    );
    let expected = [
        (2, "wrong"),
        (3, "wrong"),
        (4, "wrong"),
        (5, "wrong"),
        (6, "good"),
        (7, "wrong"),
    ];
    assert_eq!(lines_of(&file), expected);
}

#[test]
fn a_file_without_our_columns_is_refused() {
    for file in [
        "",
        "\r\n\r\n",
        "Email;First Name\n",
        "Email;E-Mail;First Name;Last Name\n",
        "\u{0}\u{0}\u{0}",
    ] {
        let refused = rows(file.as_bytes()).expect_err("refused");
        assert!(
            refused.is(contract::importer::ErrorReason::FileUnreadable),
            "{file:?}"
        );
    }
}

#[test]
fn b_03_a_role_is_known_by_its_name_and_by_what_authorization_says_it_is_called_too() {
    let file = format!("{HEADER}a@b.c;A;A;STD_User;\nb@b.c;B;B;Standard User;\n");
    assert_eq!(lines_of(&file), [(2, "good"), (3, "good")]);
    let role = |name: &str, aliases: &[&str]| Role {
        id: contract::Id::<Role>::new().to_string(),
        name: name.into(),
        aliases: aliases.iter().map(|&alias| alias.into()).collect(),
        ..Role::default()
    };
    let roles = Roles::new(&[
        role("standard user", &[]),
        role("root", &["Admin", "boss"]),
        role("admin", &[]),
    ]);
    assert!(!roles.knows("std_user"), "nobody said so");
    assert_eq!(roles.named("BOSS"), roles.named("root"));
    assert_ne!(
        roles.named("admin"),
        roles.named("root"),
        "a name goes before an alias"
    );
}

#[test]
fn b_25_rows_are_bounded_where_the_bytes_are_few() {
    let blank = |rows| format!("{HEADER}{}a@b.c;A;A;;\n", "\n".repeat(rows));
    assert_eq!(lines_of(&blank(5_000)).len(), 5_001);
    let above = format!("{}{HEADER}", "\n".repeat(5_001));
    let many = format!("{HEADER}{}", "a\n".repeat(1_000_001));
    for file in [blank(5_001), above, many] {
        let mut handed = 0;
        let refused = read(&mut Cursor::new(file), &rules(), &mut |rows| {
            handed += rows.len();
            true
        });
        let refused = refused.expect_err("refused");
        assert!(refused.is(contract::importer::ErrorReason::FileUnreadable));
        assert!(handed <= 1_000_000, "{handed}");
    }
}

/// Bytes as bad files have them: the characters that mean something, often.
fn mess() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(b";,\t|\"\r\n \0=@a.A\xff\xc3\xe4".to_vec()),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..400)
}

proptest! {
    #[test]
    fn whatever_the_bytes_every_row_is_accounted_for(mess in mess()) {
        let mut file = HEADER.as_bytes().to_vec();
        file.extend(&mess);
        let (_, rows) = read_ok(&file);
        let mut before = 1;
        for row in &rows {
            prop_assert!(row.line > before);
            before = row.line;
            prop_assert_eq!(row.judged.problems.is_empty(), row.judged.verdict != Verdict::Wrong);
        }
        // Where no quote joins lines, there is a row for each line.
        if !mess.contains(&b'"') && std::str::from_utf8(&mess).is_ok() && !mess.contains(&0) {
            let text = String::from_utf8_lossy(&mess).replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(rows.len(), text.lines().count());
        }
    }

    #[test]
    fn no_bytes_at_all_make_it_panic(mess in mess()) {
        let _ = rows(&mess);
    }

    #[test]
    fn it_does_not_matter_how_the_text_is_cut(mess in mess(), at in 0usize..500) {
        let text = String::from_utf8_lossy(&mess).into_owned();
        let whole = records(&[text.as_bytes()]);
        let at = at.min(text.len());
        prop_assert_eq!(whole, records(&[&text.as_bytes()[..at], &text.as_bytes()[at..]]));
    }
}

fn records(pieces: &[&[u8]]) -> Vec<(u32, Vec<String>)> {
    let mut all = Vec::new();
    let mut take = |record: super::csv::Record<'_>| {
        all.push((
            record.line,
            (0..record.len())
                .filter_map(|at| Some(record.field(at)?.into_owned()))
                .collect(),
        ));
        Ok(true)
    };
    let mut reader = super::csv::Reader::new(b';');
    for piece in pieces {
        assert!(reader.push(piece, &mut take).is_ok());
    }
    assert!(reader.finish(&mut take).is_ok());
    all
}
