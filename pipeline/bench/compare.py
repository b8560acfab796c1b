"""Compares strata's tables with those of the DuckDB script, in every row: compare.py STRATA_OUTPUT DATE DUCKDB_OUTPUT"""

import sys

import duckdb

ours, date, theirs = sys.argv[1:4]
con = duckdb.connect()
con.execute("SET threads=2; SET memory_limit='12GB'")
failed = False
for table, columns in {
    "membership": "user_id, list_sort(segments) AS segments, journey",
    "transitions": 'user_id, segment, change, "from", "to", reason, "at"',
}.items():
    a = f"SELECT {columns} FROM read_parquet('{ours}/{table}/date={date}/*.parquet', hive_partitioning=false)"
    b = f"SELECT {columns} FROM read_parquet('{theirs}/{table}/*.parquet')"
    sums = [con.execute(f"SELECT count(*), sum(hash(t)::HUGEINT), bit_xor(hash(t)) FROM ({q}) t").fetchone() for q in (a, b)]
    same = sums[0] == sums[1]
    failed |= not same
    print(f"{table} {date}: {sums[0][0]} rows, {'equal' if same else f'DIFFERENT: {sums}'}")
    if not same:
        print(con.execute(f"({a} EXCEPT {b}) LIMIT 3").fetchall(), con.execute(f"({b} EXCEPT {a}) LIMIT 3").fetchall())
events = con.execute(
    f"SELECT count(*), count(DISTINCT event_id) FROM read_parquet('{ours}/transitions/date={date}/*.parquet', hive_partitioning=false)"
).fetchone()
if events[0] != events[1]:
    failed = True
    print(f"event ids repeat: {events}")
sys.exit(failed)
