"""The Spark session of tests and benchmarks: two cores of this machine, and Python workers of this interpreter."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession

_CONFIGURATION = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.python.worker.reuse": "true",
    "spark.ui.enabled": "false",
}


def session(folder: Path, configuration: Mapping[str, str]) -> SparkSession:
    """A session whose files are in `folder`."""
    os.environ["PYSPARK_PYTHON"] = sys.executable  # else the workers are the python3 of the path
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.master("local[2]").appName("changeover")
    places = {"spark.local.dir": str(folder / "local"), "spark.sql.warehouse.dir": str(folder / "warehouse")}
    for name, value in {**_CONFIGURATION, **places, **configuration}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark
