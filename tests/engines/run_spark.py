"""The program that scores by Spark: one session for all cases. It prints what each case came to, as JSON.

The argument is a JSON object: the addresses of model_server and a token, the folder, and the versions to score with.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from changeover import Client
from changeover.exceptions import ChangeoverError
from changeover.spark import score
from tests.engines.session import session

GIVEN = json.loads(sys.argv[1])
FOLDER = Path(GIVEN["folder"])
ASK = {"server_url": GIVEN["server_url"], "token": GIVEN["token"], "cache_dir": str(FOLDER / "cache")}
CONFIGURATION = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # it runs for a minute
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50",
}


def answers(frame: DataFrame) -> object:
    """All columns and three more, from eight partitions."""
    scored = score(frame.repartition(8), "churn", **ASK)
    scored.write.parquet(str(FOLDER / "all"))
    return scored.columns


def kept(frame: DataFrame) -> object:
    """One column and three more, with their types, of a model without a twin."""
    scored = score(frame, "neighbours", keep=["id"], **ASK)
    scored.write.parquet(str(FOLDER / "kept"))
    return scored.dtypes


def old(frame: DataFrame) -> object:
    """The versions before a roll, after it by the DataFrame of before, and by one of after."""
    before = score(frame, "churn", keep=["id"], **ASK)
    Client(GIVEN["server_url"], token=GIVEN["token"]).roll(GIVEN["second"], model="churn")
    return [versions(before), versions(score(frame, "churn", keep=["id"], **ASK))]


def at(frame: DataFrame) -> object:
    """The versions by a sequence number and by the beginning of a hash."""
    return [versions(score(frame, "churn", at=at, **ASK)) for at in ("1", GIVEN["second"][:12])]


def damaged(frame: DataFrame) -> object:
    """The error of a job whose model was changed in the bucket, and the files that it left."""
    folder = FOLDER / "damaged"
    error = refused(lambda: score(frame, "damaged", **ASK).write.parquet(str(folder)))
    return [error, sorted(path.name for path in folder.rglob("*.parquet")), (folder / "_SUCCESS").exists()]


def lacks_a_column(frame: DataFrame) -> object:
    return refused(lambda: score(frame.drop("plan"), "churn", **ASK))


def has_an_answer(frame: DataFrame) -> object:
    return refused(lambda: score(frame.withColumnRenamed("id", "prediction"), "churn", **ASK))


def depends(frame: DataFrame) -> object:
    return refused(lambda: score(frame, "together", **ASK))


def row_at_fault(frame: DataFrame) -> object:
    text = frame.withColumn("age", frame.age.cast("string").substr(1, 1)).replace("4", "many", ["age"])
    return refused(lambda: score(text, "churn", **ASK).count(), "the job was done")


def versions(scored: DataFrame) -> list[str]:
    return sorted({row.model_version for row in scored.select("model_version").collect()})


def refused(call: Callable[[], object], else_: str = "no error came") -> str:
    """The message of the error that a call ends with."""
    try:
        call()
    except (ChangeoverError, PySparkException) as error:
        return f"{type(error).__name__}: {error}"
    return else_


CASES = [answers, kept, old, at, damaged, lacks_a_column, has_an_answer, depends, row_at_fault]

if __name__ == "__main__":
    spark = session(FOLDER, CONFIGURATION)
    rows = spark.read.parquet(GIVEN["rows"])
    came: dict[str, Any] = {case.__name__: case(rows) for case in CASES}
    spark.stop()
    sys.stdout.write(f"{json.dumps(came)}\n")
