"""Limits on bytes and operations a second, with a clock of the test's own."""

from __future__ import annotations

from vmm.bus.rate_limit import SECOND, RateLimit


class Bench:
    """A queue that always has more of the same size to do."""

    def __init__(self, size):
        self.now, self.moments, self.done, self.size = 0, [], [], size
        self.limit = RateLimit(lambda: self.now, lambda moment, job: self.moments.append((moment, job)))

    def work(self, index=0):
        while not self.limit.holds(index, self.work) and len(self.done) < 10_000:
            self.limit.spend(self.size)
            self.done.append(self.now)

    def until(self, end):
        while self.moments and min(self.moments)[0] <= end:
            self.moments.sort(key=lambda each: each[0])
            self.now, job = self.moments.pop(0)
            job()
        self.now = end


def test_the_rate_holds_and_the_burst_is_what_a_rest_saves_up():
    bench = Bench(1000)
    bench.limit.set(bandwidth=10_000, burst=SECOND)
    bench.work()
    assert len(bench.done) == 11  # a second's worth, and the one that begins when nothing is owed
    bench.until(10 * SECOND)
    assert len(bench.done) == 111
    assert len(bench.moments) == 1, "one timer, however often the queue is looked at"


def test_operations_count_whatever_their_size():
    bench = Bench(1 << 30)
    bench.limit.set(operations=5, burst=0)
    bench.work()
    bench.until(2 * SECOND)
    assert len(bench.done) == 11


def test_an_operation_larger_than_the_burst_is_done_and_paid_for():
    bench = Bench(1 << 20)
    bench.limit.set(bandwidth=1 << 20, burst=SECOND // 100)
    bench.work()
    bench.until(5 * SECOND)
    assert 5 <= len(bench.done) <= 6


def test_a_limit_that_changes_lets_go_what_waits():
    bench = Bench(1000)
    bench.limit.set(operations=1, burst=0)
    bench.work()
    assert len(bench.done) == 1
    bench.limit.set()
    assert len(bench.done) == 10_000
    bench.until(2 * SECOND)  # its timer comes to nothing
