"""The wording of problems that dialects share: all listed errors in one sentence."""

import json
from collections.abc import Mapping
from typing import Any

from predict_api.dialects.dialect import Problem, Reply


def fault(problem: Problem) -> Reply:
    """A problem as `{"error": "<sentence>"}` beside its own members; what concerns the body is a 400."""
    status = 400 if problem["status"] == 422 else problem["status"]
    body = {"error": sentence(problem), **problem, "status": status}
    return Reply(json.dumps(body).encode(), status=status)


def sentence(problem: Problem) -> str:
    """All listed errors of a problem in one sentence, or its detail."""
    errors = problem.get("errors") or ()
    if len(errors) < 2:
        return str(problem.get("detail") or problem.get("title") or "")
    total = problem.get("total") or len(errors)
    more = f"; and {total - len(errors)} more" if total > len(errors) else ""
    return "; ".join(map(_of_one_error, errors)) + more


def _of_one_error(error: Mapping[str, Any]) -> str:
    position = ", ".join(f"{name} {error[name]}" for name in ("row", "field") if error.get(name) is not None)
    return f"{position}: {error['message']}" if position else str(error["message"])
