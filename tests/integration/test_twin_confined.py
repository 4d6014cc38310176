"""Export and proof of an ONNX twin in a confined process: one thread, no file, no socket, no child process."""

import json
import subprocess
import sys

from model_runner.confinement.confine import MEASURES
from model_runner.pool.processes import variables

CHILD = """
import json, os
import numpy as np, pandas as pd
import onnx, onnxruntime, skl2onnx
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.training_frame import rows_of
from changeover.onnx_twin.export.convert import convert
from changeover.onnx_twin.equivalence.compare import prove
from model_runner.libraries import readable
from model_runner.confinement.confine import Limits, confine

frame = pd.DataFrame({"a": np.arange(40.0) % 7, "b": ["x", "y"] * 20})
columns = ColumnTransformer([("a", StandardScaler(), ["a"]), ("b", OneHotEncoder(handle_unknown="ignore"), ["b"])])
model = make_pipeline(columns, RandomForestClassifier(10, random_state=0)).fit(frame, np.arange(40) % 3)
schema = infer_schema(model, frame)
threads = os.open("/proc/self/task", os.O_RDONLY)
held, _ = confine(readable(), Limits(4 << 30, 60))
proof = prove(model, schema, convert(model, schema), rows_of(frame))
print(json.dumps({"held": held, "proof": proof.to_json(), "threads": len(os.listdir(threads))}))
"""


def test_a_twin_is_proved_by_a_confined_process_of_one_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", CHILD], env=variables(1), cwd="/", capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    output = json.loads(done.stdout)
    assert output["held"] == dict.fromkeys(MEASURES, True)
    assert output["threads"] == 1
    assert output["proof"]["rows_at_thresholds"] > 0
    assert done.stderr == b""
