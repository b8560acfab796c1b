"""Reads every *.parquet of a folder with pyarrow, DuckDB and Polars and prints one JSON line a file.

A line has the columns and rows as pyarrow reads them, in plain terms (dates and times as their integers, decimals unscaled,
bytes as "x" and hexadecimal), and "faults": whatever another engine, a filter, the statistics, the page index or the bloom
filter say otherwise. A file "name.parquet" may have "name.skip.json" beside it: {"duckdb": [columns], "polars": [columns]}.
"""
import json, math, pathlib, random, struct, sys, uuid
import duckdb, polars, pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq

def plain_type(t):
    if isinstance(t, pa.BaseExtensionType):
        return t.storage_type
    return t

def plain(v, t):
    if v is None:
        return None
    if pa.types.is_list(t):
        return [plain(x, t.value_type) for x in v]
    if pa.types.is_decimal(t):
        return str(int(v.scaleb(t.scale, __import__("decimal").Context(prec=100))))
    if isinstance(v, uuid.UUID):
        return "x" + v.bytes.hex()
    if isinstance(v, bytes):
        return "x" + v.hex()
    if isinstance(v, bool) or isinstance(v, str):
        return v
    if isinstance(v, float):
        if pa.types.is_float16(t):
            return "x" + struct.pack("<e", v).hex()
        if pa.types.is_float32(t):
            return "f%08x" % struct.unpack("<I", struct.pack("<f", v))[0] if v == v else "fnan"
        return "f%016x" % struct.unpack("<Q", struct.pack("<d", v))[0] if v == v else "fnan"
    return str(int(v))

def whole(t):
    """The type to which instants, dates and times are cast: integers."""
    if pa.types.is_list(t):
        return pa.list_(whole(t.value_type))
    if pa.types.is_date32(t) or pa.types.is_time32(t):
        return pa.int32()
    return pa.int64() if pa.types.is_timestamp(t) or pa.types.is_time64(t) else t

def rows_of(column):
    t = whole(column.type)
    if t != column.type:
        column = column.cast(t)
    return [plain(v, t) for v in column.to_pylist()]

def is_uuid(t):
    t = t.value_type if pa.types.is_list(t) else t
    return isinstance(t, pa.BaseExtensionType) and t.extension_name == "arrow.uuid"

def uuid_rows(values):
    """UUIDs, which engines give as text, bytes or UUID objects."""
    if isinstance(values, list):
        return [uuid_rows(v) for v in values]
    if isinstance(values, str) and not values.startswith("x"):
        return "x" + uuid.UUID(values).hex
    return "x" + values.bytes.hex() if isinstance(values, uuid.UUID) else "x" + values.hex() if isinstance(values, bytes) else values

def in_terms_of(column, t):
    """The rows of another engine's column, after a cast to pyarrow's type."""
    return uuid_rows(column.to_pylist()) if is_uuid(t) else rows_of(column.cast(t))

def compare(engine, other, table, skip, faults):
    if other.num_rows != table.num_rows or other.column_names != table.column_names:
        faults.append(f"{engine}: {other.num_rows} rows of {other.column_names}, pyarrow has {table.num_rows} of {table.column_names}")
        return
    for name in table.column_names:
        if name in skip:
            continue
        want = rows_of(table[name])
        try:
            got = in_terms_of(other[name], table[name].type)
        except Exception as e:
            faults.append(f"{engine}: column {name!r}: {type(e).__name__}: {e}")
            continue
        if want != got:
            at = next(i for i in range(len(want)) if want[i] != got[i])
            faults.append(f"{engine}: column {name!r}, row {at}: {got[at]!r}, pyarrow has {want[at]!r}")

def filters(path, table, faults):
    ids = table["user_id"].to_pylist()
    if not ids:
        return
    if isinstance(ids[0], uuid.UUID):
        return uuid_filters(path, ids, faults)
    rng, con, t = random.Random(1), duckdb.connect(), table["user_id"].type
    arrow = lambda v: pa.scalar(v, t)
    field, lit = pc.field("user_id"), lambda v: polars.lit(v, dtype=polars.from_arrow(table["user_id"]).dtype)
    counts = {}
    for v in ids:
        counts[v] = counts.get(v, 0) + 1
    for v in [ids[0], ids[-1]] + [rng.choice(ids) for _ in range(6)]:
        want = counts[v]
        got = {
            "duckdb": con.execute("select count(*) from read_parquet(?) where user_id = ?", [path, v]).fetchone()[0],
            "pyarrow": pq.read_table(path, columns=["user_id"], filters=field == arrow(v)).num_rows,
            "polars": polars.scan_parquet(path).filter(polars.col("user_id") == lit(v)).select("user_id").collect().height,
        }
        for engine, n in got.items():
            if n != want:
                faults.append(f"{engine}: user_id = {v!r} gives {n} rows, want {want}")
        if con.execute(f"select bloom_filter_excludes from parquet_bloom_probe('{path}', 'user_id', ?)", [v]).fetchone()[0]:
            faults.append(f"duckdb: the bloom filter rules out {v!r}, which is there")
    low, high = sorted((rng.choice(ids), rng.choice(ids)))
    want = sum(low <= v <= high for v in ids)
    got = {
        "duckdb": con.execute("select count(*) from read_parquet(?) where user_id between ? and ?", [path, low, high]).fetchone()[0],
        "pyarrow": pq.read_table(path, columns=["user_id"], filters=(field >= arrow(low)) & (field <= arrow(high))).num_rows,
        "polars": polars.scan_parquet(path).filter(polars.col("user_id").is_between(lit(low), lit(high))).select("user_id").collect().height,
    }
    for engine, n in got.items():
        if n != want:
            faults.append(f"{engine}: {low!r} to {high!r} gives {n} rows, want {want}")
    absent(path, ids, con, faults)

