"""Writes what pyarrow reads from a folder of Parquet files, for the test to compare with: python3 expect.py FOLDER > FILE.

Each column becomes its number of rows, a digest over the canonical text of every row, and the first rows as they are.
The canonical text is that of renderValue in render_test.go.
"""
import decimal
import hashlib
import json
import pathlib
import struct
import sys

import pyarrow as pa
import pyarrow.parquet as pq


def number(value):
    if value != value:
        return "nan"
    return struct.pack(">d", value).hex()


def render(arr):
    """The canonical text of every value of an array."""
    t = arr.type
    if isinstance(t, pa.BaseExtensionType):
        return render(arr.storage)
    if pa.types.is_dictionary(t):
        return render(arr.dictionary_decode())
    if pa.types.is_null(t):
        return ["null"] * len(arr)
    if pa.types.is_struct(t):
        fields = [render(f) for f in arr.flatten()]
        rows = ["(" + ",".join(row) + ")" for row in zip(*fields)] if fields else ["()"] * len(arr)
    elif pa.types.is_map(t):
        keys, items, at = render(arr.keys), render(arr.items), arr.offsets.to_pylist()
        first = 0
        rows = []
        for a, b in zip(at, at[1:]):
            rows.append("{" + ",".join(f"{keys[i - first]}={items[i - first]}" for i in range(a, b)) + "}")
    elif pa.types.is_list(t) or pa.types.is_large_list(t):
        values, at = render(arr.values), arr.offsets.to_pylist()
        rows = ["[" + ",".join(values[a:b]) + "]" for a, b in zip(at, at[1:])]
    elif pa.types.is_fixed_size_list(t):
        values, n = render(arr.values), t.list_size
        rows = ["[" + ",".join(values[i * n : (i + 1) * n]) + "]" for i in range(len(arr))]
    elif pa.types.is_timestamp(t):
        zone = "UTC" if t.tz else ""
        rows = [f"t:{v}:{t.unit}:{zone}" for v in arr.cast(pa.int64()).to_pylist()]
    elif pa.types.is_date(t):
        rows = [f"d:{v}" for v in arr.cast(pa.int32()).to_pylist()]
    elif pa.types.is_decimal(t):
        rows = ["" if v is None else f"n:{int(v.scaleb(t.scale))}:{t.scale}" for v in arr.to_pylist()]
    elif pa.types.is_string(t) or pa.types.is_large_string(t):
        rows = ["" if v is None else "s:" + v.hex() for v in arr.cast(pa.large_binary()).to_pylist()]
    elif pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_fixed_size_binary(t):
        rows = ["" if v is None else "b:" + v.hex() for v in arr.to_pylist()]
    elif pa.types.is_boolean(t):
        rows = [str(v).lower() for v in arr.to_pylist()]
    elif pa.types.is_floating(t):
        rows = ["" if v is None else number(float(v)) for v in arr.to_pylist()]
    elif pa.types.is_integer(t):
        rows = [str(v) for v in arr.to_pylist()]
    else:
        raise TypeError(f"type {t}")
    return [row if ok else "null" for row, ok in zip(rows, arr.is_valid().to_pylist())]


def column(chunked, instants):
    rows = [text for chunk in chunked.chunks for text in render(chunk)]
    if instants:  # INT96 are instants to us, as to those who write them, and local times to pyarrow
        rows = [row.replace(":us:", ":us:UTC") for row in rows]
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]
    return {"rows": len(rows), "digest": digest, "first": [row[:80] for row in rows[:3]]}


def expect(path):
    try:
        f = pq.ParquetFile(path, coerce_int96_timestamp_unit="us", page_checksum_verification=True)
    except Exception as fault:  # whatever it says
        return {"fault": str(fault).splitlines()[0]}
    out = {}
    for i, name in enumerate(f.schema_arrow.names):
        try:
            instants = any(c.physical_type == "INT96" and c.path.split(".")[0] == name for c in map(f.schema.column, range(len(f.schema))))
            table = f.read(columns=[name])
            if table.num_rows < f.metadata.num_rows:
                raise ValueError(f"reads {table.num_rows} rows of {f.metadata.num_rows}")
            out[f"{i} {name}"] = column(table.column(name), instants)
        except Exception as fault:
            out[f"{i} {name}"] = {"fault": str(fault).splitlines()[0]}
    return {"columns": out}


def main():
    decimal.getcontext().prec = 80
    found = {}
    folder = pathlib.Path(sys.argv[1])
    for path in sorted(folder.rglob("*.parquet")):
        if path.name == "large_string_map.brotli.parquet":
            continue  # two strings of 1 GiB: the test says what we do with them
        found[str(path.relative_to(folder))] = expect(path)
    print("{" + ",\n".join(f"{json.dumps(path)}: {json.dumps(what)}" for path, what in found.items()) + "}")


if __name__ == "__main__":
    main()
