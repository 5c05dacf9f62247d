"""Used bytes of the device by the driver (cuMemGetInfo), which counts what no allocator of ours knows of."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from .library import Library, Session


@dataclass
class DeviceMemory:
    driver: ctypes.CDLL | None

    @staticmethod
    def open(library: Library | None) -> DeviceMemory:
        """With a context that is there before the first measurement: its own bytes are not the plan's."""
        if library is None:
            return DeviceMemory(None)
        try:
            driver = ctypes.CDLL("libcuda.so.1")
        except OSError:
            return DeviceMemory(None)
        with Session(library) as session:
            session.ensure(256, 256)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        codes = [
            driver.cuInit(0),
            driver.cuDeviceGet(ctypes.byref(device), 0),
            driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device),
            driver.cuCtxSetCurrent(context),
        ]
        return DeviceMemory(None if any(codes) else driver)

    @property
    def known(self) -> bool:
        return self.driver is not None

    def used(self) -> int:
        if self.driver is None:
            return 0
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        if self.driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) != 0:
            return 0
        return total.value - free.value
