"""Each process that loads takes one record; then none is left. And what the engine imports needs only cryptography."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.base.errors import SetupError
from appliance.engines.launch import PLUGINS
from appliance.weights.sealed.handover import handed_over, take_key

DIGEST = "ab" * 32
DEK = bytes(range(32))
PLUGIN = PLUGINS / "sealed_loader"
# As the engine's process does it: our folder is on no path, only the plug-in's is.
IMPORTS = """
import sys
before = set(sys.modules)
import sails_sealed
sails_sealed.find_appliance()
import appliance.weights.sealed.reader, appliance.weights.sealed.handover
import sails_sealed.inheritance
print(*{name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))
"""
# A worker as vLLM starts one, which takes the key in a process that `multiprocessing` spawned.
SPAWNS = """
import multiprocessing, os, subprocess, sys
import sails_sealed
from sails_sealed.inheritance import is_key_socket, pass_on

def worker(descriptor):
    sails_sealed.find_appliance()
    from appliance.weights.sealed.handover import take_key
    print(take_key(descriptor)[0].hex(), flush=True)

if __name__ == "__main__":
    descriptor = int(sys.argv[1])
    pass_on(descriptor)
    pass_on(descriptor)
    asks = f"import os; os.fstat({descriptor})"
    assert subprocess.run([sys.executable, "-c", asks], close_fds=False, stderr=subprocess.DEVNULL).returncode == 1
    process = multiprocessing.get_context("spawn").Process(target=worker, args=(descriptor,))
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(PLUGIN)}


def test_there_are_as_many_records_as_processes() -> None:
    with handed_over(DEK, digest=DIGEST, processes=2) as descriptor:
        assert take_key(descriptor) == (bytearray(DEK), DIGEST)
        assert take_key(descriptor) == (bytearray(DEK), DIGEST)
        with pytest.raises(SetupError, match="No key"):
            take_key(descriptor)


def test_the_descriptor_is_closed_afterwards() -> None:
    with handed_over(DEK, digest=DIGEST, processes=1) as descriptor:
        assert not os.get_inheritable(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_spawned_worker_inherits_the_key_and_a_program_does_not(tmp_path: Path) -> None:
    script = tmp_path / "spawns.py"
    script.write_text(SPAWNS)
    with handed_over(DEK, digest=DIGEST, processes=1) as descriptor:
        argv = [sys.executable, str(script), str(descriptor)]
        said = subprocess.run(argv, env=environment(), pass_fds=[descriptor], stdout=subprocess.PIPE, check=True)
    assert said.stdout.decode().split() == [DEK.hex()]


def test_the_engine_needs_only_cryptography() -> None:
    argv = [sys.executable, "-c", IMPORTS]
    said = subprocess.run(argv, env=environment(), cwd="/", stdout=subprocess.PIPE, check=True)
    of_cryptography = {"cryptography", "_openssl", "_cffi_backend", "cffi"}
    assert set(said.stdout.decode().split()) - of_cryptography <= {"appliance", "sails_sealed", "__mp_main__"}


def test_vllm_finds_the_plugin() -> None:
    asks = "from importlib.metadata import entry_points as e; print(*e(group='vllm.general_plugins'))"
    said = subprocess.run([sys.executable, "-c", asks], env=environment(), stdout=subprocess.PIPE, check=True)
    assert "sails_sealed:register" in said.stdout.decode()


def test_a_process_with_the_key_refuses_onlookers() -> None:
    asks = """
import ctypes, resource
from sails_sealed.inheritance import refuse_onlookers
refuse_onlookers()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))  # PR_GET_DUMPABLE
"""
    said = subprocess.run([sys.executable, "-c", asks], env=environment(), stdout=subprocess.PIPE, check=True)
    assert said.stdout.split() == [b"0", b"0", b"0"]
