"""Writes the small Parquet files beside it: python3 fixtures.py. The tests say what is in them (cases_test.go)."""
import decimal
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent / "fixtures"
D = decimal.Decimal


def write(name, table, **options):
    pq.write_table(table, HERE / f"{name}.parquet", **{"store_schema": False, "write_page_checksum": True, **options})


def main():
    HERE.mkdir(exist_ok=True)
    instant = 1717243200000  # 2024-06-01 12:00 UTC
    write("units", pa.table({
        "ms": pa.array([instant, None], pa.timestamp("ms", "UTC")),
        "us": pa.array([instant * 1000, None], pa.timestamp("us", "UTC")),
        "ns": pa.array([instant * 1000000, None], pa.timestamp("ns", "UTC")),
        "local": pa.array([instant * 1000, None], pa.timestamp("us")),
        "day": pa.array([19875, None], pa.date32()),
    }), version="2.6")
    price = [D("51495.00"), D("-0.01"), None]
    for precision, name in ((9, "int32"), (18, "int64"), (29, "fixed")):
        write(f"decimal_{name}", pa.table({"msrp": pa.array(price, pa.decimal128(precision, 2))}),
              store_decimal_as_integer=name != "fixed")
    write("negative", pa.table({
        "a": pa.array([D(-1)], pa.decimal128(18, 0)), "b": pa.array([D("-12345.67")], pa.decimal128(29, 2)),
    }), store_decimal_as_integer=True)
    same, other = "x" * 32, [f"{i:032d}" for i in range(5000)]
    other[4321] = same
    write("dictionary", pa.table({"same": [same] * 5000, "other": other}), use_dictionary=["same"], compression="zstd", data_page_size=4096)
    write("overflow", pa.table({"text": [None if i % 7 == 0 else f"value {i % 1999}" for i in range(2000)]}),
          dictionary_pagesize_limit=128, data_page_version="2.0", data_page_size=512)
    write("lists", pa.table({"tags": pa.array([[3, None, 2], [], None, [None]], pa.list_(pa.int32()))}))
    write("long_list", pa.table({"n": pa.array([[-1], list(range(50000)), [-2, -3]], pa.list_(pa.int32()))}),
          data_page_size=1024, use_dictionary=False, compression="zstd", column_encoding="DELTA_BINARY_PACKED")
    write("nulls", pa.table({
        "none": pa.nulls(5), "int": pa.array([None] * 5, pa.int32()), "text": pa.array([None] * 5, pa.string()).dictionary_encode(),
    }))
    write("null_struct", pa.table({"profile": pa.array([None] * 3, pa.struct([("plan", pa.string())]))}))
    write("case", pa.table({"id": [1, 2], "ID": ["a", "b"]}))
    write("twice", pa.Table.from_arrays([pa.array([1]), pa.array(["x"]), pa.array([True])], ["a", "a", "b"]))
    write("part1", pa.table({"id": pa.array([1], pa.int32()), "f": pa.array([0.5], pa.float32()), "x": ["text"],
                             "t": pa.array([instant], pa.timestamp("ms", "UTC")), "list": pa.array([[1]], pa.list_(pa.int32()))}))
    write("part2", pa.table({"c": [7], "id": pa.array([2**40], pa.int64()), "f": pa.array([0.25], pa.float64()), "x": [1.5],
                             "t": pa.array([instant * 1000 + 1], pa.timestamp("us", "UTC")),
                             "list": pa.array([[2]], pa.list_(pa.field("item", pa.int32(), nullable=False)))}))
    write("uuids", pa.table({"bytes": pa.array([bytes(range(16)), None], pa.uuid()), "plain": pa.array([bytes(range(16)), None], pa.binary(16))}))
    write("binary", pa.table({"country": pa.array([b"DE", None], pa.binary())}))
    write("groups", pa.table({"n": list(range(8))}), row_group_size=3)
    write("empty", pa.table({"n": pa.array([], pa.int64())}))
    for codec in ("none", "snappy", "gzip", "brotli", "zstd", "lz4"):
        for version in ("1.0", "2.0"):
            write(f"codec_{codec}_{version[0]}", pa.table({"n": list(range(300)), "s": [None if i % 3 == 0 else f"text {i}" for i in range(300)]}),
                  compression=codec, data_page_version=version, use_dictionary=["n"])


main()
