"""Compares what population functions found with DuckDB's answer over the same file: FILE [CALL VALUE]..."""

import math
import re
import sys

import duckdb

path, found = sys.argv[1], sys.argv[2:]
failed = False
for call, value in zip(found[::2], found[1::2]):
    if quantile := re.fullmatch(r"quantile\((\w+), ([0-9.]+)\)", call):
        column, q = quantile.groups()
        query = f"SELECT percentile_disc({q}) WITHIN GROUP (ORDER BY {column}) FROM '{path}' WHERE {column} IS NOT NULL"
        want = duckdb.execute(query).fetchone()[0]
    else:
        column = re.fullmatch(r"mean\((\w+)\)", call).group(1)
        values = [v for (v,) in duckdb.execute(f"SELECT {column} FROM '{path}' WHERE {column} IS NOT NULL").fetchall()]
        want = math.fsum(values) / len(values)
    if float(value) != float(want):
        print(f"{call} is {value}, and DuckDB says {want}")
        failed = True
sys.exit(failed)
