"""granian's server for the one worker process of model_server, which is replaced whenever it dies."""

from granian.server import MPServer

from changeover.process.respawn import replace_dead_workers


class Server(MPServer):
    """granian's server with one change: a worker that dies again and again does not end the service."""

    def _serve_loop(self, spawn_target: object, target_loader: object) -> None:
        replace_dead_workers(self, lambda index: self._respawn_workers([index], spawn_target, target_loader))
