"""The nightly job as a DuckDB script: duckdb_job.py SNAPSHOTS NIGHT(1|2) PREVIOUS_OUTPUT(or -) OUTPUT

The rival of the bench, as fast as we know to make it: lists and events are built once per distinct set, and joined back. It writes
what strata writes: membership with lists, stage and mask (its own state), transitions with reasons, at and event ids. DuckDB has no
xxh3-128, so its event ids are MD5, the only hash of 128 bits it has; they are not compared.
"""

import os
import shutil
import sys
import time

import duckdb

snapshots, night, previous, output = sys.argv[1:5]


def instant(n):
    return f"TIMESTAMPTZ '2026-11-0{n} 00:00:00+00'"


NOW, BEFORE = instant(night), instant(max(int(night) - 1, 1))
PAID = "plan IN ('basic','pro','enterprise')"


def rules(now):
    """The segments at a now; what lies after the night's own now is the future."""
    def within(column, days):
        return f"{column} >= {now} - INTERVAL {days} DAY AND {column} <= {NOW}"

    def older(column, days):
        return f"{column} < {now} - INTERVAL {days} DAY"

    return [
        ("adults_fr", "country='FR' AND age>=18", False), ("us_young", "country='US' AND age<25", False),
        ("vip", "ltv>800", False), ("high_rev", "revenue_90d>250", False), ("frequent", "orders_90d>=4", False),
        ("sms_reachable", "sms_opt_in AND country IN ('US','GB','CA')", False), ("email_reachable", "email_opt_in", False),
        ("push_ios", "push_opt_in AND device='ios'", False), ("dormant", older("last_seen_at", 60), True),
        ("active_7d", within("last_seen_at", 7), True), ("active_30d", within("last_seen_at", 30), True),
        ("recent_buyer", within("last_order_at", 30), True), ("lapsed_buyer", older("last_order_at", 180), True),
        ("never_bought", "last_order_at IS NULL", False), ("new_user", within("signup_at", 30), True),
        ("churn_high", f"churn_score>0.8 AND {PAID}", False), ("sms_interested", "interest_sms>0.7 AND sms_opt_in", False),
        ("tagged_vip", "list_contains(tags,'vip')", False),
        ("beta_android", "list_contains(tags,'beta') AND device='android'", False), ("paid", PAID, False),
        ("power", "sessions_30d>12 OR clicks_30d>9", False),
        ("old_app", "starts_with(app_version,'1.') AND device IN ('ios','android')", False),
        ("referred_buyer", "source IN ('referral','partner') AND orders_90d>0", False),
        ("winback", f"{older('last_seen_at', 60)} AND ltv>800", True),
    ]


NAMES = [name for name, _, _ in rules(NOW)]
STAGES = ["churned", "customer", "lead", "prospect"]


def mask(now, timed_only=False):
    """All rules as bits of one number; those that no time moves are not asked twice."""
    parts = [f"(CASE WHEN {rule} THEN {1 << i} ELSE 0 END)" for i, (_, rule, timed) in enumerate(rules(now)) if timed or not timed_only]
    return " | ".join(parts)


def stage(now):
    return (
        f"(CASE WHEN {PAID} AND last_seen_at < {now} - INTERVAL 90 DAY THEN 0 WHEN {PAID} OR orders_90d>0 THEN 1 "
        f"WHEN clicks_30d>3 OR interest_sms>0.7 THEN 2 ELSE 3 END)::TINYINT"
    )


TIMED = sum(1 << i for i, (_, _, timed) in enumerate(rules(NOW)) if timed)
ALL = (1 << len(NAMES)) - 1


def names(values):
    return "[" + ",".join(f"'{v}'" for v in values) + "]"


def filtered(cases):
    return f"list_filter([{','.join(cases)}], lambda x: x IS NOT NULL)"


con = duckdb.connect()
con.execute("SET threads=2; SET preserve_insertion_order=false; SET TimeZone='UTC'; SET memory_limit='16GB'")
shutil.rmtree(output, ignore_errors=True)
os.makedirs(output)
FILES = "(FORMAT PARQUET, PER_THREAD_OUTPUT true, COMPRESSION zstd)"
start = time.time()

