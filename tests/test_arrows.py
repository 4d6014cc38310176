"""The rules of imports between packages, and of access to libraries: `docs/architecture.md`, "Arrows".

Each rule reads the parsed sources, including imports inside functions and under TYPE_CHECKING. For each rule there are
small sources that break it.
"""

import pytest

from tests.tree import FRONTS, OURS, PACKAGES, Source, edges, source

MAY_IMPORT = {
    "changeover": {"changeover"},
    "object_store": {"object_store", "changeover"},
    "model_server": {"model_server", "object_store", "model_runner", "changeover"},
    "predict_api": {"predict_api", "model_runner", "changeover"},
    "model_runner": {"model_runner", "changeover"},
    "bulk_score": {"bulk_score", "object_store", "model_runner", "changeover"},
}

# pure modules, in addition to each `exceptions.py`: they use no clock, socket, file, thread or randomness
PURE = {
    *map("changeover.schema.{}".format, ["cell_parsers", "column", "dtypes", "formats", "sample_row", "schema"]),
    *map(
        "changeover.consistency.{}".format, ["records", "counts", "check", "check_order", "check_ledger", "violation"]
    ),
    "changeover.protocol.allowed_hosts",
    "changeover.request.pandas_forms",
    "changeover.request.cells",
    "changeover.request.decode",
    "changeover.request.array_rows",
    "changeover.request.envelopes",
    "changeover.request.normal_forms",
    "changeover.digest",
    "changeover.request.validation_errors",
    "changeover.json_documents",
    "changeover.json_types",
    "changeover.names",
    "changeover.protocol.lease",
    "changeover.protocol.openapi_parts",
    "changeover.estimator.infer_nullable",
    "changeover.estimator.scores",
    "changeover.protocol.problem",
    *map("changeover.protocol.{}".format, ["roles", "token_file", "trace_context"]),
    *map("changeover.manifest.{}".format, ["gate", "manifest", "diff", "answer_comparison", "compatibility"]),
    *map("changeover.drift.{}".format, ["reference", "statistics", "judging", "alignment"]),
    "changeover.artifact.version_skew",
    "changeover.request.strict_json",
    "changeover.onnx_twin.description",
    "changeover.process.misspelt",
    "changeover.process.visible",
    *map("changeover.protocol.{}".format, ["wire", "drift_counts", "rehearsal_counts", "watch_counts"]),
    "changeover.protocol.traffic_counts",
    "model_runner.confinement.syscall_filter",
    "model_runner.calls.task",
    "model_runner.admission.verdict",
    *map(
        "model_server.rollouts.{}".format,
        ["pointer", "fleet", "freshness", "phases", "rehearsal", "rollout", "watch", "watch_answers", "watch_latency"],
    ),
    "model_server.rollouts.traffic",
    *map("model_server.access.{}".format, ["caller", "origin", "proxy_roles"]),
    *map("model_server.{}".format, ["drift.windows", "ledger.numbers", "ledger.record", "ledger.takeover"]),
    *map("model_server.{}".format, ["intake.startup", "openapi.bodies", "openapi.report_bodies", "openapi.document"]),
    *map("model_server.webhooks.{}".format, "addresses bodies deliveries event signature stale_replicas".split()),  # noqa: SIM905
    *map("object_store.{}".format, ["causes", "keys", "objects", "rejected_names"]),
    "predict_api.dialects.names",
    "predict_api.prediction.render",
    "predict_api.prediction.request_context",
    *map("predict_api.{}".format, ["replica.freshness", "rehearsal.columns", "rehearsal.comparison"]),
    "predict_api.replica.active",
    "predict_api.scoring.interfaces",
    *(f"predict_api.edge.{name}" for name in ("api_keys", "origins", "path_prefix", "token_bucket")),
    *map(
        "predict_api.openapi.{}".format,
        "document answers calls dialects dialect_parts mlflow open_inference tensorflow_serving vetiver".split(),  # noqa: SIM905
    ),
    *map("predict_api.openapi.{}".format, ["columns", "forms", "public_schema"]),
}
PURE_MAY_IMPORT = set(
    """
    __future__ abc base64 binascii bisect collections contextlib dataclasses datetime decimal enum fractions functools hashlib
    heapq hmac ipaddress itertools json math msgspec operator re statistics string struct types typing unicodedata urllib
    """.split()  # noqa: SIM905 a list of words reads as one
)
STARTS_LOOPS = "model_server.background.startup_loop"  # the one loop that may import others
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now"}

