"""Makes two dates of generated users, the nightly workload, or more: make_snapshots.py USERS FILES FOLDER [NIGHTS]

23 columns as a warehouse exports them: snappy, dictionaries, nulls, a list; ids are UUID texts in random order, and the order
differs from night to night. The second night has 1 % new users, and in each night after the first 0.4 % are away. The same
arguments make the same files.
"""

import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAY = 86_400_000_000  # microseconds
FIRST_NIGHT = np.datetime64("2026-11-01T00:00:00", "us").astype("int64")
COUNTRIES = np.array(
    "US GB FR DE IN BR JP KR MX IT ES CA AU NL SE PL TR ID VN TH PH NG KE ZA EG AR CL CO PE PT".split()
)
LANGUAGES = np.array("en fr de hi pt ja ko es it nl sv pl tr id vi".split())
PLANS = np.array("free trial basic pro enterprise".split())
DEVICES = np.array("ios android web ipad tv".split())
SOURCES = np.array("organic ads referral email partner social".split())
TAGS = np.array("vip beta newsletter churn-risk b2b student staff early gift webinar".split())


def mix(x):
    """splitmix64: spreads consecutive numbers over all 64 bits."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def people(n):
    """The attributes of n users as of the first night."""
    r = np.random.default_rng(11)
    p = {
        "country": np.minimum(r.exponential(6, n).astype(int), 29),
        "language": r.integers(0, 15, n),
        "plan": r.choice(5, n, p=[0.6, 0.1, 0.15, 0.12, 0.03]),
        "device": r.choice(5, n, p=[0.35, 0.4, 0.2, 0.03, 0.02]),
        "source": r.integers(0, 6, n),
        "age": r.integers(13, 90, n).astype("int32"),
        "age_null": r.random(n) < 0.2,
        "signup": FIRST_NIGHT - (r.random(n) * 1500 * DAY).astype("int64"),
        "seen": FIRST_NIGHT - (r.exponential(40, n) * DAY).astype("int64"),
        "seen_null": r.random(n) < 0.05,
        "order": FIRST_NIGHT - (r.exponential(90, n) * DAY).astype("int64"),
        "order_null": r.random(n) < 0.55,
        "orders": r.poisson(1.2, n).astype("int32"),
    }
    p["revenue"] = np.round(r.exponential(60, n) * p["orders"], 2)
    p["ltv"] = np.round(r.exponential(200, n), 2)
    p["sessions"] = r.poisson(6, n).astype("int32")
    p["clicks"] = r.poisson(3, n).astype("int32")
    p["sms"], p["email"], p["push"] = r.random(n) < 0.4, r.random(n) < 0.7, r.random(n) < 0.5
    p["churn"], p["interest"] = r.random(n), r.random(n)
    p["version"] = r.integers(0, 400, n)
    p["tag_count"] = r.choice(4, n, p=[0.5, 0.3, 0.15, 0.05])
    p["tag_seed"] = r.integers(0, 1 << 40, n)
    return p


def a_day_later(p, night=1):
    """Some come back, some buy, few change their plan or consent."""
    r, n = np.random.default_rng(100 + night), len(p["age"])
    today = FIRST_NIGHT + night * DAY
    p = {name: values.copy() for name, values in p.items()}
    back = r.random(n) < 0.06
    k = back.sum()
    p["seen"][back] = today - (r.random(k) * DAY).astype("int64")
    p["seen_null"][back] = False
    p["sessions"][back], p["clicks"][back] = r.poisson(7, k), r.poisson(3, k)
    buys = r.random(n) < 0.015
    k = buys.sum()
    p["order"][buys] = today - (r.random(k) * DAY).astype("int64")
    p["order_null"][buys] = False
    p["orders"][buys] += 1
    p["revenue"][buys] += np.round(r.exponential(60, k), 2)
    plan = r.random(n) < 0.004
    p["plan"][plan] = r.choice(5, plan.sum())
    p["sms"][r.random(n) < 0.002] ^= True
    return p


def uuids(numbers):
    """UUID texts of numbers, as an Arrow array."""
    high = mix(numbers.astype(np.uint64))
    raw = np.empty((len(numbers), 16), np.uint8)
    raw[:, :8] = high.byteswap().view(np.uint8).reshape(-1, 8)
    raw[:, 8:] = mix(high).byteswap().view(np.uint8).reshape(-1, 8)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.full((len(numbers), 36), ord("-"), np.uint8)
    for i, at in enumerate([0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]):
        text[:, at], text[:, at + 1] = digits[raw[:, i] >> 4], digits[raw[:, i] & 15]
    offsets = (np.arange(len(numbers) + 1) * 36).astype("int32")
    return pa.Array.from_buffers(pa.string(), len(numbers), [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes())])


def table(numbers, p):
    def words(codes, of):
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype("int32")), pa.array(of)).cast(pa.string())

    def instants(values, nulls=None):
        return pa.array(values, pa.int64(), mask=nulls).cast(pa.timestamp("us", tz="UTC"))

    offsets = np.zeros(len(numbers) + 1, "int32")
    np.cumsum(p["tag_count"], out=offsets[1:])
    tags = (np.repeat(p["tag_seed"], p["tag_count"]) + np.arange(offsets[-1]) * 7919) % 10
    versions = [f"{i // 40}.{i // 4 % 10}.{i % 4}" for i in range(400)]
    return pa.table({
        "user_id": uuids(numbers),
        "email": pa.array(np.char.add(np.char.add("u", numbers.astype(str)), "@example.com")),
        "country": words(p["country"], COUNTRIES), "language": words(p["language"], LANGUAGES),
        "plan": words(p["plan"], PLANS), "device": words(p["device"], DEVICES), "source": words(p["source"], SOURCES),
        "age": pa.array(p["age"], mask=p["age_null"]), "signup_at": instants(p["signup"]),
        "last_seen_at": instants(p["seen"], p["seen_null"]), "last_order_at": instants(p["order"], p["order_null"]),
        "orders_90d": pa.array(p["orders"]), "revenue_90d": pa.array(p["revenue"]), "ltv": pa.array(p["ltv"]),
        "sessions_30d": pa.array(p["sessions"]), "clicks_30d": pa.array(p["clicks"]),
        "sms_opt_in": pa.array(p["sms"]), "email_opt_in": pa.array(p["email"]), "push_opt_in": pa.array(p["push"]),
        "churn_score": pa.array(p["churn"]), "interest_sms": pa.array(p["interest"]),
        "app_version": words(p["version"], versions), "tags": pa.ListArray.from_arrays(pa.array(offsets), words(tags, TAGS)),
    })


def write_night(folder, night, p, chosen, files):
    """Writes the chosen users of a night in an order of its own."""
    chosen = chosen[np.random.default_rng(50 + night).permutation(len(chosen))]
    date = np.datetime64("2026-11-01") + night
    target = f"{folder}/date={date}"
    os.makedirs(target, exist_ok=True)
    for i, part in enumerate(np.array_split(chosen, files)):
        rows = table(part, {name: values[part] for name, values in p.items()})
        pq.write_table(rows, f"{target}/part-{i:05d}.parquet", compression="snappy", row_group_size=262_144)


def main():
    users, files, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    nights = int(sys.argv[4]) if len(sys.argv) > 4 else 2
    numbers = np.arange(users + users // 100)
    p = people(len(numbers))
    write_night(folder, 0, p, numbers[:users], files)
    for night in range(1, nights):
        p = a_day_later(p, night)
        write_night(folder, night, p, numbers[np.random.default_rng(4 + night).random(len(numbers)) >= 0.004], files)


if __name__ == "__main__":
    main()
