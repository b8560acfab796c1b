"""Shows that a history ends right: history.py STRATA OTHER_STRATA nights FOLDER [USERS [NIGHTS]]
                             or: history.py STRATA OTHER_STRATA cdnow FOLDER DATASETS [NIGHTS]

A range of dates is backfilled, killed ten times on the way and gone on with; the result must be that of a backfill which nobody
disturbed, byte by byte. Then the snapshot of a middle date is replaced and the later dates are cascaded, which must end like a
backfill of the new snapshots. The second binary is the same program under another version: it does not trust what the first
one has stored, so its cascade computes every date from its snapshot, and shows what that costs.
"""

import datetime
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
KILLS = 10


def nightly(folder, users=100_000, nights=90):
    """Nights of the nightly workload, and another snapshot of the middle one: the users of the night after."""
    subprocess.run([sys.executable, HERE / "make_snapshots.py", str(users), "2", folder / "users", str(nights)], check=True)
    first = datetime.date(2026, 11, 1)
    dates = [first + datetime.timedelta(days=i) for i in range(nights)]
    middle = nights // 2
    shutil.copytree(folder / "users" / f"date={dates[middle + 1]}", folder / "other")
    text = (HERE / "nightly.yaml").read_text("utf-8").replace("{{SNAPSHOTS}}", "users").replace("{{OUTPUT}}", "out")
    (folder / "strata.yaml").write_text(text + "\nmembership: {since: true, columns: [country]}\nguards: {exits: {max_share: none}}  # tags are made up anew every night\n", "utf-8")
    return dates, middle


def cdnow(folder, datasets, nights=60):
    """Days of CDNOW's purchases, and another snapshot of the middle one: two days on, without fifty customers."""
    sys.path.insert(0, str(HERE.parent / "testdata" / "cdnow"))
    import snapshots

    bought = list(snapshots.purchases(pathlib.Path(datasets) / "CDNOW_master.txt", 0))
    customers = sorted({customer for customer, _, _ in bought})
    first = datetime.date(1997, 5, 1)
    dates = [first + datetime.timedelta(days=i) for i in range(nights)]
    for date in dates:
        snapshots.write(snapshots.snapshot(bought, customers, date), folder, date)
    middle = nights // 2
    snapshots.write(snapshots.snapshot(bought, customers, dates[middle + 2]).slice(50), folder / "made", dates[middle])
    shutil.move(folder / "made" / "users" / f"date={dates[middle]}", folder / "other")
    text = (HERE.parent / "testdata" / "cdnow" / "strata.yaml").read_text("utf-8")
    (folder / "strata.yaml").write_text(text + "membership: {since: true}\n", "utf-8")
    return dates, middle


class History:
    def __init__(self, folder, strata, dates):
        self.folder, self.strata, self.dates = folder, strata, dates
        self.range = ["--from", str(dates[0]), "--to", str(dates[-1])]

    def command(self, output, *args, strata=None):
        return [strata or self.strata, *args, "-c", self.folder / "strata.yaml", "--output", self.folder / output, "--quiet"]

    def timed(self, output, *args, strata=None):
        start = time.monotonic()
        subprocess.run(self.command(output, *args, strata=strata), check=True)
        return time.monotonic() - start

    def killed(self, output, seconds):
        """Backfills and kills it KILLS times, spread over the time that it takes; each goes on where the last one was."""
        for kill in range(KILLS):
            process = subprocess.Popen(self.command(output, "backfill", *self.range))
            time.sleep(seconds / KILLS * random.uniform(0.5, 1.2))
            if process.poll() is not None:
                raise SystemExit(f"the backfill was done before kill {kill + 1}")
            process.kill()
            process.wait()
            print(f"  killed with {len(list((self.folder / output).glob('runs/date=*/current.json')))} dates committed")
        return self.timed(output, "backfill", *self.range)

    def published(self, output):
        """The hash of every data file of the runs that stand, by date, table and partition."""
        files = {}
        root = self.folder / output
        for current in sorted(root.glob("runs/date=*/current.json")):
            run = current.parent / json.loads(current.read_text("utf-8"))["run"]
            for table, parts in json.loads((run / "manifest.json").read_text("utf-8"))["tables"].items():
                for part in parts:
                    data = (root / part["key"]).read_bytes()
                    files[current.parent.name, table, part["partition"]] = hashlib.sha256(data).hexdigest()
        return files

    def same(self, what, output, clean):
        got, want = self.published(output), self.published(clean)
        differing = [key for key in want.keys() | got.keys() if got.get(key) != want.get(key)]
        if differing or len(want) < 2 * len(self.dates):
            raise SystemExit(f"{what}: {len(differing)} of {len(want)} files differ, such as {sorted(differing)[:3]}")
        print(f"  {what}: {len(want)} data files of {len(self.dates)} dates are the same")


def main():
    strata, other, kind, folder = sys.argv[1:5]
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    random.seed(7)
    dates, middle = {"nights": nightly, "cdnow": cdnow}[kind](folder, *[int(a) if a.isdigit() else a for a in sys.argv[5:]])
    history = History(folder, strata, dates)
    print(f"{kind}: {len(dates)} dates, {dates[0]} to {dates[-1]}")

    clean = history.timed("clean", "backfill", *history.range)
    print(f"  backfilled in {clean:.1f} s, {clean / len(dates):.3f} s a date")
    history.killed("out", clean)
    history.same(f"killed {KILLS} times", "out", "clean")

    day = folder / "users" / f"date={dates[middle]}"
    shutil.rmtree(day)
    shutil.move(folder / "other", day)
    shutil.copytree(folder / "out", folder / "full", copy_function=os.link)
    later = len(dates) - middle - 1
    for output, binary, how in [("out", strata, "derived from stored files"), ("full", other, "computed in full")]:
        once = history.timed(output, "run", "--date", str(dates[middle]), strata=binary)
        seconds = history.timed(output, "run", "--cascade", strata=binary)
        print(f"  {dates[middle]} made again in {once:.2f} s; {later} later dates {how} in {seconds:.1f} s, {seconds / later:.3f} s a date")
    history.timed("clean2", "backfill", *history.range)
    history.same("a middle snapshot replaced, then cascaded", "out", "clean2")
    history.same("the same in full", "full", "clean2")


main()
