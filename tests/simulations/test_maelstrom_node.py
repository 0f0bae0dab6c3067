"""One node's process, over real pipes: the protocol, invalid lines, and the exit status."""

from __future__ import annotations

import json
import subprocess
from typing import Any, NamedTuple

import pytest

from replica.core.base.limits import QUANTITY_MAX
from simulations.maelstrom_node.lines import LINE_BYTES_MAX
from tests.simulations.maelstrom_router import COMMAND, ROOT

pytestmark = pytest.mark.processes

ENDS_S = 10.0

INIT = {"type": "init", "msg_id": 1, "node_id": "n1", "node_ids": ["n1"]}


class Ended(NamedTuple):
    """A node that ended: its exit status, its answers in order, and its logs."""

    code: int
    answers: list[dict[str, Any]]
    logs: list[dict[str, Any]]

    def answer(self, msg_id: int) -> dict[str, Any]:
        """The body of the one answer to a request."""
        (body,) = [message["body"] for message in self.answers if message["body"].get("in_reply_to") == msg_id]
        return {name: value for name, value in body.items() if name != "in_reply_to"}

    def code_of(self, msg_id: int) -> int:
        """The code of the error that answered a request."""
        body = self.answer(msg_id)
        assert body["type"] == "error"
        assert body["text"]
        return int(body["code"])


def line(body: dict[str, Any], src: str = "c1", dest: str = "n1") -> bytes:
    return json.dumps({"id": 7, "src": src, "dest": dest, "body": body}).encode() + b"\n"


def run(*given: dict[str, Any] | bytes, begin: bool = True) -> Ended:
    """Send a node bodies of requests, or raw bytes, and then end its input."""
    lines = [one if isinstance(one, bytes) else line(one) for one in given]
    said = b"".join([line(INIT)] * begin + lines)
    ended = subprocess.run(COMMAND, cwd=ROOT, input=said, capture_output=True, timeout=ENDS_S, check=False)
    assert b"Traceback" not in ended.stderr
    answers, logs = ([json.loads(each) for each in stream.splitlines()] for stream in (ended.stdout, ended.stderr))
    assert all(message["src"] == "n1" for message in answers)
    return Ended(ended.returncode, answers, logs)


def read_after(*given: dict[str, Any] | bytes) -> int:
    """The value after answers to all of this. A node answers all requests before its input ends."""
    with subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked = [one if isinstance(one, bytes) else line(one) for one in (INIT, *given)]
        process.stdin.write(b"".join(asked))
        process.stdin.flush()
        for _ in asked:
            process.stdout.readline()
        process.stdin.write(line({"type": "read", "msg_id": 999}))
        process.stdin.close()
        value: int = json.loads(process.stdout.readline())["body"]["value"]
    assert process.returncode == 0
    return value


def add(delta: Any, msg_id: int) -> dict[str, Any]:
    return {"type": "add", "delta": delta, "msg_id": msg_id}


def test_a_node_answers_every_request_and_ends_with_its_input() -> None:
    topology = {"type": "topology", "msg_id": 2, "topology": {"n1": []}}
    ended = run(topology, add(5, 3), {"type": "read", "msg_id": 4})
    assert ended.code == 0
    assert ended.answer(1) == {"type": "init_ok"}
    assert ended.answer(2) == {"type": "topology_ok"}
    assert ended.answer(3) == {"type": "add_ok"}
    assert ended.answer(4)["type"] == "read_ok"
    assert {message["dest"] for message in ended.answers} == {"c1"}


def test_the_value_is_the_sum_of_all_adds_and_subtractions() -> None:
    assert read_after(add(5, 2), add(-12, 3), add(0, 4), add(1, 5)) == -6


def test_an_add_of_zero_is_acknowledged() -> None:
    assert run(add(0, 2)).answer(2) == {"type": "add_ok"}


def test_an_add_that_arrives_twice_counts_once() -> None:
    assert read_after(add(5, 2), add(5, 2), add(-1, 3), add(-1, 3)) == 4


def test_equal_message_numbers_of_two_clients_both_count() -> None:
    assert read_after(add(5, 2), line(add(5, 2), src="c2")) == 10


def test_refused_adds_did_not_happen() -> None:
    refused = [add(QUANTITY_MAX + 1, 2), add(-QUANTITY_MAX - 1, 3), add(1.5, 4), add("1", 5), add(10**40, 6)]
    ended = run(*refused)
    assert [ended.code_of(msg_id) for msg_id in range(2, 7)] == [12] * 5
    assert read_after(*refused, add(3, 7)) == 3


