"""The check of an ONNX twin that a runner made: a twin that fails is absent, and the version is admitted."""

from msgspec.structs import replace

from changeover.exceptions import InvalidSchema
from changeover.onnx_twin.exceptions import NoTwin
from changeover.schema.schema import Schema
from model_runner.admission.verdict import Admitted


def checked(admitted: Admitted) -> Admitted:
    """The admitted version with its twin, or with the reason why its twin was refused."""
    if not admitted.twin:
        return admitted
    from changeover.onnx_twin.twin_check import check_twin  # with numpy, which a server without uploads does not need

    try:
        check_twin(admitted.twin, Schema.from_json(admitted.manifest.schema))
    except (NoTwin, InvalidSchema, ImportError) as error:
        return Admitted(replace(admitted.manifest, twin={"absent": str(error)}))
    return admitted
