"""A model that was fitted where pyarrow is installed answers in a process where it is not."""

import io
import json
import subprocess
import sys
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.tree import ROOT

READER = """
import json, sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotInstalled())
import pandas as pd
from changeover.artifact.load import load_model
model = load_model(sys.stdin.buffer.read())
frame = pd.DataFrame(json.loads(sys.argv[1])).astype({"city": "str"})
assert frame["city"].dtype.storage == "python"
columns = [columns.dtype.storage for _, _, columns in model[0].transformers]
assert "pyarrow" not in sys.modules
print(json.dumps([model.predict_proba(frame).tolist(), columns]))
"""


def test_a_model_answers_equally_where_there_is_no_pyarrow() -> None:
    random = np.random.default_rng(0)
    rows = {"city": random.choice(["Rome", "Oslo", "Zürich"], 40).tolist(), "size": random.normal(size=40).tolist()}
    frame = pd.DataFrame(rows).astype({"city": "str"})
    numbers, texts = frame.select_dtypes("number").columns, frame.select_dtypes(exclude="number").columns
    assert texts.dtype.storage == "pyarrow"  # type: ignore[union-attr]
    columns = ColumnTransformer([("numbers", StandardScaler(), numbers), ("texts", OneHotEncoder(), texts)])
    model: Any = make_pipeline(columns, LogisticRegression()).fit(frame, np.arange(40) % 3 == 0)
    file = io.BytesIO()
    joblib.dump(model, file)
    done = subprocess.run(
        [sys.executable, "-c", READER, json.dumps(rows)],
        cwd=ROOT,
        input=file.getvalue(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == [model.predict_proba(frame).tolist(), ["python", "python"]]