# m is today's set, a the set that today's data had at the earlier now; where they differ, time has passed.
con.execute(
    f"""CREATE TEMP TABLE cur AS SELECT user_id, m, ((m & {ALL ^ TIMED}) | a) AS a, s, sa FROM (
    SELECT user_id, ({mask(NOW)})::BIGINT AS m, ({mask(BEFORE, True)})::BIGINT AS a, {stage(NOW)} AS s, {stage(BEFORE)} AS sa
    FROM read_parquet('{snapshots}/date=2026-11-0{night}/*.parquet'))"""
)
lists = filtered([f"CASE WHEN m & {1 << i} <> 0 THEN '{n}' END" for i, n in enumerate(NAMES)])
con.execute(f"CREATE TEMP TABLE sets AS SELECT m, {lists} AS segments FROM (SELECT DISTINCT m FROM cur)")
con.execute(
    f"""COPY (SELECT user_id, segments, {names(STAGES)}[s + 1] AS journey, m, s FROM cur JOIN sets USING (m))
    TO '{output}/membership' {FILES}"""
)
if previous == "-":
    con.execute(
        f"""CREATE TEMP TABLE ch AS SELECT user_id, m AS cm, 0::BIGINT AS pm, m AS ca, s AS cs, NULL::TINYINT AS ps, sa, true AS new, false AS gone FROM cur"""
    )
else:
    con.execute(
        f"""CREATE TEMP TABLE ch AS SELECT * FROM (
        SELECT coalesce(c.user_id, p.user_id) user_id, coalesce(c.m, 0) cm, coalesce(p.m, 0) pm, coalesce(c.a, 0) ca,
               c.s cs, p.s ps, c.sa sa, p.user_id IS NULL AS new, c.user_id IS NULL AS gone
        FROM cur c FULL JOIN read_parquet('{previous}/membership/*.parquet') p ON c.user_id = p.user_id)
        WHERE cm <> pm OR cs IS DISTINCT FROM ps"""
    )
# An event is segment * 4 + entered * 2 + by time.
events = filtered([
    f"CASE WHEN xor(cm, pm) & {1 << i} = 0 THEN NULL ELSE {4 * i} + (CASE WHEN cm & {1 << i} <> 0 THEN 2 ELSE 0 END) "
    f"+ (CASE WHEN xor(ca, pm) & {1 << i} = 0 THEN 1 ELSE 0 END) END"
    for i in range(len(NAMES))
])
con.execute(f"CREATE TEMP TABLE pairs AS SELECT cm, pm, ca, {events} AS es FROM (SELECT DISTINCT cm, pm, ca FROM ch WHERE cm <> pm)")
first = previous == "-"
reason = "'segment_added'" if first else "CASE WHEN new THEN 'user_new' WHEN gone THEN 'user_deleted' WHEN timed THEN 'time_passed' ELSE 'user_changed' END"
entered = "'initial'" if first else "'entered'"
con.execute(
    f"""COPY (SELECT user_id, segment, change, "from", "to", {reason} AS reason, {NOW} AS "at",
      md5(concat_ws('|', '2026-11-0{night}', segment, user_id, change, "from", "to"))::UUID AS event_id FROM (
        SELECT user_id, {names(NAMES)}[(e >> 2) + 1] AS segment, CASE WHEN e & 2 = 2 THEN {entered} ELSE 'exited' END AS change,
               NULL::VARCHAR AS "from", NULL::VARCHAR AS "to", e & 1 = 1 AS timed, new, gone
        FROM (SELECT user_id, new, gone, UNNEST(es) AS e FROM ch JOIN pairs USING (cm, pm, ca))
      UNION ALL
        SELECT user_id, 'journey', CASE WHEN ps IS NULL THEN {entered} WHEN cs IS NULL THEN 'exited' ELSE 'moved' END,
               {names(STAGES)}[ps + 1], {names(STAGES)}[cs + 1], cs IS DISTINCT FROM sa, new, gone FROM ch WHERE cs IS DISTINCT FROM ps))
    TO '{output}/transitions' {FILES}"""
)
print(f"{time.time() - start:.2f} s")
