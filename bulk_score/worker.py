"""A worker of a run: it scores the fragments whose numbers it reads, and publishes each part where none is."""

import sys
from typing import BinaryIO

import msgspec
import pyarrow as pa

from bulk_score.fragments import part_of
from bulk_score.messages import Failed, Job, Scored, line
from bulk_score.places import input_at, output_at
from bulk_score.plan import plan_name, read_plan
from bulk_score.scorer import BatchScorer
from changeover.exceptions import ChangeoverError


def work(lines: BinaryIO, answers: BinaryIO) -> None:
    """Score until `lines` ends. An error is one message, and the end."""
    try:
        job = msgspec.json.decode(lines.readline(), type=Job)
        pa.set_cpu_count(1)
        source, target = input_at(job.source, job.store), output_at(job.target, job.store)
        plan = read_plan(target.read(plan_name(job.run)))
        scorer = BatchScorer(job.version, plan.output.keep)
        for number in lines:
            index = int(number)
            content = part_of(plan, index, source, scorer)
            created = target.create(plan.part(index), content)
            answers.write(line(Scored(plan.fragments[index].rows, created)))
            answers.flush()
    except (ChangeoverError, OSError) as error:
        answers.write(line(Failed(type(error).__name__, str(error))))
        answers.flush()


def main() -> None:
    """Work for the process that started this one."""
    work(sys.stdin.buffer, sys.stdout.buffer)
