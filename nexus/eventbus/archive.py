"""
Copies of the logs in files, to be kept where databases are not.

A folder for each log, in it files of compressed JSON lines, each line an event as it travels (CloudEvents 1.0), and a
manifest with a line for each file. The files hold every settled event exactly once, in log order. What an archive has
is never written again; going on where it ends costs what has been told since.
"""

import fcntl
import gzip
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from nexus.eventbus.registry import Member
from nexus.eventbus.wire import Record

MOST = 50_000
"""Events in a file; they are in memory together."""
MANIFEST = "manifest.jsonl"


class Damaged(Exception):
    """The archive is not what its manifest says, or is none."""


class Busy(Exception):
    """Another process is writing this archive."""


class File(msgspec.Struct, kw_only=True, frozen=True):
    """What the manifest says of a file: its events, the position of the log behind the last, its SHA-256 in hex."""

    name: str
    events: int
    first: str
    last: str
    position: str
    digest: str


def archive(member: Member, folder: Path) -> Iterator[File]:
    """
    Bring the archive of a member's log up to date, file by file.

    :raises Busy: another process is doing that
    :raises Damaged: there is a manifest that cannot be read
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        known = manifest_of(folder) if (folder / MANIFEST).exists() else []
        # A file without its line was being written when something failed: it is written anew under the same name.
        _write(folder / MANIFEST, b"".join(map(_line, known)))
        after = known[-1].position if known else ""
        for number, batch in enumerate(member.store.history(None, after=after, size=MOST), start=len(known) + 1):
            file = _store(folder, f"{number:06d}.jsonl.gz", batch.records, batch.position)
            with (folder / MANIFEST).open("ab") as manifest:
                manifest.write(_line(file))
                os.fsync(manifest.fileno())
            yield file


def check(folder: Path) -> Iterator[File]:
    """
    Read all that an archive has.

    :raises Damaged: there is no archive, or a file is gone, changed, or has other events than its line says
    """
    for file in manifest_of(folder):
        try:
            packed = (folder / file.name).read_bytes()
        except FileNotFoundError:
            raise Damaged(f"{file.name} is gone") from None
        if sha256(packed).hexdigest() != file.digest:
            raise Damaged(f"{file.name} was changed")
        ids = [str(record.id) for record in _records(packed)]
        if (len(ids), ids[0], ids[-1]) != (file.events, file.first, file.last):
            raise Damaged(f"{file.name} has other events than the manifest says")
        yield file


def manifest_of(folder: Path) -> list[File]:
    """
    The files of an archive. A line that was being written is left out.

    :raises Damaged: there is no archive, or its manifest cannot be read
    """
    try:
        lines = (folder / MANIFEST).read_bytes().splitlines(keepends=True)
        return [msgspec.json.decode(line, type=File) for line in lines if line.endswith(b"\n")]
    except FileNotFoundError:
        raise Damaged(f"there is no archive in {folder}") from None
    except msgspec.MsgspecError as why:
        raise Damaged(f"{MANIFEST} was changed: {why}") from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"another process is writing {folder}") from None
        yield


def _store(folder: Path, name: str, records: Sequence[Record], position: str) -> File:
    # Without a time in it the same events give the same bytes.
    packed = gzip.compress(b"".join(msgspec.json.encode(record) + b"\n" for record in records), mtime=0)
    _write(folder / name, packed)
    return File(
        name=name,
        events=len(records),
        first=str(records[0].id),
        last=str(records[-1].id),
        position=position,
        digest=sha256(packed).hexdigest(),
    )


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        file.write(content)
        os.fsync(file.fileno())
    draft.replace(path)


def _line(file: File) -> bytes:
    return msgspec.json.encode(file) + b"\n"


def _records(packed: bytes) -> list[Record]:
    return [msgspec.json.decode(line, type=Record) for line in gzip.decompress(packed).splitlines()]
