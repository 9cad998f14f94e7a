"""A 9P transport: each request is one chain, its answer goes to the same chain.

Source: Linux, net/9p/trans_virtio.c; the device has no chapter in virtio 1.2, the number 9 is its.
"""

from __future__ import annotations

from ...errors import GuestError
from ..p9.wire import HEADER, MOST_REQUEST, READ, READ_HEAD, WRITE, WRITE_HEAD
from .chain import cut
from .device import VirtioDevice, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...state import State
    from ..p9.session import Session
    from .chain import Chain

F_MOUNT_TAG = 1
TURN = 32


class P9(VirtioDevice):
    """The guest mounts `tag`."""

    name = "virtio-9p"
    device_id = 9
    may_wait = True
    features = F_MOUNT_TAG
    queue_sizes = (128,)

    def __init__(self, session: Session, tag: str) -> None:
        super().__init__()
        self._session = session
        self._tag = tag.encode()

    @property
    def config(self) -> bytes:
        return len(self._tag).to_bytes(2, "little") + self._tag

    def notified(self, index: int) -> None:
        if not serve(self.queues[index], self._answer, most=TURN):
            self.again(index)

    def _answer(self, chain: Chain) -> int:
        size, kind, tag = HEADER.unpack(chain.read(HEADER.size))
        if not HEADER.size <= size <= chain.readable_size or size > MOST_REQUEST:
            raise GuestError(self.name, f"a request of {chain.readable_size} bytes says that it has {size}")
        message = chain.read(min(size, WRITE_HEAD) if kind == WRITE else size)
        room = chain.writable_size
        answer = self._session.serve(
            message, cut(chain.readable, WRITE_HEAD, size - WRITE_HEAD),
            cut(chain.writable, READ_HEAD, room - READ_HEAD),
        )  # fmt: skip
        if isinstance(answer, int):
            head = HEADER.pack(READ_HEAD + answer, READ + 1, tag) + answer.to_bytes(4, "little")
            return chain.write(head) + answer
        if chain.write(answer) < len(answer):
            raise GuestError(self.name, f"{room} bytes for an answer of {len(answer)}")
        return len(answer)

    def reset(self) -> None:
        self._session.close()
        super().reset()

    def close(self) -> None:
        self._session.close()

    def save(self) -> State:
        return self._session.save()

    def load(self, state: State) -> None:
        self._session.load(state)
