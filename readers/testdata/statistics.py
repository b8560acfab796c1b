"""Writes files whose statistics a test compares with their values: statistics.py FOLDER."""

import datetime
import decimal
import math
import random
import sys

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 5000
random.seed(7)


def maybe(value):
    return None if random.random() < 0.1 else value


def columns():
    """A column of every type with an order, with nulls, ends of ranges, NaN, and texts that are long or not ASCII."""
    words = ["", "a", "é", "zz", "\U0001f600", "ÿ", "x" * 100, "x" * 99 + "y", "\uffff" * 40]
    day = datetime.date(2026, 11, 2)
    moment = datetime.datetime(2026, 11, 2, 12, 30, 5, 123456)
    ints = [0, 1, -1, 127, -128, 5]

    def col(typ, make):
        return pa.array([maybe(make(i)) for i in range(ROWS)], type=typ)

    def pick(values):
        return lambda i: random.choice(values)

    out = {
        "bool": col(pa.bool_(), lambda i: i % 3 == 0),
        "int8": col(pa.int8(), pick(ints)),
        "int32": col(pa.int32(), pick([*ints, 2**31 - 1, -(2**31)])),
        "int64": col(pa.int64(), lambda i: i),
        "uint8": col(pa.uint8(), pick([0, 1, 200, 255])),
        "uint32": col(pa.uint32(), pick([0, 1, 2**32 - 1])),
        "uint64": col(pa.uint64(), pick([0, 1, 2**64 - 1])),
        "float": col(pa.float32(), pick([0.0, -0.0, 1.5, -2.5])),
        "double": col(pa.float64(), pick([0.0, -0.0, 1.5, math.inf, -math.inf])),
        "nan": col(pa.float64(), pick([math.nan, 1.5, 7.0])),
        "text": col(pa.string(), pick(words)),
        "binary": col(pa.binary(), pick([word.encode() for word in words] + [b"\xff" * 3, b"\x80"])),
        "date": col(pa.date32(), lambda i: day + datetime.timedelta(days=i - 2000)),
        "at_us": col(pa.timestamp("us", "UTC"), lambda i: moment - datetime.timedelta(minutes=i)),
        "at_ms": col(pa.timestamp("ms"), lambda i: moment.replace(microsecond=0) - datetime.timedelta(days=i)),
        "decimal": col(pa.decimal128(18, 2), lambda i: decimal.Decimal(i - 2500) / 4),
        "one": col(pa.string(), lambda i: "FR"),
        "none": pa.array([None] * ROWS, type=pa.int64()),
    }
    return pa.table(out)


def main(folder):
    table = columns()
    pq.write_table(table, f"{folder}/pyarrow.parquet", row_group_size=1500)
    pq.write_table(
        table, f"{folder}/pyarrow_v1_decimal_int.parquet", row_group_size=700, version="1.0", use_dictionary=False, store_decimal_as_integer=True
    )
    pq.write_table(table, f"{folder}/pyarrow_pages.parquet", data_page_size=2000, data_page_version="2.0")
    pq.write_table(table, f"{folder}/pyarrow_index.parquet", write_page_index=True, data_page_size=2000)
    try:
        import duckdb
    except ImportError:
        return
    connection = duckdb.connect()
    connection.register("everything", table)
    connection.execute(f"copy (select * from everything) to '{folder}/duckdb.parquet' (format parquet, row_group_size 2048)")


if __name__ == "__main__":
    main(sys.argv[1])
