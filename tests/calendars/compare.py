"""Compares trading days with those of the package exchange_calendars, in UTC.

  compare.py dump FOLDER              writes a file per market: what the package has, from 2006 to 2026
  compare.py compare THEIRS OURS MIC  compares one market: OURS is the output of `tickline calendar days --format csv`

Known differences are in differences.toml, with their reasons: each has to be there, and no other. Exit codes: 0 equal,
1 different, 3 the package has no such market.
"""

import csv
import datetime
import pathlib
import sys
import tomllib
import zoneinfo

FIRST, LAST = datetime.date(2006, 1, 1), datetime.date(2026, 12, 31)
COLUMNS = ["open", "break_start", "break_end", "close"]
# Names of the package for ours; other markets have one name in both.
NAMES = {"crypto": "24/7"}
SHOWN_MAX = 20


def dump(folder):
    import exchange_calendars

    known = set(exchange_calendars.get_calendar_names())
    for mic in ["XNYS", "XNAS", "ARCX", "XASE", "BATS", "XLON", "XETR", "XPAR", "XAMS", "XBRU", "XLIS", "XTSE", "XTKS",
                "XHKG", "crypto"]:
        name = NAMES.get(mic, mic)
        if name not in known:
            sys.exit(f"exchange_calendars has no {name}")
        calendar = exchange_calendars.get_calendar(name, start=FIRST.isoformat(), end=LAST.isoformat())
        with open(folder / f"{mic}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["date", *COLUMNS, str(calendar.tz)])
            for row in calendar.schedule.itertuples():
                times = [getattr(row, column) for column in COLUMNS]
                cells = ["" if time != time else time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in times]
                writer.writerow([row.Index.date().isoformat(), *cells])


def read(path):
    """Rows by date, and the name of the last column."""
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        rows = {datetime.date.fromisoformat(row["date"]): {name: row[name] for name in COLUMNS} for row in reader}
    return {date: row for date, row in rows.items() if FIRST <= date <= LAST}, reader.fieldnames[-1]


def utc(date, time, zone):
    if not time:
        return ""
    local = datetime.datetime.combine(date, datetime.time.fromisoformat(time), zoneinfo.ZoneInfo(zone))
    return local.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def apply(difference, rows, zone):
    """Changes the package's rows as a known difference says; returns what is not as it says."""
    dates = difference.get("dates")
    if dates is None:
        dates = [date for date in rows if difference["from"] <= date <= difference["to"]]
    changed = []
    for date in dates:
        row = rows.get(date)
        if row is None:
            continue
        if difference.get("closed"):
            del rows[date]
            changed.append(date)
        elif all(row[name] == utc(date, time, zone) for name, time in difference["reference"].items()):
            row.update({name: utc(date, time, zone) for name, time in difference["ours"].items()})
            changed.append(date)
    missing = [date for date in difference.get("dates", []) if date not in changed]
    if missing or not changed:
        return [f"a known difference is not there, remove it: {difference['why']} {[str(date) for date in missing]}"]
    return []


def compare(theirs, ours, mic):
    if not theirs.exists():
        return None
    (theirs, zone), (ours, _) = read(theirs), read(ours)
    with open(pathlib.Path(__file__).with_name("differences.toml"), "rb") as file:
        known = [entry for entry in tomllib.load(file)["difference"] if entry["mic"] == mic]
    wrong = [line for difference in known for line in apply(difference, theirs, zone)]
    for date in sorted(theirs.keys() | ours.keys()):
        their, our = theirs.get(date), ours.get(date)
        if our is None or their is None:
            wrong.append(f"{date}: a trading day only {'here' if their is None else 'there'}")
        elif our != their:
            names = [name for name in COLUMNS if our[name] != their[name]]
            wrong.append(f"{date}: " + ", ".join(f"{name} {our[name]}, there {their[name]}" for name in names))
    print(f"{mic}: {len(ours)} trading days, {len(wrong)} unknown differences, {len(known)} known kinds of them")
    for line in wrong[:SHOWN_MAX]:
        print(f"  {line}")
    if len(wrong) > SHOWN_MAX:
        print(f"  and {len(wrong) - SHOWN_MAX} more")
    return not wrong and len(ours) > 5000


def main():
    match sys.argv[1:]:
        case ["dump", folder]:
            dump(pathlib.Path(folder))
        case ["compare", theirs, ours, mic]:
            sys.exit({None: 3, True: 0, False: 1}[compare(pathlib.Path(theirs), pathlib.Path(ours), mic)])
        case _:
            sys.exit(__doc__)


main()
