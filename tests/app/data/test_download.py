import gzip
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lightning_app.data import choose, download, mnist
from lightning_app.errors import AppError


@pytest.fixture
def server(files, monkeypatch):
    """A mirror on this machine. ``answers`` maps a path to bytes, a status, or a function of the handler."""
    answers = {f"/good/{name}.gz": gzip.compress(data) for name, data in files.items()}
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            answer = answers.get(self.path, 404)
            if callable(answer):
                answer(self)
            elif isinstance(answer, int):
                self.send_error(answer)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.answers, http.asked, http.url = answers, asked, f"http://127.0.0.1:{http.server_port}/"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(download, "MIRRORS", (http.url + "good/",))
        yield http
        http.shutdown()
        thread.join()


def kept(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_four_files_are_fetched_and_nothing_else_is_left(server, nowhere):
    choose.prepare("mnist", None)
    folder = nowhere / "cache/scratchlayers/mnist"
    assert kept(folder) == sorted(f"{file.name}.gz" for file in mnist.FILES)
    assert choose.load("auto", None).name == "mnist"


def test_nothing_is_fetched_twice(server):
    choose.prepare("mnist", None)
    asked = len(server.asked)
    choose.prepare("mnist", None)
    assert len(server.asked) == asked


def test_a_root_is_where_files_are_put(server, nowhere):
    choose.prepare("mnist", str(nowhere / "mine"))
    assert len(kept(nowhere / "mine" / "mnist")) == 4


def test_the_next_mirror_is_tried(server, nowhere, monkeypatch):
    monkeypatch.setattr(download, "MIRRORS", (server.url + "absent/", "http://127.0.0.1:9/", server.url + "good/"))
    download.fetch(nowhere / "here")
    assert len(kept(nowhere / "here")) == 4


@pytest.mark.parametrize(
    "wrong",
    [b"<html>", gzip.compress(b"something else"), gzip.compress(bytes(10**7)), bytes(10**5), b""],
    ids=["a page", "another file", "too much unpacked", "zeros", "nothing"],
)
def test_wrong_bytes_are_never_kept(server, nowhere, wrong):
    server.answers[f"/good/{mnist.FILES[0].name}.gz"] = wrong
    with pytest.raises(AppError, match=r"could not be downloaded: http://127.*ubyte"):
        download.fetch(nowhere / "here")
    assert kept(nowhere / "here") == []


def test_an_interrupted_transfer_is_tried_again(server, nowhere):
    path = f"/good/{mnist.FILES[0].name}.gz"
    whole = server.answers[path]

    def half(handler):
        server.answers[path] = whole
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(whole)))
        handler.end_headers()
        handler.wfile.write(whole[: len(whole) // 2])

    server.answers[path] = half
    download.fetch(nowhere / "here")
    assert server.asked.count(path) == 2
    assert len(kept(nowhere / "here")) == 4


def test_mirrors_that_are_silent_are_given_up_together(server, nowhere, monkeypatch):
    monkeypatch.setattr(download, "ANSWER_WITHIN", 0.3)
    monkeypatch.setattr(download, "MIRRORS", tuple(f"{server.url}{name}/" for name in "abcd"))
    for name in "abcd":
        server.answers[f"/{name}/{mnist.TEST_Y.name}.gz"] = lambda handler: time.sleep(1)
    start = time.perf_counter()
    with pytest.raises(AppError, match=r"no answer|timed out"):
        download.fetch(nowhere / "here")
    assert time.perf_counter() - start < 0.9


def test_a_mirror_that_falls_silent_later_is_given_up(server, nowhere, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    server.answers[f"/good/{mnist.FILES[0].name}.gz"] = lambda handler: time.sleep(1)
    with pytest.raises(AppError, match="timed out"):
        download.fetch(nowhere / "here")


def test_an_unwritable_folder_is_one_line(server, nowhere):
    (nowhere / "file").write_text("")
    with pytest.raises(AppError, match=r"Not a directory|exists"):
        choose.prepare("mnist", str(nowhere / "file"))