ARROW = ("changeover/request/arrow_", "predict_api/prediction/render_arrow.py")
# for each library or resource: the names, and the files that may use them, as prefixes of paths
DOORS = {
    "the S3 client": (("minio",), ("object_store/bucket.py", "object_store/credentials.py", "object_store/faults.py")),
    "Flask": (
        ("flask", "werkzeug"),
        ("model_server/app.py", "model_server/routes/", "predict_api/app.py", "predict_api/routes/"),
    ),
    "outgoing HTTP": (
        ("requests", "urllib3", "http.client", "urllib.request", "httpx"),
        (
            "changeover/client/http.py",
            "object_store/",
            "changeover/process/timed_pool.py",
            "changeover/tls/adapter.py",
            "model_server/console/predict_call.py",
            "model_server/intake/pinned.py",
            "model_server/webhooks/sender.py",
            "predict_api/upstream/connection.py",
        ),
    ),
    "unpickling": (
        ("pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib.load", "joblib.numpy_pickle"),
        ("changeover/artifact/load.py", "changeover/artifact/unpickler.py"),
    ),
    "Arrow": (("pyarrow", "flatbuffers"), (*ARROW, "bulk_score/")),
    "OpenTelemetry": (("opentelemetry",), ("changeover/process/otel.py",)),
    "the environment": (
        ("os.environ", "os.environb", "os.getenv"),
        ("changeover/process/settings.py", "changeover/up/"),
    ),
}


def is_pure(file: Source) -> bool:
    """Whether the module is in PURE or has exceptions only."""
    return file.module in PURE or file.path.endswith("/exceptions.py")


def wrong_packages(files: list[Source]) -> list[str]:
    """Imports between our packages that MAY_IMPORT does not allow."""
    violations = []
    for file in files:
        allowed = MAY_IMPORT[file.module.split(".")[0]]
        for one in file.imports():
            package = one.module.split(".")[0]
            if package in PACKAGES and package not in allowed and one.module != FRONTS.get(file.module):
                violations.append(f"{file.path}:{one.line} imports {one.module}: {file.module.split('.')[0]} must not")
    return violations


def impure(files: list[Source]) -> list[str]:
    """Pure modules that import a clock, a socket, a file, a thread or randomness."""
    modules = {file.module for file in files}
    pure = {file.module for file in files if is_pure(file)}
    violations = []
    for file in files:
        if file.module not in pure:
            continue
        for one in file.imports():
            if one.module.split(".")[0] in PACKAGES:
                target = f"{one.module}.{one.name}" if f"{one.module}.{one.name}" in modules else one.module
                if target in modules and target not in pure:
                    violations.append(f"{file.path}:{one.line} is pure and imports {target}, which is not")
            elif one.module.split(".")[0] not in PURE_MAY_IMPORT or one.module == "urllib.request":
                violations.append(f"{file.path}:{one.line} is pure and imports {one.module}")
        for name, line in file.dotted_names():
            if name in CLOCKS:
                violations.append(f"{file.path}:{line} is pure and reads a clock ({name}): take the time as a number")
    return violations


def wrong_layers(files: list[Source]) -> list[str]:
    """Imports against `__main__ -> app -> routes, loops -> the rest`, and imports of one loop by another."""
    violations = []
    for module, targets in edges(files).items():
        for target in sorted(targets):
            service, _, rest = target.partition(".")
            if rest == "app" and module != f"{service}.__main__":
                violations.append(f"{module} imports {target}: only __main__ may")
            if rest.split(".")[0] == "routes" and module != f"{service}.app" and ".routes" not in module:
                violations.append(f"{module} imports {target}: only app may import a route")
            if target.endswith("_loop") and module.endswith("_loop") and module != STARTS_LOOPS:
                violations.append(f"{module} imports {target}: loops do not know each other")
            if target == f"{module}_loop":
                violations.append(f"{module} imports {target}: a loop imports its decisions, never the reverse")
            if rest == "__main__":
                violations.append(f"{module} imports {target}: no module imports an entry point")
    return violations


def cycles(files: list[Source]) -> list[str]:
    """The cycles of imports, each once."""
    graph = edges(files)
    violations: list[str] = []
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            violations.append(" -> ".join([*path[path.index(module) :], module]))
            return
        if module in done:
            return
        for target in sorted(graph.get(module, ())):
            walk(target, (*path, module))
        done.add(module)

    for module in sorted(graph):
        walk(module, ())
    return violations


def wrong_doors(files: list[Source]) -> list[str]:
    """Uses of a library or resource by a file that DOORS does not list."""
    violations = []
    for file in files:
        reached = {(f"{one.module}.{one.name}" if one.name else one.module, one.line) for one in file.imports()}
        reached |= set(file.dotted_names())
        for what, (names, doors) in DOORS.items():
            if file.path.startswith(doors):
                continue
            wrong = [one for one in sorted(reached, key=lambda one: one[1]) if _is_within(one[0], names)]
            if wrong:
                name, line = wrong[0]
                violations.append(f"{file.path}:{line} reaches {name}: {what} is in {', '.join(doors)}")
    return violations


