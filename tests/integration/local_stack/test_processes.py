"""Real processes: started, found again by another object, ended."""

import socket
import sys
from pathlib import Path

import pytest
from local_stack.pids import identity
from local_stack.ports import choose_ports, free_ports, is_free
from local_stack.process import Process, ProcessSpec, StartFailed
from local_stack.readiness import answers

SERVER = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()"
HANDLER = """
import http.server, signal, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/ok?now' else 503); self.end_headers()
"""


def server(folder: Path, *, first: str = "", port: int | None = None, start_within_s: float = 20.0) -> ProcessSpec:
    port = port or free_ports(1)[0]
    return ProcessSpec(
        name="server",
        argv=(sys.executable, "-c", f"{HANDLER}\n{first}\n{SERVER}", str(port)),
        ready_url=f"http://127.0.0.1:{port}/ok?now",
        log=folder / "logs" / "server.log",
        grace_s=0.3,
        start_within_s=start_within_s,
    )


def test_a_taken_port_is_replaced_and_a_free_one_kept() -> None:
    taken, free = free_ports(2)
    with socket.create_server(("127.0.0.1", taken)):
        assert not is_free(taken)
        ports = choose_ports({"a": taken, "b": free})
    assert ports["a"] not in {taken, free}
    assert ports["b"] == free


def test_only_status_200_counts_as_an_answer(tmp_path: Path) -> None:
    process = Process(server(tmp_path))
    process.start()
    try:
        assert process.is_ready()
        assert not answers(process.spec.ready_url.replace("/ok", "/other"))
        assert answers(process.spec.ready_url.replace("http", "tcp"))
    finally:
        process.stop()
    assert not answers(process.spec.ready_url)
    assert not answers(process.spec.ready_url.replace("http", "tcp"))
    with pytest.raises(ValueError, match="ftp"):
        answers("ftp://127.0.0.1:1/")


def test_another_object_can_end_what_was_started(tmp_path: Path) -> None:
    first = Process(server(tmp_path))
    first.start()
    adopted = Process(first.spec, first.running)
    assert adopted.is_alive()
    pid = adopted.pid
    adopted.kill()
    assert not adopted.is_alive()
    assert not first.is_alive()
    assert identity(pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows a main thread that ended before the others")
def test_a_process_runs_until_its_last_thread_has_ended(tmp_path: Path) -> None:
    serve = "threading.Thread(target=http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever).start()"
    first = f"import ctypes, threading\n{serve}\nctypes.CDLL(None).pthread_exit(None)"
    process = Process(server(tmp_path, first=first))
    process.start()
    pid = process.pid
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    assert (state, process.is_ready()) == ("Z", True)
    adopted = Process(process.spec, process.running)
    adopted.kill()
    assert not answers(process.spec.ready_url)
    assert identity(pid) is None
    assert not process.is_alive()


def test_a_pid_that_now_belongs_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    first = Process(server(tmp_path))
    first.start()
    assert first.running is not None
    stranger = Process(first.spec, type(first.running)(pid=first.pid, known_as="another start time"))
    assert not stranger.is_alive()
    stranger.kill()
    assert first.is_alive()
    first.stop()


def test_a_process_that_ignores_the_request_is_ended_by_force(tmp_path: Path) -> None:
    process = Process(server(tmp_path, first="signal.signal(signal.SIGTERM, signal.SIG_IGN)"))
    process.start()
    pid = process.pid
    process.stop()
    assert identity(pid) is None


def test_a_process_that_ends_while_starting_is_reported_with_its_last_words(tmp_path: Path) -> None:
    process = Process(server(tmp_path, first="sys.exit('no such bucket')"))
    with pytest.raises(StartFailed, match="no such bucket"):
        process.start()


def test_a_process_that_never_answers_is_ended_and_reported(tmp_path: Path) -> None:
    process = Process(server(tmp_path, first="import threading; threading.Event().wait()", start_within_s=0.3))
    with pytest.raises(StartFailed, match="did not answer within"):
        process.start()
    assert not process.is_alive()


def test_a_stranger_on_the_port_does_not_pass_for_the_process(tmp_path: Path) -> None:
    first = Process(server(tmp_path / "first"))
    first.start()
    port = int(first.spec.ready_url.split(":")[2].split("/")[0])
    second = Process(server(tmp_path / "second", port=port))
    try:
        with pytest.raises(StartFailed, match="another program answers"):
            second.start()
    finally:
        first.stop()
