"""Writes random Parquet files, and expected.json with what pyarrow reads from them: python3 scramble.py FOLDER SEED FILES."""
import decimal
import json
import pathlib
import random
import sys

import pyarrow as pa
import pyarrow.parquet as pq

import expect

D = decimal.Decimal


def scalars(r):
    """A type and a maker of its values."""
    word = lambda: "".join(r.choice("abcdefé☂ ") for _ in range(r.randrange(r.choice([2, 12, 60]))))
    digits = r.randrange(1, 39)
    scale = r.randrange(digits + 1)
    width = r.randrange(1, 20)
    return r.choice([
        (pa.bool_(), lambda: r.random() < 0.5),
        (pa.int8(), lambda: r.randrange(-128, 128)),
        (pa.int16(), lambda: r.randrange(-(2**15), 2**15)),
        (pa.int32(), lambda: r.randrange(-(2**31), 2**31)),
        (pa.int64(), lambda: r.randrange(-(2**63), 2**63)),
        (pa.int64(), lambda: r.randrange(20)),
        (pa.uint8(), lambda: r.randrange(256)),
        (pa.uint16(), lambda: r.randrange(2**16)),
        (pa.uint32(), lambda: r.randrange(2**32)),
        (pa.uint64(), lambda: r.randrange(2**64)),
        (pa.float16(), lambda: float(r.randrange(-2000, 2000)) / 4),
        (pa.float32(), lambda: float(r.randrange(-(2**20), 2**20)) / 8),
        (pa.float64(), r.random),
        (pa.string(), word),
        (pa.string(), lambda: r.choice(["red", "green", "blue", ""])),
        (pa.large_string(), word),
        (pa.binary(), lambda: r.randbytes(r.randrange(20))),
        (pa.binary(width), lambda: r.randbytes(width)),
        (pa.date32(), lambda: r.randrange(-100000, 100000)),
        (pa.timestamp("ms", "UTC"), lambda: r.randrange(-(2**45), 2**45)),
        (pa.timestamp("us"), lambda: r.randrange(-(2**55), 2**55)),
        (pa.timestamp("ns", "UTC"), lambda: r.randrange(-(2**62), 2**62)),
        (pa.decimal128(digits, scale), lambda: D(r.randrange(-(10**digits) + 1, 10**digits)).scaleb(-scale)),
        (pa.null(), lambda: None),
    ])


def kinds(r, depth=0):
    """Scalars, and lists, maps and structs of them."""
    t, make = scalars(r)
    if depth == 3 or r.random() < 0.7:
        return t, make
    inner, element = kinds(r, depth + 1)
    nulls = r.choice([0, 0.1, 0.5])
    some = lambda: None if r.random() < nulls else element()
    kind = r.randrange(4)
    if kind == 0 or kind == 2 and pa.types.is_null(t):
        return pa.list_(pa.field("element", inner, nullable=nulls > 0 or pa.types.is_null(inner))), lambda: [some() for _ in range(r.choice([0, 1, 3, 40]))]
    if kind == 1:
        return pa.large_list(inner), lambda: [some() for _ in range(r.choice([0, 2]))]
    if kind == 2:
        return pa.map_(t, inner), lambda: [(make(), some()) for _ in range(r.choice([0, 1, 4]))]
    return pa.struct([("a", inner), ("b", t)]), lambda: {"a": some(), "b": None if r.random() < 0.2 else make()}


def column(r, rows):
    t, make = kinds(r)
    nulls = r.choice([0, 0, 0.01, 0.3, 0.97, 1])
    values = [None if r.random() < nulls else make() for _ in range(rows)]
    return pa.field("c", t, nullable=nulls > 0 or pa.types.is_null(t)), pa.array(values, t)


def encodings(r, fields):
    out = {}
    for f in fields:
        choices = ["PLAIN"]
        if pa.types.is_integer(f.type) and f.type.bit_width >= 32 or pa.types.is_timestamp(f.type) or pa.types.is_date(f.type):
            choices += ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
        if pa.types.is_string(f.type) or pa.types.is_binary(f.type):
            choices += ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]
        if pa.types.is_fixed_size_binary(f.type) and not pa.types.is_decimal(f.type):
            choices += ["DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"]
        if pa.types.is_floating(f.type):
            choices += ["BYTE_STREAM_SPLIT"]
        if pa.types.is_boolean(f.type):
            choices += ["RLE"]
        out[f.name] = r.choice(choices)
    return {k: v for k, v in out.items() if v != "PLAIN"}


def write(r, path):
    rows = r.choice([0, 1, 7, 63, 64, 65, 1000, 5000])
    made = [column(r, rows) for _ in range(r.randrange(1, 8))]
    fields = [f.with_name(f"c{i}") for i, (f, _) in enumerate(made)]
    table = pa.Table.from_arrays([a for _, a in made], schema=pa.schema(fields))
    options = {
        "use_dictionary": r.random() < 0.6, "compression": r.choice(["none", "snappy", "gzip", "brotli", "zstd", "lz4"]),
        "data_page_version": r.choice(["1.0", "2.0"]), "data_page_size": r.choice([64, 1000, 1 << 20]),
        "dictionary_pagesize_limit": r.choice([16, 500, 1 << 20]), "row_group_size": r.choice([50, 1000, 1 << 20]),
        "write_page_checksum": r.random() < 0.5, "store_decimal_as_integer": r.random() < 0.5,
        "write_batch_size": r.choice([1, 10, 1024]), "use_compliant_nested_type": r.random() < 0.7, "store_schema": False,
    }
    if not options["use_dictionary"]:
        options["column_encoding"] = encodings(r, fields)
    pq.write_table(table, path, **options)


def main():
    folder, seed, files = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    found = {}
    for i in range(files):
        path = folder / f"random{i:03d}.parquet"
        write(random.Random(seed + i), path)
        found[path.name] = expect.expect(path)
    (folder / "expected.json").write_text(json.dumps(found))


decimal.getcontext().prec = 80
main()