def _is_within(name: str, names: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in names)


RULES = [wrong_packages, impure, wrong_layers, cycles, wrong_doors]

RED = [
    (wrong_packages, [("changeover/a.py", "import object_store.keys")]),
    (wrong_packages, [("object_store/a.py", "from model_server import rollout")]),
    (wrong_packages, [("predict_api/a.py", "def f():\n    from object_store.bucket import Bucket")]),
    (wrong_packages, [("predict_api/a.py", "if TYPE_CHECKING:\n    from model_server.rollouts.fleet import Fleet")]),
    (wrong_packages, [("changeover/spark.py", "from bulk_score.scorer import scorer")]),
    (wrong_packages, [("changeover/a.py", "from bulk_score.spark import score")]),
    (impure, [("model_server/rollouts/rollout.py", "import time")]),
    (impure, [("predict_api/replica/active.py", "from threading import Lock")]),
    (impure, [("changeover/digest.py", "import os.path")]),
    (impure, [("changeover/schema/schema.py", "import numpy")]),
    (impure, [("changeover/protocol/lease.py", "from datetime import datetime\nx = datetime.now()")]),
    (impure, [("model_server/exceptions.py", "import random")]),
    (impure, [("object_store/keys.py", "from object_store.bucket import B"), ("object_store/bucket.py", "")]),
    (
        wrong_layers,
        [("model_server/versions/publish.py", "from model_server.app import make"), ("model_server/app.py", "")],
    ),
    (
        wrong_layers,
        [
            ("predict_api/scoring/scorers.py", "import predict_api.routes.predict"),
            ("predict_api/routes/predict.py", ""),
        ],
    ),
    (wrong_layers, [("predict_api/a_loop.py", "from predict_api import b_loop"), ("predict_api/b_loop.py", "")]),
    (wrong_layers, [("predict_api/a.py", "from . import a_loop"), ("predict_api/a_loop.py", "")]),
    (
        cycles,
        [("changeover/a.py", "from changeover import b"), ("changeover/b.py", "def f():\n    import changeover.a")],
    ),
    (wrong_doors, [("model_server/ledger/ledger.py", "from minio.error import S3Error")]),
    (wrong_doors, [("model_server/versions/publish.py", "from flask import request")]),
    (wrong_doors, [("predict_api/scoring/scorers.py", "import joblib\nmodel = joblib.load(buffer)")]),
    (wrong_doors, [("model_runner/runner.py", "from joblib import load")]),
    (wrong_doors, [("changeover/estimator/golden_rows.py", "def f():\n    import pickle")]),
    (wrong_doors, [("predict_api/settings.py", "import os\nhome = os.environ['HOME']")]),
    (wrong_doors, [("predict_api/settings.py", "from os import environ")]),
    (wrong_doors, [("model_server/rollouts/fleet.py", "import requests")]),
]


def test_the_list_of_pure_modules_is_current() -> None:
    modules = {file.module for file in OURS}
    assert sorted(PURE - modules) == []
    decide = {module.removesuffix("_loop") for module in modules if module.endswith("_loop")}
    assert sorted(decide & modules - PURE) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_our_files_keep_the_rule(rule) -> None:
    faults = rule(OURS)
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize(("rule", "files"), RED, ids=lambda part: getattr(part, "__name__", None))
def test_a_file_that_breaks_the_rule_is_named(rule, files) -> None:
    faults = rule([source(path, text) for path, text in files])
    assert faults
    assert files[0][0].removesuffix(".py").replace("/", ".") in faults[0].replace("/", ".")


def test_what_is_allowed_is_not_flagged() -> None:
    fine = [
        source("changeover/protocol/wire.py", "import re\nfrom changeover.manifest.manifest import Json"),
        source("changeover/manifest/manifest.py", "from dataclasses import dataclass"),
        source("model_server/__main__.py", "from model_server.app import make"),
        source("model_server/app.py", "from model_server.routes import health\nfrom . import rollout_loop"),
        source("model_server/rollouts/rollout_loop.py", "import time\nfrom model_server.rollouts.rollout import step"),
        source("model_server/rollouts/rollout.py", "import enum"),
        source("model_server/routes/health.py", "import flask"),
        source("changeover/client/http.py", "import joblib\nimport requests\njoblib.dump(1, 2)"),
    ]
    assert [fault for rule in RULES for fault in rule(fine)] == []