def uuid_filters(path, ids, faults):
    con = duckdb.connect()
    for v in {ids[0], ids[-1], ids[len(ids) // 2]}:
        n = con.execute("select count(*) from read_parquet(?) where user_id = ?::uuid", [path, str(v)]).fetchone()[0]
        if n != ids.count(v):
            faults.append(f"duckdb: user_id = {v} gives {n} rows, want {ids.count(v)}")
    low, high = sorted((ids[len(ids) // 3], ids[len(ids) // 2]))
    n = con.execute("select count(*) from read_parquet(?) where user_id between ?::uuid and ?::uuid", [path, str(low), str(high)]).fetchone()[0]
    if n != sum(low <= v <= high for v in ids):
        faults.append(f"duckdb: {low} to {high} gives {n} rows")

def absent(path, ids, con, faults):
    """Most ids that are not there are ruled out by the bloom filter; none is found."""
    have, out, n = set(ids), 0, 60
    for i in range(n):
        v = ids[0]
        while v in have:
            v = str(uuid.UUID(int=random.getrandbits(128))) if isinstance(v, str) else bytes(random.randbytes(12)) if isinstance(v, bytes) else random.getrandbits(31)
        excluded = con.execute(f"select bloom_filter_excludes from parquet_bloom_probe('{path}', 'user_id', ?)", [v]).fetchone()[0]
        out += excluded
        if i < 5 and con.execute("select count(*) from read_parquet(?) where user_id = ?", [path, v]).fetchone()[0]:
            faults.append(f"duckdb: finds {v!r}, which is not there")
    if out < n * 3 // 4:
        faults.append(f"the bloom filter rules out only {out} of {n} ids that are not there")

def statistics(path, table, faults):
    meta = pq.ParquetFile(path).metadata
    for g in range(meta.num_row_groups):
        group = meta.row_group(g)
        if [c.column_index for c in group.sorting_columns] != [0]:
            faults.append(f"sorting columns {group.sorting_columns}")
        for c in range(group.num_columns):
            chunk = group.column(c)
            name, s = chunk.path_in_schema, chunk.statistics
            if not chunk.has_offset_index:
                faults.append(f"column {name!r} has no offset index")
            if name not in table.column_names or s is None:
                continue
            column = table[name]
            if s.null_count != column.null_count:
                faults.append(f"column {name!r}: {s.null_count} nulls in the statistics, {column.null_count} in the column")
            bounds(name, s, chunk, column, faults)

def bounds(name, s, chunk, column, faults):
    t = column.type
    if not s.has_min_max or isinstance(t, pa.BaseExtensionType) or pa.types.is_decimal(t) or pa.types.is_fixed_size_binary(t) or pa.types.is_float16(t) or getattr(t, "unit", "") == "ns":
        return
    if not chunk.has_column_index:
        faults.append(f"column {name!r} has bounds but no column index")
    values = [v for v in column.to_pylist() if v is not None and v == v]
    if pa.types.is_string(t):
        values = [v.encode() for v in values]
        low, high = s.min_raw, s.max_raw
        low, high = (x.encode() if isinstance(x, str) else x for x in (low, high))
    else:
        low, high = s.min, s.max
    if not values:
        faults.append(f"column {name!r} has bounds but no values")
        return
    if low > min(values) or high < max(values):
        faults.append(f"column {name!r}: bounds {low!r} to {high!r}, values {min(values)!r} to {max(values)!r}")
    long = isinstance(low, bytes) and (len(min(values)) > 64 or len(max(values)) > 64)
    if not long and (low != min(values) or high != max(values)):
        faults.append(f"column {name!r}: bounds {low!r} to {high!r} are loose, values {min(values)!r} to {max(values)!r}")

def read(path):
    faults, skip = [], {"duckdb": [], "polars": []}
    side = path.with_suffix(".skip.json")
    if side.exists():
        skip.update(json.loads(side.read_text()))
    file = pq.ParquetFile(str(path), page_checksum_verification=True)
    table = file.read()
    table.validate(full=True)
    duck = duckdb.connect()
    duck.execute("set timezone = 'UTC'")
    other = duck.execute("select * from read_parquet(?)", [str(path)]).to_arrow_table()
    compare("duckdb", other, table, skip["duckdb"], faults)
    keep = [c for c in table.column_names if c not in skip["polars"]]
    compare("polars", polars.read_parquet(str(path), columns=keep, use_pyarrow=False).to_arrow(), table.select(keep), [], faults)
    statistics(str(path), table, faults)
    if skip.get("filters") is None:
        filters(str(path), table, faults)
    rows = [rows_of(table[i]) for i in range(table.num_columns)]
    return {
        "file": path.name, "columns": table.column_names, "types": [str(f.type) for f in table.schema],
        "rows": [list(r) for r in zip(*rows)], "faults": faults,
    }

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.parquet")):
    try:
        print(json.dumps(read(path)))
    except Exception as e:
        print(json.dumps({"file": path.name, "columns": [], "types": [], "rows": [], "faults": [f"{type(e).__name__}: {e}"]}))
