"""snapshots.py DATASETS OUT: cuts CDNOW's purchases into snapshots.

OUT/all/users/date=D: all 23,570 customers at the end of each of 18 months, with what they had bought by then.
OUT/sample/users/date=1997-09-30: the 2,357 customers of the published summary, one purchase per customer and day.
"""

import calendar
import datetime
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq


def purchases(path, id_column):
    """Yields (customer, day, cents) of a file of columns between blanks."""
    for line in path.read_text("ascii").splitlines():
        fields = line.split()
        if fields and fields[0].isdigit():
            day = datetime.datetime.strptime(fields[id_column + 1], "%Y%m%d").date()
            yield int(fields[id_column]), day, round(100 * float(fields[-1]))


def write(table, folder, date, files=2):
    folder = folder / "users" / f"date={date}"
    folder.mkdir(parents=True)
    rows = -(-len(table) // files)
    for i in range(files):
        pq.write_table(table.slice(i * rows, rows), folder / f"part-{i}.parquet", row_group_size=5000)


def snapshot(bought, customers, date):
    """The customers at the end of a date: orders, money, first and last order. Who has bought nothing yet has nulls."""
    orders, cents = dict.fromkeys(customers, 0), dict.fromkeys(customers, 0)
    first, last = {}, {}
    for customer, day, amount in bought:
        if day <= date:
            orders[customer] += 1
            cents[customer] += amount
            first[customer] = min(day, first.get(customer, day))
            last[customer] = max(day, last.get(customer, day))
    return pa.table({
        "customer": pa.array(customers, pa.int64()),
        "orders": pa.array([orders[c] for c in customers], pa.int32()),
        "money": pa.array([cents[c] / 100 for c in customers], pa.float64()),
        "first_order": pa.array([first.get(c) for c in customers], pa.date32()),
        "last_order": pa.array([last.get(c) for c in customers], pa.date32()),
    })


def main(datasets, out):
    bought = list(purchases(datasets / "CDNOW_master.txt", 0))
    customers = sorted({customer for customer, _, _ in bought})
    for month in range(18):
        year, month = 1997 + month // 12, month % 12 + 1
        date = datetime.date(year, month, calendar.monthrange(year, month)[1])
        write(snapshot(bought, customers, date), out / "all", date)

    calibration_end = datetime.date(1997, 9, 30)
    days = {}
    for customer, day, _ in purchases(datasets / "CDNOW_sample.txt", 1):
        if day <= calibration_end:
            days.setdefault(customer, set()).add(day)
    write(pa.table({
        "customer": pa.array(sorted(days), pa.int64()),
        "repeats": pa.array([len(days[c]) - 1 for c in sorted(days)], pa.int32()),
    }), out / "sample", calibration_end)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
