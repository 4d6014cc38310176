"""The rooms and their doors: other packages import only a few modules of each subpackage; the rest are private.

`docs/architecture.md` describes each room. `tests/test_arrows.py` has the rules about directions.
"""

import re

import pytest

from tests.tree import FRONTS, OURS, ROOT, Source, edges, source

DOORS = {
    "changeover.artifact": "load load_rules version_skew environment extra_globals survey outline roles refusal skops_file",
    "changeover.cli": "main",
    "changeover.client": "client download evaluation notebook http",
    "changeover.consistency": "records check counts violation",
    "changeover.demo": "run",
    "changeover.drift": "alignment counting judging making reference",
    "changeover.environments": "environment choice exceptions making requirements usage",
    "changeover.estimator": "scoring scores infer_schema golden_rows recorded training_frame inputs libraries.find row_independence failed_rows guesses",
    "changeover.manifest": "manifest compatibility gate diff answer_comparison",
    "changeover.onnx_model": "examine recognise scorer",
    "changeover.onnx_twin": "session scoring description exceptions export.convert equivalence.compare graph_rules.tensors graph_check graph_session twin_check",
    "changeover.process": "atomic_file clock gentle_pieces log_events log_writer loop loop_threads marked_file misspelt open_files own_networks parent_death respawn service_settings settings spans termination timed_pool timed_socket traced_wsgi tracing visible",
    "changeover.protocol": "allowed_hosts drift_counts lease openapi_parts problem rehearsal_counts replica_identity roles token_file trace_context traffic_counts watch_counts wire",
    "changeover.request": "reader decode tensors strict_json fast_reader columns cells csv_columns arrow_columns arrow_arrays",
    "changeover.schema": "schema column cell_parsers dtypes formats sample_row",
    "changeover.tls": "adapter calls certificates files granian_options reload_loop",
    "changeover.up": "supervisor restart open_ports ports ready required exceptions workers",
    "model_runner.admission": "examiner exceptions",
    "model_runner.calls": "session task examine",
    "model_runner.confinement": "confine fork_permits",
    "model_runner.pool": "client confinement examination exceptions host_messages processes zygotes",
    "model_server.access": "caller gate links login_limit origin proxy_roles sessions tokens",
    "model_server.background": "audit_loop index_loop startup_loop webhook_loop",
    "model_server.console": "assets behaviour comparison history live overview parts predict_call rendering version_list version_page",
    "model_server.drift": "drift reports windows",
    "model_server.intake": "drop_zone pinned startup",
    "model_server.ledger": "ledger record takeover",
    "model_server.openapi": "document",
    "model_server.rollouts": "rollouts model_state promotion freshness fleet past phases rehearsal rollout",
    "model_server.versions": "versions publish spool version_index",
    "model_server.webhooks": "addresses bodies cursor deliveries event outbox recorded sender signature stale_replicas",
    "predict_api.dialects": "dialect names known inference_metadata tensorflow_serving vertex vetiver",
    "predict_api.drift": "pending counting_loop",
    "predict_api.edge": "application loop queue api_keys callers origins path_prefix",
    "predict_api.models": "models discovery_loop report_loop",
    "predict_api.openapi": "document columns public_schema",
    "predict_api.pinned": "artifact_file examination pinned_models",
    "predict_api.prediction": "pipeline request_context turn render forms",
    "predict_api.preparation": "prepare_loop placement disk_cache",
    "predict_api.rehearsal": "rehearsal sampling_loop watch",
    "predict_api.replica": "active replica freshness_loop",
    "predict_api.scoring": "interfaces runners runner_scorer scorers batching onnx_scorer traced_scorer",
    "predict_api.upstream": "connection dns downloads freshness_check set_check",
}
# doors for one other room only: (the module, the room that may import it)
SIDE_DOORS = {
    ("changeover.estimator.inspection", "changeover.onnx_twin"),
    ("changeover.estimator.dict_inputs", "changeover.onnx_twin"),
    ("changeover.estimator.encoded", "changeover.onnx_twin"),
    ("changeover.estimator.libraries.lightgbm", "changeover.onnx_twin"),
    ("changeover.estimator.libraries.xgboost", "changeover.onnx_twin"),
    ("changeover.estimator.wrappers", "changeover.onnx_twin"),
    ("changeover.request.validation_errors", "changeover.estimator"),
    ("changeover.artifact.generate_allowed_globals", "changeover.environments"),
    ("changeover.up.child", "changeover.demo"),  # the environment that `up` passes on
}
ONLY_APP = ("model_server.routes", "predict_api.routes")  # tests/test_arrows.py has the rule for these


