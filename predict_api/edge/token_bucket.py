"""The token bucket of a caller, as one number: the time at which it will be full again.

A bucket holds `burst` tokens and gets `rate` of them a second; a request takes one. The number is the "theoretical
arrival time" of the generic cell rate algorithm (ITU-T I.371, annex A), which is the same bucket without a counter.
"""


def take(full_at: float, now: float, rate: float, burst: float) -> tuple[float, float]:
    """The new `full_at` after a request at `now`, and 0; or the same `full_at` and the seconds until the next token.

    `full_at` and `now` are seconds of one clock, `rate` is tokens a second, `burst` tokens, at least 1. A `full_at`
    beyond what a bucket can have counts as an empty bucket: the rate or the burst was changed.
    """
    missing = min(max(full_at - now, 0.0), burst / rate)  # in seconds: the time that the bucket needs to be full
    wait = missing + 1 / rate - burst / rate
    if wait > 1e-9:  # a nanosecond: the rounding of such sums
        return now + missing, wait
    return now + missing + 1 / rate, 0.0
