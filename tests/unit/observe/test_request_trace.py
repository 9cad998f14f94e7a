"""Requests that overlap go on tracks of their own, each device's beside each other."""

from __future__ import annotations

from vmm.observe.request_trace import FIRST_TRACK, TracedRequest, on_tracks


def request(began: int, ended: int, device: str = "virtio-blk0") -> TracedRequest:
    return TracedRequest(began, ended, device, 0, "read", 17, 1)


def test_no_two_on_a_track_overlap():
    given = [request(40, 50), request(0, 30), request(10, 20), request(30, 35), request(5, 9, "virtio-net0")]
    placed = [(track - FIRST_TRACK, name, each.began_ns) for track, name, each in on_tracks(given)]
    assert placed == [
        (0, "virtio-blk0", 0),
        (1, "virtio-net0", 5),
        (2, "virtio-blk0 (2)", 10),
        (0, "virtio-blk0", 30),
        (0, "virtio-blk0", 40),
    ]


def test_none_are_none():
    assert list(on_tracks([])) == []
