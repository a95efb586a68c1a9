"""The one who writes to a store: appends, and rolls the log into parts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from seawall.core.tape import TAPE_SCHEMA, Tape
from seawall.ingest.duck import connect
from seawall.ingest.store.disk import (
    StoreError,
    WriterLock,
    make_folder,
    refused,
    replace_whole,
    sync_folder,
)
from seawall.ingest.store.log import Log
from seawall.ingest.store.manifest import (
    EVENTS,
    FILE,
    LOG,
    PART,
    Manifest,
    Part,
    commit,
    migrate,
)
from seawall.ingest.store.outages import Heard, Outage, OutageLog
from seawall.ingest.store.parts import COPIES_WITHIN, first_of_each, stored_before, write_parts
from seawall.ingest.store.rebuild import rebuilt
from seawall.ingest.store.rows import decode, encode
from seawall.ingest.store.segment import read_segment, recover_all, segments
from seawall.ingest.store.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RollPolicy:
    """When the log has grown enough to become parts; whichever comes first.

    Attributes
    ----------
    size, frames, seconds
        Bytes and frames of the present segment, and its age.
    """

    size: int = 16 * 1024 * 1024
    frames: int = 20_000
    seconds: float = 900.0


class StoreWriter(Store):
    """A store opened for writing; made if it is not there. One at a time.

    Opening recovers what a crash left: half-written tails are cut, files that were never
    committed are removed, an older schema is migrated.

    Parameters
    ----------
    folder
        Folder of the store.
    policy
        When the log is rolled.

    Attributes
    ----------
    recovered
        Bytes of half-written tails that were cut.

    Raises
    ------
    StoreError
        If another process writes to it, or the disk refuses.
    """

    def __init__(self, folder: Path | str, policy: RollPolicy | None = None):
        self.folder = Path(folder)
        self.policy = policy or RollPolicy()
        make_folder(self.folder / LOG)
        make_folder(self.folder / EVENTS)
        self._held = WriterLock(self.folder)
        try:
            if not (self.folder / FILE).exists():
                commit(self.folder, rebuilt(self.folder))
            migrate(self.folder)
            super().__init__(self.folder)
            clear_away(self.folder, self._manifest)
            self.recovered = recover_all(self.folder / LOG)
            self._log = Log(self.folder / LOG, self._next_segment(), TAPE_SCHEMA)
            try:
                self._outages = OutageLog(self.folder)
            except BaseException:
                self._log.close()
                raise
        except BaseException:
            self._held.release()
            raise
        self._rolling = threading.Lock()
        self._sealing = threading.Lock()
        self._closed = False
        self._begun = time.monotonic()

    def append(self, tape: Tape) -> None:
        """Return once all events are on the disk; threads that append together share a sync.

        Copies of events stored before may be appended: they are left out when the log is rolled
        and when it is read. Of a tape that is larger than a segment of the log a part may be
        stored when this raises; append the whole again.

        Raises
        ------
        DiskFullError
            If the disk is full; events of this call may not be taken as stored, and no more are
            accepted until the store is opened again.
        StoreError
            If the disk refuses otherwise.
        """
        for payloads in _batches(encode(tape), self.policy.size):
            self._log.append(payloads)
            if self._log.size >= self.policy.size:
                with self._sealing:
                    if self._log.size >= self.policy.size:
                        self._log.seal()

    def due(self) -> bool:
        """Whether the policy says to roll now."""
        sealed = self._log.number - 1 > self.manifest().rolled
        old = time.monotonic() - self._begun >= self.policy.seconds
        return sealed or self._log.frames >= self.policy.frames or (old and self._log.frames > 0)

    def roll_if_due(self) -> int:
        """Roll if the policy says so; the events that became part of the parts."""
        return self.roll() if self.due() else 0

    def roll(self) -> int:
        """Turn the log so far into parts, while others append.

        A crash at any point loses nothing and doubles nothing: segments count until the manifest
        that lists their parts is committed, and no longer.

        Returns
        -------
        int
            Events that were written; copies are left out.
        """
        with self._alone():
            with self._sealing:
                last = self._log.seal() if self._log.frames else self._log.number - 1
            self._begun = time.monotonic()
            waiting = [
                (number, path)
                for number, path in segments(self.folder / LOG).items()
                if self.manifest().rolled < number <= last
            ]
            return sum(self._roll_segment(number, path) for number, path in waiting)

    def heard(self) -> dict[str, Heard]:
        """By connection, until when an earlier recording heard it."""
        return self._outages.heard()

    def keep_heard(self, outages: Sequence[Outage], heard: Mapping[str, Heard]) -> None:
        """Return once outages of feeds, and until when each was heard, are on the disk.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        self._outages.keep(outages, heard)

    def replace_parts(self, old: Sequence[Part], write: Callable[[int], list[Part]]) -> list[Part]:
        """Let parts count in place of others, all at once; the others are removed.

        Parameters
        ----------
        old
            Those that count no more.
        write
            Called with the number for new parts; writes and returns them.
        """
        with self._alone():
            manifest = self.manifest()
            new = write(manifest.next_part)
            gone = {p.path for p in old}
            parts = [p for p in manifest.parts if p.path not in gone] + new
            next_part = manifest.next_part + bool(new)
            self._commit(manifest, parts, manifest.rolled, next_part, tuple(gone))
            return new

    def set_aside(self, parts: Sequence[Part]) -> None:
        """Let parts count no more; their files are kept beside, with ``.damaged`` behind the name.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        with self._alone():
            manifest = self.manifest()
            gone = {p.path for p in parts}
            kept = [p for p in manifest.parts if p.path not in gone]
            self._commit(manifest, kept, manifest.rolled, manifest.next_part, ())
            try:
                for path in (self.folder / p for p in sorted(gone)):
                    if path.exists():
                        path.replace(path.with_name(path.name + ".damaged"))
                        sync_folder(path.parent)
            except OSError as error:
                raise refused(error, "damaged files cannot be renamed", self.folder) from error

    def close(self) -> None:
        """End writing; what is in the log stays there and counts.

        A roll or merge that goes on in another thread is waited for: what it commits after the
        lock is let go would stand against what the next writer finds and removes.
        """
        with self._rolling:
            self._closed = True
            try:
                self._log.close()
                self._outages.close()
                super().close()
            finally:
                self._held.release()

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, *raised: object) -> None:
        """Roll if all went well, and close."""
        try:
            if raised[0] is None:
                self.roll()
        finally:
            self.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change of the list of files at a time, none of a store that is closed."""
        with self._rolling:
            if self._closed:
                raise StoreError(f"{self.folder}: the store is closed")
            yield

    def _roll_segment(self, number: int, path: Path) -> int:
        found = read_segment(path)
        manifest = self.manifest()
        if found.damaged or found.tail or not found.ended:
            # a segment is rolled once it is ended, so nothing may be missing; the whole frames
            # are rolled, and the bytes are kept to be looked into
            _keep_copy(path)
        tape = first_of_each(decode(found.payloads, found.version or TAPE_SCHEMA))
        ends = (int(tape.time.min()), int(tape.time.max()) + 1) if len(tape) else (0, 0)
        sound = self.sound(manifest, (ends[0] - COPIES_WITHIN, ends[1] + COPIES_WITHIN))
        connection = connect()
        try:
            tape = tape.take(~stored_before(connection, self.folder, sound, tape))
            parts = write_parts(connection, self.folder, tape, manifest.next_part)
        except duckdb.Error as error:
            said = str(error).partition("\n")[0]
            raise StoreError(
                f"{path}: cannot be rolled, its events stay in the log: {said}"
            ) from error
        finally:
            connection.close()
        self._commit(
            manifest, [*manifest.parts, *parts], number, manifest.next_part + bool(parts), ()
        )
        return len(tape)

    def _commit(
        self,
        manifest: Manifest,
        parts: list[Part],
        rolled: int,
        next_part: int,
        dropped: tuple[str, ...],
    ) -> None:
        made = replace(
            manifest,
            parts=tuple(sorted(parts, key=lambda p: (p.first, p.path))),
            rolled=rolled,
            next_part=next_part,
            dropped=dropped,
        )
        clear_away(self.folder, commit(self.folder, made))

    def _next_segment(self) -> int:
        known = segments(self.folder / LOG)
        return max([self._manifest.rolled, *known]) + 1


