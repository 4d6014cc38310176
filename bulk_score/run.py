"""One run: the version resolved once, a plan created once, and each fragment scored once by workers on all cores.

A run that ended early is continued by starting it again: its plan and its complete parts are there, the rest is scored.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from bulk_score.address import VersionAddress
from bulk_score.answers import answer_fields
from bulk_score.exceptions import OtherRun, WorkerEnded
from bulk_score.fragments import pieces_of
from bulk_score.messages import MESSAGES, Begun, Done, Failed, Job, Message, Request, Scored, line
from bulk_score.places import Destination, Input, input_at, output_at
from bulk_score.plan import (
    FOLDER,
    SUCCESS,
    Fragment,
    InputFile,
    Output,
    Plan,
    new_plan,
    output_kind,
    plan_name,
    read_plan,
    tables_of,
)
from bulk_score.versions import ServerSource, artifact_of, manifest_of, twin_of
from changeover.exceptions import ChangeoverError
from changeover.names import check_model_name, short
from changeover.process.clock import utc_now
from object_store.bucket import Bucket
from object_store.bulk_keys import bulk_key
from object_store.exceptions import StoreError

Tell = Callable[[Message], None]


class RunFailed(ChangeoverError):
    """An error of a worker, with the name of its kind."""

    def __init__(self, kind: str, error: str) -> None:
        self.kind = kind
        super().__init__(error)


def run(request: Request, tell: Tell) -> Done:
    """Score everything that is not scored yet; returns what is there at the end.

    Raises the errors of places, versions and files, OtherRun, WorkerEnded, and RunFailed for an error of a worker.
    """
    source, target = input_at(request.source, request.store), output_at(request.target, request.store)
    server = ServerSource(request.server_url, request.token, request.authorities)
    model = check_model_name(request.model) if request.model else server.default_model()
    version = server.resolve(model, request.at)
    address = VersionAddress(
        model, version, request.cache_dir, request.server_url, request.token, authorities=request.authorities
    )
    plan = _planned(request, address, source, target)
    there = set(target.names())
    left = [index for index in range(len(plan.fragments)) if plan.part(index) not in there]
    done = plan.rows - sum(plan.fragments[index].rows for index in left)
    tell(Begun(plan.run, model, version, plan.rows, done))
    scored = 0
    if left:
        job = Job(address, request.source, request.target, plan.run, request.store)
        scored = _Workers(job, min(request.workers, len(left)), tell).score(left)
    target.create(SUCCESS, plan.success())
    target.tidy()
    recorded, why = _record(request, plan)
    return Done(plan.run, model, version, plan.rows, len(plan.fragments), scored, recorded, why)


def _planned(request: Request, address: VersionAddress, source: Input, target: Destination) -> Plan:
    """The plan of this run, created if the output has none; raises OtherRun."""
    manifest = manifest_of(address)
    twin = (manifest.twin or {}).get("sha256")
    if twin_of(address, manifest) == b"":  # wrong bytes end the run before it has an output
        artifact_of(address, manifest)
    files = tables_of(source.files(), request.source)
    answers = [f"{field.name}: {field.type}" for field in answer_fields(manifest)]
    output = Output(output_kind(request.kind, files), request.keep, answers)
    plan = new_plan(address.model, address.version, twin if isinstance(twin, str) else "", output, files, [])
    names = target.names()
    if (name := plan_name(plan.run)) in names:
        return read_plan(target.read(name))
    _refuse_others(request, target, names)
    with ThreadPoolExecutor(request.workers) as pool:
        pieces = list(pool.map(lambda entry: pieces_of(source, *entry), enumerate(files)))
    plan = _with_pieces(plan, pieces)
    target.create(name, plan.to_bytes())
    return read_plan(target.read(name))


def _with_pieces(plan: Plan, pieces: list[tuple[InputFile, list[Fragment]]]) -> Plan:
    """The plan with its files as they were read, and their fragments."""
    files = [file for file, _ in pieces]
    fragments = [fragment for _, listed in pieces for fragment in listed]
    return Plan(plan.run, plan.model, plan.version, plan.twin, plan.output, files, fragments)


def _refuse_others(request: Request, target: Destination, names: list[str]) -> None:
    """Raise OtherRun if the output has the results of another run, with the way to continue that one."""
    others = [name for name in names if name.startswith(f"{FOLDER}/") and name.endswith("/plan.json")]
    if others:
        other = read_plan(target.read(others[0]))
        raise OtherRun(
            f"{request.target} has a run of {other.model} at {short(other.version)}, of other files, another version or "
            f"another output than now: name another folder, or continue that run with --at {short(other.version)} and "
            "its files"
        )


class _Workers:
    """The worker processes of a run; each has a thread here that gives it one fragment after another."""

    def __init__(self, job: Job, count: int, tell: Tell) -> None:
        self._tell, self._lock = tell, threading.Lock()
        self._left: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._scored = 0
        command = [sys.executable, "-P", "-m", "bulk_score", "worker", str(os.getpid())]
        pipe = subprocess.PIPE
        # from the main thread: a worker ends with the thread that started it
        self._processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(count)]  # noqa: S603
        self._job = job

    def score(self, indices: list[int]) -> int:
        """Score these fragments; returns the rows whose parts this run created."""
        for index in indices:
            self._left.put(index)
        try:
            with ThreadPoolExecutor(len(self._processes)) as pool:
                futures = [pool.submit(self._feed, process) for process in self._processes]
                try:
                    wait(futures, return_when=FIRST_EXCEPTION)
                finally:
                    if any(future.done() and future.exception() for future in futures):
                        self._end()
            failures = [error for future in futures if (error := future.exception()) is not None]
            if failures:
                raise next((error for error in failures if isinstance(error, RunFailed)), failures[0])
            return self._scored
        finally:
            self._end()

    def _feed(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with process.stdin:
                process.stdin.write(line(self._job))
                while True:
                    try:
                        index = self._left.get_nowait()
                    except queue.Empty:
                        return
                    process.stdin.write(b"%d\n" % index)
                    process.stdin.flush()
                    self._note(process.stdout.readline())
        except BrokenPipeError:
            self._note(process.stdout.readline())

    def _note(self, answer: bytes) -> None:
        """Add an answer up; raises RunFailed, or WorkerEnded for none."""
        if not answer:
            raise WorkerEnded(
                "a process that scored was ended, maybe for want of memory: start again to continue, with fewer --workers"
            )
        message = MESSAGES.decode(answer)
        if isinstance(message, Failed):
            raise RunFailed(message.kind, message.error)
        if isinstance(message, Scored):
            with self._lock:
                self._scored += message.rows if message.created else 0
                self._tell(message)

    def _end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def _record(request: Request, plan: Plan) -> tuple[str, str]:
    """The key of the record of the run in the bucket, or the reason why it is not recorded."""
    if request.store is None:
        return "", "no keys of its store are set here"
    body = {
        "run": plan.run,
        "model": plan.model,
        "version": plan.version,
        "twin": plan.twin,
        "rows": plan.rows,
        "parts": len(plan.fragments),
        "source": request.source,
        "target": request.target,
        "ended_at": utc_now(),
    }
    key = bulk_key(plan.model, plan.run)
    try:
        Bucket(request.store.settings()).create(key, json.dumps(body, indent=1).encode(), "application/json")
    except StoreError as error:
        return "", str(error)
    return key, ""
