"""Files by which a case decides what a probe does: see the steps if_file and gate in behaviours/probe.c."""
from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Optional


class CaseFiles:
    """A folder that is made when it is first needed."""

    def __init__(self) -> None:
        self._folder: Optional[Path] = None

    def path(self, name: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="peeper-case-"))
        return self._folder / name

    def file(self, name: str, exists: bool) -> str:
        """Makes the file, or takes it away; its path."""
        path = self.path(name)
        if exists:
            path.touch()
        else:
            path.unlink(missing_ok=True)
        return str(path)

    def gate(self, name: str) -> str:
        """Makes a FIFO at which probes wait; its path."""
        path = self.path(name)
        os.mkfifo(path)
        return str(path)

    def open_gate(self, name: str) -> bool:
        """Lets those through who wait there; false if nobody does."""
        try:
            os.close(os.open(self.path(name), os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return False
        return True

    def remove(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
