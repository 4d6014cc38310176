"""A script that saves a model with a signature, as in MLflow's documentation, for `mlflow models serve`.

python mlflow_model.py MODEL_FILE ROWS_PICKLE FOLDER
"""

import sys

import joblib
import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature

if __name__ == "__main__":
    file, rows, folder = sys.argv[1:]
    model, frame = joblib.load(file), pd.read_pickle(rows)
    mlflow.sklearn.save_model(
        model,
        folder,
        serialization_format="cloudpickle",
        signature=infer_signature(frame, model.predict_proba(frame)),
        pyfunc_predict_fn="predict_proba",
        pip_requirements=[],
    )
