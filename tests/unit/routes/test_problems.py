"""The problem responses of predict_api."""

from prometheus_client import REGISTRY

from predict_api.exceptions import NoModel, Overloaded
from predict_api.routes.problems import problem_response


def refused() -> float | None:
    return REGISTRY.get_sample_value("changeover_queue_refused_total")


def test_a_request_for_which_too_many_wait_is_refused_with_503_and_counted() -> None:
    before = refused()
    assert before is not None
    assert problem_response(NoModel("none is loaded"), "id").status_code == 503
    assert refused() == before
    response = problem_response(Overloaded("too many wait"), "id")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert refused() == before + 1
