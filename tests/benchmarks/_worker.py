"""A contender in a process of its own.

In one process the contenders would share a heap and pools of threads, and how one leaves these decides how fast the
next one is: autograd takes a third of its time where another library keeps the heap from shrinking between calls.
"""

import gc
import multiprocessing
import pickle
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from numpy.typing import NDArray

from functrace.cli import bench

from ._case import Call, Setup
from ._numbers import arrays

__all__ = ["MissingLibrary", "Worker", "WorkerError", "serve"]

_processes = multiprocessing.get_context("spawn")


class MissingLibrary(Exception):
    """A contender's library is not installed; the message says which."""


class WorkerError(Exception):
    """A contender raised; the message says what."""


class Worker:
    """A process that sets a contender up, calls it once, and then waits to be measured.

    Parameters
    ----------
    setup
        The contender.

    Attributes
    ----------
    arrays
        What the first call returned.

    Raises
    ------
    MissingLibrary
        When a module that the setup imports is not there.
    WorkerError
        When the setup or the first call raises.
    """

    arrays: list[NDArray[Any]]

    def __init__(self, setup: Setup) -> None:
        self._connection, theirs = _processes.Pipe()
        self._process = _processes.Process(target=bench.serve, args=(pickle.dumps(setup), theirs), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.arrays = self._receive()
        except Exception:
            self.stop()
            raise

    def measure(self, how: Callable[[Call], float]) -> float:
        """Measure the contender's call in its process.

        Parameters
        ----------
        how
            Makes calls and gives a figure: a function at a module's top level, or a `functools.partial` of one.

        Returns
        -------
        float
            The figure.

        Raises
        ------
        WorkerError
            When a call raises.
        """
        self._connection.send(how)
        figure: float = self._receive()
        return figure

    def stop(self) -> None:
        """End the process, and wait for its end."""
        self._connection.close()
        self._process.join()

    def _receive(self) -> Any:
        try:
            answer = self._connection.recv()
        except EOFError:
            self._process.join()
            raise WorkerError(f"its process ended with code {self._process.exitcode}") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


def serve(setup: Setup, connection: Connection) -> None:
    """Set a contender up, answer with what it returns, and then with each figure that is asked for.

    Parameters
    ----------
    setup
        The contender.
    connection
        To the `Worker`. The process ends when it closes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to answer: it closes the connection
    try:
        call = setup()
        connection.send(list(arrays(call())))
        gc.collect()
        gc.freeze()
        gc.disable()
        while True:
            how = connection.recv()
            figure = how(call)
            gc.collect()  # before the answer, upon which another contender's turn begins
            connection.send(figure)
    except EOFError:
        pass  # stopped
    except ModuleNotFoundError as error:
        connection.send(MissingLibrary(str(error)))
    except Exception as error:
        connection.send(WorkerError(" ".join(f"{type(error).__name__}: {error}".split())))
