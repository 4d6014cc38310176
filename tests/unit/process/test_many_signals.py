"""A worker that gets many signals to end: granian takes one before its threads run, and blocks at the third."""

import subprocess
import sys

import pytest

from tests.conftest import PATIENCE

PREDICT_API = """
import asyncio
import os
import signal

from granian import _signals

from predict_api.edge import loop

async def end():
    for _ in range(5):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

worker = loop.build()
_signals.set_loop_signals(worker)
worker.run_until_complete(end())
"""

MODEL_SERVER = """
import os
import signal

from granian import _signals

from model_server.worker import obey_the_first_signal

obey_the_first_signal()
_signals.set_sync_signals()
for _ in range(5):
    os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize("program", [PREDICT_API, MODEL_SERVER], ids=["predict_api", "model_server"])
def test_the_signals_after_the_first_do_not_block_a_worker(program: str) -> None:
    """Linux sends SIGTERM for each thread of a parent that dies (PR_SET_PDEATHSIG)."""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE * 10)
