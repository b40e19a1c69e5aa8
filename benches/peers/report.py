"""Lines of results for `run`, and the table and the comparison that they lead to."""

import json
import math
import sqlite3
import statistics
import sys

# What must be equal. Notional is a sum of doubles, in an order that differs between engines.
EXACT = ("candles", "trades", "volume", "prices")
NOTIONAL_TOLERANCE = 1e-9

SUMS = """
SELECT count(*), sum(trades), printf('%.0f', sum(volume)), sum(notional),
    sum(CAST(round(open * 100) + round(high * 100) + round(low * 100) + round(close * 100) AS INTEGER))
FROM candles_5s
"""


def expected(feed, store):
    """What Tickline has written to a SQLite store."""
    candles, trades, volume, notional, prices = sqlite3.connect(store).execute(SUMS).fetchone()
    sums = {"candles": candles, "trades": trades, "volume": volume, "notional": str(notional), "prices": str(prices)}
    print(json.dumps({"expected": True, "feed": feed, **sums}))


def tickline(feed, version):
    """A run of `tickline bench`, from standard input."""
    (run,) = json.load(sys.stdin)
    print(json.dumps({
        "peer": "tickline", "version": version.split()[-1], "feed": feed, "pass": 1, "seconds": run["seconds"],
        "cpu_seconds": run["user_seconds"] + run["system_seconds"], "peak_mib": run["peak_bytes"] >> 20,
        "digest": run["digest"],
    }))


def differences(wanted, run):
    """What a run's results differ in from Tickline's, one text each."""
    found = [f"{name} {run[name]}, not {wanted[name]}" for name in EXACT if run[name] != wanted[name]]
    if not math.isclose(float(run["notional"]), float(wanted["notional"]), rel_tol=NOTIONAL_TOLERANCE):
        found.append(f"notional {run['notional']}, not {wanted['notional']}")
    return found


def row(name, runs, trades, seconds):
    """A row of the table: medians of these runs, relative to Tickline's seconds."""
    def median(field):
        return statistics.median(run[field] for run in runs)

    taken = median("seconds")
    millions = trades / 1e6
    return (name, f"{taken:.2f}", f"{millions / taken:.2f}", f"{taken / seconds:.1f} x",
            f"{median('cpu_seconds') / millions:.2f}", str(max(run["peak_mib"] for run in runs)))


def table_of(wanted, runs):
    """The table of one feed, and what differs in it."""
    feed, trades = wanted["feed"], wanted["trades"]
    own = [run for run in runs if run["peer"] == "tickline"]
    seconds = statistics.median(run["seconds"] for run in own)
    header = (f"{feed}: {trades:,} trades, {wanted['candles']:,} candles of 5 s", "seconds", "M trades/s",
              "to Tickline", "CPU s per M", "peak MiB")
    rows = [header, row(f"tickline {own[0]['version']}, median of {len(own)}", own, trades, seconds)]
    wrong = [] if len({run["digest"] for run in own}) == 1 else [f"{feed}: tickline came to several digests"]
    for peer in dict.fromkeys(run["peer"] for run in runs if run["peer"] != "tickline"):
        passes = [run for run in runs if run["peer"] == peer]
        cold = [run for run in passes if run["pass"] == 1]
        warm = [run for run in passes if run["pass"] > 1]
        rows.append(row(f"{peer} {cold[0]['version']}, cold", cold, trades, seconds))
        if warm:
            rows.append(row(f"{peer}, warm, best of {len(warm)}", [min(warm, key=lambda run: run["seconds"])], trades,
                            seconds))
        wrong += [f"{feed}: {peer}, pass {run['pass']}: {text}" for run in passes
                  for text in differences(wanted, run)]
    widths = [max(len(cells[at]) for cells in rows) for at in range(len(header))]
    for cells in rows:
        print("  ".join(cell.rjust(width) if at else cell.ljust(width)
                        for at, (cell, width) in enumerate(zip(cells, widths))))
    print()
    return wrong


def table(lines, whole):
    """The table of all feeds. Ends with 1 when results differ."""
    with open(lines, encoding="utf-8") as file:
        runs = [json.loads(line) for line in file]
    with open(whole, "w", encoding="utf-8") as file:
        json.dump(runs, file, indent=1)
        file.write("\n")
    wrong = []
    for wanted in runs:
        if "expected" in wanted:
            wrong += table_of(wanted, [run for run in runs if "peer" in run and run["feed"] == wanted["feed"]])
    if wrong:
        sys.exit("!!! RESULTS DIFFER FROM TICKLINE'S\n" + "\n".join(wrong))
    print("candles, trades, volume and prices of all runs are Tickline's")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"expected": expected, "tickline": tickline, "table": table}[command](*arguments)
