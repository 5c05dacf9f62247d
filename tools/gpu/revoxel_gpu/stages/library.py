"""Finds a library that works here: the one carried, else one built here from the sources carried."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ..library import Library, NativeError, Session
from ..work import Record, Work


def library(work: Work, record: Record) -> None:
    chosen = work.pack_folder / "librevoxel_cuda_core.so"
    reason = fault(work, chosen)
    record["carried"] = reason or "works"
    record.save()
    if reason:
        chosen = rebuild(work, record)
        reason = fault(work, chosen)
        if reason:
            raise RuntimeError(reason)
    (work.folder / "library").write_text(str(chosen))
    record["probe"] = found = Library(chosen).probe()
    if found["reason"]:
        raise RuntimeError(found["reason"])


def fault(work: Work, path: Path) -> str:
    """Why a library cannot be used, or "". A missing device is not its fault."""
    try:
        loaded = Library(path)
        if loaded.probe()["reason"]:
            return ""
        pack = work.pack()
        smallest = min(pack.index["cases"], key=lambda case: case["bytes"] if "unary" in case["ops"] else 1 << 62)
        with Session(loaded) as session:
            for step in smallest["script"]:
                if step[0] == "ensure":
                    session.ensure(step[1], step[2])
                elif step[0] == "load":
                    session.load(pack.bytes_of(step[1]))
        return ""
    except (OSError, NativeError) as error:
        return str(error)


def rebuild(work: Work, record: Record) -> Path:
    folder = work.folder / "rebuild"
    pack = work.pack()
    source = work.pack_folder / "source"
    configure = ["cmake", "-S", str(source), "-B", str(folder), "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_JS_INC="]
    configure += [f"-DREVOXEL_RUNTIME={source / 'runtime'}", f"-DREVOXEL_CUDA_EMULATED={'ON' if pack.emulated else 'OFF'}"]
    if not pack.emulated:
        configure += [f"-DCMAKE_CUDA_ARCHITECTURES={pack.index['arch']}-real"]
    if shutil.which("ninja"):
        configure += ["-G", "Ninja"]
    subprocess.run(configure, check=True)
    subprocess.run(["cmake", "--build", str(folder), "--parallel", str(os.cpu_count() or 2)], check=True)
    record["rebuilt"] = True
    return folder / "librevoxel_cuda_core.so"
