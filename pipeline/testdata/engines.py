"""Reads the published folders of the nightly data with three engines and compares them with the expected tables: OUTPUT EXPECTED"""

import sys

import duckdb
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq

output, expected = sys.argv[1:3]
TRANSITION = ["user_id", "segment", "change", "from", "to", "reason"]


def rows(columns, lists=()):
    """Rows as a sorted list of tuples; the order of a list does not count."""
    out = []
    for row in zip(*columns):
        out.append(tuple("," .join(sorted(v)) if i in lists else (v or "") for i, v in enumerate(row)))
    return sorted(out)


def read_duckdb(folder, names):
    # from and to are words of SQL
    quoted = ", ".join(f'"{n}"' for n in names)
    got = duckdb.execute(f"SELECT {quoted} FROM read_parquet('{folder}/**/*.parquet', hive_partitioning=true) WHERE date = '2026-11-02'").fetchall()
    return [list(c) for c in zip(*got)]


def read_pyarrow(folder, names):
    table = ds.dataset(folder, partitioning="hive").to_table(columns=names, filter=ds.field("date") == "2026-11-02")
    return [table.column(n).to_pylist() for n in names]


def read_polars(folder, names):
    frame = pl.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True).filter(pl.col("date").cast(pl.String) == "2026-11-02").collect()
    return [frame[n].to_list() for n in names]


failed = False
for table, names, lists in [("membership", ["user_id", "segments", "journey"], (1,)), ("transitions", TRANSITION, ())]:
    want_table = pq.read_table(f"{expected}/{table}-2026-11-02.parquet", columns=names)
    want = rows([want_table.column(n).to_pylist() for n in names], lists)
    for engine in (read_duckdb, read_pyarrow, read_polars):
        got = rows(engine(f"{output}/{table}", names), lists)
        same = got == want
        failed |= not same
        print(f"{engine.__name__} {table}: {len(got)} rows, {'equal' if same else f'DIFFERENT from {len(want)}'}")
point = want[len(want) // 2][0]
found = duckdb.execute(f"SELECT count(*) FROM read_parquet('{output}/membership/date=2026-11-02/*.parquet') WHERE user_id = '{point}'").fetchone()[0]
print(f"point look-up: {found} row")
sys.exit(failed or found != 1)
