"""`python -m predict_api.model_process DESCRIPTOR`: the entry point of a model process, with a listening socket."""

import socket
import sys

from changeover.process.log_events import configure, flush
from predict_api.model_process.model_process import ModelProcess

if __name__ == "__main__":
    configure("predict_api")
    ModelProcess(socket.socket(fileno=int(sys.argv[1]))).run()
    flush()
