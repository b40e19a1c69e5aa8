//! `tickline calendar` as people type it.

use serde_json::Value;

use crate::shared::process::Home;

#[test]
fn check_shows_a_date() {
    let home = Home::new();
    let text = home.ok("calendar check xnys 2013-11-29");
    for line in [
        "date         2013-11-29, Friday",
        "market       XNYS, US stock exchanges (America/New_York)",
        "trading day  yes, early close: Day after Thanksgiving Day",
        "day before   2013-11-27, Wednesday",
        "day after    2013-12-02, Monday",
        "regular  2013-11-29 09:30  2013-11-29 13:00  2013-11-29T14:30:00Z  2013-11-29T18:00:00Z",
        "post     2013-11-29 13:00  2013-11-29 17:00  2013-11-29T18:00:00Z  2013-11-29T22:00:00Z",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    let text = home.ok("calendar check XNYS 2013-07-04");
    assert!(text.contains("trading day  no: Independence Day\n") && !text.contains("regular"), "{text}");
    assert!(home.ok("calendar check XNYS 2013-07-06").contains("trading day  no: Saturday\n"));
    assert!(home.ok("calendar check XNYS 2013-10-07").contains("trading day  yes\n"));
    assert!(home.ok("calendar check XHKG 2020-08-19").contains("yes, late open: Severe weather"));
    let text = home.ok("calendar check XNYS 2006-01-01");
    assert!(text.contains("day before   not covered by the calendar\n"), "{text}");
    let text = home.ok("calendar check FOREX 2024-03-11");
    assert!(text.contains("market       forex, Foreign exchange"), "{text}");
    assert!(text.contains("regular  2024-03-10 17:00  2024-03-11 17:00  2024-03-10T21:00:00Z"), "{text}");
}

#[test]
fn check_has_a_json_form() {
    let home = Home::new();
    let of = |line: &str| -> Value { serde_json::from_str(&home.ok(&format!("{line} --format json"))).unwrap() };
    let day = of("calendar check XTKS 2024-11-05");
    let sessions = day["sessions"].as_array().unwrap();
    let parts: Vec<_> = sessions.iter().map(|session| session["part"].as_str().unwrap()).collect();
    assert_eq!(parts, ["regular", "break", "regular"]);
    assert_eq!(sessions[2]["close_local"], "2024-11-05T15:30:00+09:00");
    assert_eq!(
        (&sessions[2]["close"], &sessions[2]["close_ms"]),
        (&"2024-11-05T06:30:00Z".into(), &1_730_788_200_000_u64.into())
    );
    assert_eq!(
        (&day["is_trading_day"], &day["holiday"], &day["closed_for"]),
        (&true.into(), &Value::Null, &Value::Null)
    );
    assert_eq!((&day["trading_day_before"], &day["trading_day_after"]), (&"2024-11-01".into(), &"2024-11-06".into()));
    let closed = of("calendar check XLON 2022-09-19");
    assert_eq!(closed["holiday"], "State funeral of Elizabeth II");
    assert_eq!((&closed["is_trading_day"], closed["sessions"].as_array().unwrap().len()), (&false.into(), 0));
    let half = of("calendar check XLON 2024-12-24");
    assert_eq!(
        (&half["is_early_close"], &half["is_late_open"], &half["special"]),
        (&true.into(), &false.into(), &"Christmas Eve".into())
    );
    assert_eq!(of("calendar check XLON 2022-09-18")["closed_for"], "Sunday");
    let list = of("calendar list");
    let versions: Vec<_> = list.as_array().unwrap().iter().map(|entry| entry["version"].as_str().unwrap()).collect();
    assert!(versions.contains(&half["version"].as_str().unwrap()), "{versions:?}");
}

#[test]
fn days_are_listed() {
    let home = Home::new();
    let csv = home.ok("calendar days XTKS --from 2024-11-01 --to 2024-11-05 --format csv");
    assert_eq!(
        csv,
        "date,pre_open,pre_close,open,break_start,break_end,close,post_open,post_close\n\
         2024-11-01,,,2024-11-01T00:00:00Z,2024-11-01T02:30:00Z,2024-11-01T03:30:00Z,2024-11-01T06:00:00Z,,\n\
         2024-11-05,,,2024-11-05T00:00:00Z,2024-11-05T02:30:00Z,2024-11-05T03:30:00Z,2024-11-05T06:30:00Z,,\n"
    );
    let json: Value =
        serde_json::from_str(&home.ok("calendar days XNYS --from 2013-11-28 --to 2013-11-29 --format json")).unwrap();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["close"]), (1, &"2013-11-29T18:00:00Z".into()));
    assert_eq!((&json[0]["break_start"], &json[0]["post_close"]), (&Value::Null, &"2013-11-29T22:00:00Z".into()));
    assert_eq!(home.ok("calendar days XNYS").lines().count(), 5_283);
    assert_eq!(home.ok("calendar days XNYS --from 2013-11-30 --to 2013-12-01").lines().count(), 1);
}

#[test]
fn calendars_are_listed() {
    let home = Home::new();
    let list = home.ok("calendar list");
    assert!(list.contains("XPAR XAMS XBRU XLIS") && list.contains("Europe/Paris") && list.contains("2006 to 2026"));
    assert_eq!(list.lines().count(), 10);
}

#[test]
fn an_own_file_is_used() {
    let home = Home::new();
    let text = "mics = ['XOWN']\nname = 'Own'\nzone = 'UTC'\nyears = [2024, 2024]\n[[hours]]\nfrom = 2024-01-01\n\
                regular = '10:00-11:00'\n";
    home.write("own.toml", text);
    let said = home.ok("calendar check XOWN 2024-05-04 --calendar own.toml");
    assert!(said.contains("regular  2024-05-04 10:00") && said.contains("own.toml, years 2024 to 2024"), "{said}");
    home.write("bad.toml", text.replace("'10:00-11:00'", "'11:00-10:00'"));
    let line = "calendar check XOWN 2024-05-04 --calendar bad.toml";
    home.fails(line, 2, &["bad.toml", "line 7, column 11", "invalid hours"]);
    home.fails("calendar check XNYS 2024-05-04 --calendar own.toml", 2, &["own.toml", "XOWN", "XNYS"]);
    home.fails("calendar check XOWN 2024-05-04 --calendar none.toml", 2, &["none.toml", "no such file"]);
}

#[test]
fn errors_say_what_to_do() {
    let home = Home::new();
    for (line, words) in [
        ("calendar check NYSE 2013-10-07", &["no calendar of NYSE", "did you mean", "XNYS"][..]),
        ("calendar check XXXXXXXX 2013-10-07", &["known are XNYS, XNAS", "--calendar FILE"]),
        ("calendar check XNYS 2005-12-31", &["2005-12-31 is outside of 2006 to 2026", "XNYS.toml", "--calendar"]),
        ("calendar check XNYS 2027-01-01", &["2027-01-01 is outside of 2006 to 2026"]),
        ("calendar check XNYS 2013-02-30", &["2013-02-30", "expected e.g. 2013-10-07"]),
        ("calendar check XNYS yesterday", &["yesterday", "expected e.g. 2013-10-07"]),
        ("calendar days XNYS --from 2013-10-08 --to 2013-10-07", &["--from 2013-10-08 is after --to 2013-10-07"]),
        ("calendar days XNYS --to 2027-10-07", &["2027-10-07 is outside of 2006 to 2026"]),
    ] {
        home.fails(line, 2, words);
    }
}
