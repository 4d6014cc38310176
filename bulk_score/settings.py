"""The settings of the processes that run a model's own code in bulk scoring, by the names that predict_api has."""

from typing import Annotated

from pydantic import Field

from changeover.artifact import extra_globals
from changeover.process.service_settings import EnvironmentsDir, RegistryKeysFile
from changeover.process.settings import Settings, accepted_by


class BulkSettings(Settings):
    """Where environments are, and the limits of the processes that run a model."""

    environments_dir: EnvironmentsDir = None
    registry_keys_file: RegistryKeysFile = None
    allowed_globals: Annotated[str, accepted_by(extra_globals.names_in)] = Field(
        default="",
        description="additional globals that artifacts may name (dotted, comma separated); set it for both services",
    )
    require_confinement: bool = Field(
        default=False, description="refuses to run models where a measure of confinement is missing"
    )
    runner_memory_bytes: int = Field(
        4 * 1024**3, ge=256 * 1024**2, description="the largest address space of a process that runs a model, in bytes"
    )
