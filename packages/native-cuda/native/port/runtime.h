/** The CUDA runtime API as host code uses it: the real one, or the emulator's part of it (emu/cuemu.h). */
#pragma once

#if defined(REVOXEL_CUDA_EMULATED)
#include "../emu/cuemu.h"
#else
#include <cuda_runtime.h>
#endif