def room_of(module: str) -> str:
    """The room of a module, or its package."""
    return ".".join(module.split(".")[:2]) if module.count(".") > 1 else module.split(".", maxsplit=1)[0]


def beside_the_doors(files: list[Source]) -> list[str]:
    """Imports of modules of another room that are not its doors."""
    violations = []
    for module, targets in sorted(edges(files).items()):
        for target in sorted(targets):
            room = room_of(target)
            if room not in DOORS or room_of(module) == room or (target, room_of(module)) in SIDE_DOORS:
                continue
            if target.removeprefix(f"{room}.") not in DOORS[room].split():
                violations.append(f"{module} imports {target}: {room} is entered by {DOORS[room]}")
    return violations


def beside_pool_and_admission(files: list[Source]) -> list[str]:
    """Imports of the model runner by services, other than of its pool and of admission."""
    return [
        f"{module} imports {target}: services use model_runner.pool and model_runner.admission"
        for module, targets in sorted(edges(files).items())
        for target in sorted(targets)
        if module.startswith(("model_server.", "predict_api."))
        and target.startswith("model_runner.")
        and not target.startswith(("model_runner.pool", "model_runner.admission"))
    ]


def imported_fronts(files: list[Source]) -> list[str]:
    """Imports of a front by a module of ours."""
    return [
        f"{module} imports {target}: a front is for users, import {FRONTS[target]}"
        for module, targets in sorted(edges(files).items())
        for target in sorted(targets & set(FRONTS))
    ]


def test_a_front_is_imported_by_users_only() -> None:
    assert imported_fronts(OURS) == []
    broken = [source("bulk_score/a.py", "from changeover.spark import score"), source("changeover/spark.py", "")]
    assert len(imported_fronts(broken)) == 1


def test_services_use_the_pool_and_the_admission_of_the_model_runner_and_nothing_else_of_it() -> None:
    assert beside_pool_and_admission(OURS) == []
    broken = [source("predict_api/app.py", "from model_runner import scorer"), source("model_runner/scorer.py", "")]
    assert len(beside_pool_and_admission(broken)) == 1


def test_every_room_is_entered_by_its_doors() -> None:
    faults = beside_the_doors(OURS)
    assert not faults, "\n" + "\n".join(faults)


def test_every_room_has_its_doors_listed_and_every_door_is_there() -> None:
    modules = {file.module for file in OURS}
    rooms = {room_of(module) for module in modules if module.count(".") > 1} - set(ONLY_APP)
    assert rooms == set(DOORS)
    doors = {f"{room}.{door}" for room, names in DOORS.items() for door in names.split()}
    assert (doors | {module for module, _ in SIDE_DOORS}) - modules == set()


def test_the_architecture_has_a_line_for_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+/\w+)/` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(room.replace(".", "/") for room in (*DOORS, *ONLY_APP))


@pytest.mark.parametrize(
    "files",
    [
        [
            ("predict_api/app.py", "from changeover.artifact.unpickler import Artifact"),
            ("changeover/artifact/unpickler.py", ""),
        ],
        [("changeover/cli/push.py", "from changeover.client import upload"), ("changeover/client/upload.py", "")],
        [("model_server/app.py", "import model_runner.admission.verdict"), ("model_runner/admission/verdict.py", "")],
        [
            ("changeover/manifest/diff.py", "from changeover.estimator import inspection"),
            ("changeover/estimator/inspection.py", ""),
        ],
    ],
    ids=lambda files: files[0][0],
)
def test_an_import_beside_the_doors_is_named(files) -> None:
    faults = beside_the_doors([source(path, text) for path, text in files])
    assert len(faults) == 1
    assert faults[0].startswith(files[0][0].removesuffix(".py").replace("/", "."))


def test_an_import_by_a_door_or_within_a_room_is_not_named() -> None:
    fine = [
        source("predict_api/app.py", "from changeover.artifact.load import load"),
        source("changeover/artifact/load.py", "from changeover.artifact.unpickler import Artifact"),
        source("changeover/artifact/unpickler.py", ""),
        source("changeover/onnx_twin/export/convert.py", "from changeover.estimator.inspection import last_part"),
        source("changeover/estimator/inspection.py", ""),
    ]
    assert beside_the_doors(fine) == []