def _keep_copy(path: Path) -> None:
    kept = path.with_suffix(".damaged")
    try:
        replace_whole(kept, path.read_bytes())
    except OSError as error:
        raise refused(error, "a damaged segment cannot be kept", kept) from error
    _log.warning("%s: damaged; its whole frames are stored, the rest is kept in %s", path, kept)


def _batches(payloads: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Payloads in lists of about a size, so that a tape of any length takes bounded memory."""
    batch: list[bytes] = []
    for payload in payloads:
        batch.append(payload)
        if sum(map(len, batch)) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def clear_away(folder: Path, manifest: Manifest) -> None:
    """Remove segments that are rolled, parts that were replaced, and parts never committed.

    Files that are no part's or segment's are left alone.
    """
    try:
        for number, path in segments(folder / LOG).items():
            if number <= manifest.rolled:
                path.unlink()
        for gone in manifest.dropped:
            (folder / gone).unlink(missing_ok=True)
        for path in (folder / EVENTS).glob("day=*/kind=*/part-*"):
            match = PART.fullmatch(path.name)
            if match and (match[2] or int(match[1]) >= manifest.next_part):
                path.unlink()
        sync_folder(folder / LOG)
    except OSError as error:
        raise refused(error, "files that count no more cannot be removed", folder) from error
