"""The scoring of Spark DataFrames: `from changeover.spark import score`.

This is a front: users import it by the product's name, and it leads to `bulk_score/spark.py`. It needs the extra
`changeover[spark]`.
"""

from bulk_score.spark import score

__all__ = ["score"]