def test_a_request_of_an_unknown_type_is_not_supported() -> None:
    assert run({"type": "cas", "msg_id": 2, "from": 1, "to": 2}).code_of(2) == 10


def test_before_init_a_node_is_temporarily_unavailable() -> None:
    ended = run(add(5, 2), {"type": "read", "msg_id": 3}, line(INIT | {"msg_id": 4}), begin=False)
    assert [ended.code_of(2), ended.code_of(3)] == [11, 11]
    assert ended.answer(4) == {"type": "init_ok"}


@pytest.mark.parametrize(
    "change", [{"node_id": "n9"}, {"node_id": "N 1", "node_ids": ["N 1"]}, {"node_ids": []}, {"node_ids": "n1"}]
)
def test_an_invalid_init_is_refused_and_the_next_one_counts(change: dict[str, Any]) -> None:
    ended = run(INIT | change, line(INIT | {"msg_id": 2}), begin=False)
    assert ended.code_of(1) == 12
    assert ended.answer(2) == {"type": "init_ok"}


def test_a_doubled_init_is_answered_and_a_different_one_refused() -> None:
    ended = run(INIT | {"msg_id": 2}, INIT | {"msg_id": 3, "node_ids": ["n1", "n2"]})
    assert ended.answer(2) == {"type": "init_ok"}
    assert ended.code_of(3) == 12


GARBAGE = {
    "no JSON": b"hello\n",
    "an empty line": b"\n",
    "no text": b"\xff\xfe\x00\n",
    "no object": b"[1, 2]\n",
    "no body": b'{"src": "c1", "dest": "n1"}\n',
    "no type": line({"msg_id": 2}),
    "a body that is no object": b'{"src": "c1", "dest": "n1", "body": 7}\n',
    "deep nesting": b"[" * 100_000 + b"\n",
    "a line without end": b"x" * (LINE_BYTES_MAX + 100) + b"\n",
    "a request without a number": line({"type": "add", "delta": 5}),
    "a message id that is no number": line({"type": "add", "delta": 5, "msg_id": "two"}),
    "a message to another node": line({"type": "read", "msg_id": 2}, dest="n2"),
    "an answer nobody waits for": line({"type": "add_ok", "in_reply_to": 2}),
    "an error of another node": line({"type": "error", "in_reply_to": 2, "msg_id": 3, "code": 13}),
    "a frame that is not base64": line({"type": "frame", "connection": 1, "number": 1, "frame": "?"}),
    "a frame without a number": line({"type": "frame", "connection": 1, "frame": ""}),
}


def test_a_line_that_is_no_message_is_logged_and_changes_nothing() -> None:
    ended = run(*GARBAGE.values(), {"type": "read", "msg_id": 100})
    assert ended.code == 0
    assert [log["line"] for log in ended.logs if log["level"] == "error"] == list(range(2, 2 + len(GARBAGE)))
    assert [message["body"]["type"] for message in ended.answers] == ["init_ok", "read_ok"]


def test_a_last_line_without_a_line_feed_counts() -> None:
    assert run(line({"type": "read", "msg_id": 2}).rstrip()).answer(2) == {"type": "read_ok", "value": 0}


def test_a_node_without_input_exits_with_0() -> None:
    assert run(begin=False) == Ended(0, [], [])


def test_a_node_with_a_closed_output_exits_with_0() -> None:
    with subprocess.Popen(
        COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(line(INIT))
        process.stdin.flush()  # the input stays open, so only the output shows that the reader is gone
        assert process.wait(ENDS_S) == 0
        assert b"Traceback" not in process.stderr.read()


def test_input_from_a_file_is_read_like_a_pipe(tmp_path: Any) -> None:
    script = tmp_path / "script"
    script.write_bytes(line(INIT) + line({"type": "read", "msg_id": 2}))
    with script.open("rb") as stdin:
        ended = subprocess.run(COMMAND, cwd=ROOT, stdin=stdin, capture_output=True, timeout=ENDS_S, check=True)
    assert [json.loads(each)["body"]["type"] for each in ended.stdout.splitlines()] == ["init_ok", "read_ok"]


def test_help_describes_the_node() -> None:
    ended = subprocess.run([*COMMAND, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=ENDS_S, check=True)
    assert "Maelstrom's protocol" in ended.stdout
