"""The parts of drift in this process, connected: the receipt of counts, the reports, and the loop that closes hours."""

from model_server.drift.closing_loop import Announce, Closing
from model_server.drift.hour_objects import HourObjects
from model_server.drift.receipt import Receipt
from model_server.drift.references import References
from model_server.drift.reports import Reports
from model_server.drift.sums import Sums
from model_server.rollouts.model_state import Models
from model_server.versions.versions import Versions
from object_store.bucket import Bucket


class Drift:
    """The parts of drift. `reports` is for pages and routes, `receipt` for the calls of replicas."""

    def __init__(self, models: Models, versions: Versions, bucket: Bucket, announce: Announce) -> None:
        references, sums, hours = References(), Sums(), HourObjects(bucket)
        self.receipt = Receipt(models, versions, references, sums)
        self.reports = Reports(models, versions, references, sums, hours)
        self.closing = Closing(models, sums, hours, self.receipt, self.reports, announce)
