"""A model behind LitServe with WORKERS workers; BATCH > 1 scores waiting requests in one call."""

import os
from typing import Any

import joblib
import litserve
import numpy as np
import pandas as pd

BATCH = int(os.environ.get("BATCH", "1"))
Row = dict[str, Any]


class Predictor(litserve.LitAPI):
    """Rows in, probabilities out."""

    def setup(self, device: str) -> None:
        """Once in each worker."""
        self.model = joblib.load(os.environ["MODEL_FILE"])

    def decode_request(self, request: Row) -> Row:
        """One request is one row."""
        return request

    def predict(self, row: Row | list[Row]) -> Any:
        """One row, or those of a batch."""
        if isinstance(row, list):
            return self.model.predict_proba(pd.DataFrame(row))
        return self.model.predict_proba(pd.DataFrame([row]))[0]

    def encode_response(self, output: "np.ndarray[Any, Any]") -> dict[str, list[float]]:
        """The probabilities of one row."""
        return {"predict_proba": output.tolist()}


if __name__ == "__main__":
    batching = {"max_batch_size": BATCH, "batch_timeout": 0.005} if BATCH > 1 else {}
    server = litserve.LitServer(
        Predictor(api_path="/predict", **batching),
        accelerator="cpu",
        workers_per_device=int(os.environ["WORKERS"]),
        fast_queue=True,
    )
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), generate_client_file=False, log_level="warning")
