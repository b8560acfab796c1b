"""strata every night on Airflow (2.4 or later): one run a date, in the order of the dates."""

import subprocess

import pendulum
from airflow.decorators import dag, task
from airflow.exceptions import AirflowFailException
from airflow.timetables.interval import CronDataIntervalTimetable

CONFIG = "/etc/strata/strata.yaml"
NEEDS_A_PERSON = {2: "the configuration is at fault", 4: "a guard stopped the run; --accept publishes in spite of it"}


@dag(
    schedule=CronDataIntervalTimetable("30 3 * * *", timezone="Europe/Paris"),  # the zone of strata.yaml
    start_date=pendulum.datetime(2026, 11, 1, tz="Europe/Paris"),
    catchup=True,  # a date that was missed is run later; one that is done already costs a moment
    max_active_runs=1,
    default_args={"retries": 6, "retry_delay": pendulum.duration(minutes=10), "depends_on_past": True},
    tags=["strata"],
)
def strata():
    @task
    def run(data_interval_start=None):
        date = data_interval_start.in_timezone("Europe/Paris").to_date_string()
        command = ["strata", "run", "--config", CONFIG, "--date", date, "--log-format", "json"]
        code = subprocess.run(command, check=False).returncode
        if code in NEEDS_A_PERSON:
            raise AirflowFailException(f"{date}: {NEEDS_A_PERSON[code]} (exit code {code})")  # no retry
        if code != 0:
            raise RuntimeError(f"{date}: strata stopped with exit code {code}")  # input not there yet, a lost race: retry

    run()


strata()
