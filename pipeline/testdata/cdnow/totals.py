"""totals.py MASTER: sizes and changes of segments and stages at 18 month ends, by SQL over the purchases alone.

Prints JSON: {date: {segment or "journey/stage": [size, entered, exited], "journey": [moved]}}. Of the first date all changes
are 0. It reads no snapshot and knows nothing of strata; the rules are written once more, in SQL.
"""

import json
import sys

import duckdb

SQL = """
with purchases as (
    select column0::bigint as customer, strptime(column1::varchar, '%Y%m%d')::date as day, column3::decimal(10, 2) as dollars
    from (select regexp_split_to_array(trim(line, e' \\r'), ' +') as f from lines) l,
        lateral (select f[1] as column0, f[2] as column1, f[4] as column3) where f[1] ~ '^[0-9]+$'
), dates as (
    select last_day(date '1997-01-01' + to_months(m::int))::date as date, m from range(18) t(m)
), customers as (select distinct customer from purchases),
state as (
    select m, d.date, c.customer, count(p.day) as orders, coalesce(sum(p.dollars), 0) as money, d.date - max(p.day) as age
    from dates d cross join customers c left join purchases p on p.customer = c.customer and p.day <= d.date
    group by m, d.date, c.customer
), members as (
    select m, date, customer, unnest([
        {name: 'never_bought', yes: orders = 0},
        {name: 'bought_once', yes: orders = 1},
        {name: 'loyal', yes: orders >= 4},
        {name: 'big_spender', yes: money > 200},
        {name: 'active', yes: age <= 90},
        {name: 'lost', yes: age > 180},
        {name: 'champions', yes: age <= 90 and orders >= 4 and money > 200},
        {name: 'at_risk', yes: orders >= 3 and age > 90 and age <= 180},
        {name: 'journey/' || case when age > 180 then 'gone' when age > 90 then 'sleeping' when orders >= 4 then 'regular'
            when orders >= 2 then 'returning' when orders = 1 then 'first_timer' else 'prospect' end, yes: true}
    ], recursive := true) from state
), now as (select * from members where yes)
select coalesce(n.m, o.m + 1) as m, coalesce(n.name, o.name) as name, count(n.customer) as size,
    count(*) filter (where o.customer is null and n.m > 0) as entered, count(*) filter (where n.customer is null) as exited
from now n full join now o on o.m = n.m - 1 and o.customer = n.customer and o.name = n.name
where coalesce(n.m, o.m + 1) < 18
group by all
"""

with open(sys.argv[1], encoding="ascii") as file:
    lines = file.read().splitlines()
db = duckdb.connect()
db.execute("create table lines (line varchar)")
db.execute("insert into lines select unnest(?)", [lines])
dates = [str(d) for (d,) in db.execute("select last_day(date '1997-01-01' + to_months(m::int))::date from range(18) t(m) order by 1").fetchall()]
totals = {date: {"journey": [0]} for date in dates}
for m, name, size, entered, exited in db.execute(SQL).fetchall():
    totals[dates[m]][name] = [size, entered, exited]
    if name.startswith("journey/"):
        totals[dates[m]]["journey"][0] += entered
print(json.dumps(totals))
