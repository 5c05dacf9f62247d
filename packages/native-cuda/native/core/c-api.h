/**
 * The executor as a C library: no C++ types, no Node types, so that Python's ctypes (or a C program) can run plans on a
 * machine without Node. Plans are those of the runtime's `encodePlan`. Every function that can fail returns 0 or writes
 * one line to `error` and returns another number; byte buffers stay the caller's. One call at a time per session.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#define REVOXEL_API __attribute__((visibility("default")))

typedef struct revoxel_session revoxel_session;

/** Devices, driver and what is wrong, as JSON. Returns the length that is needed, end mark included. */
REVOXEL_API size_t revoxel_probe(char* json, size_t size);

/** @param graphs record CUDA graphs; @param synchronous check after every call; @param profile time every call. */
REVOXEL_API int revoxel_open(int device, int graphs, int synchronous, int profile, revoxel_session** session, char* error, size_t size);
REVOXEL_API void revoxel_close(revoxel_session* session);

REVOXEL_API int revoxel_ensure(revoxel_session* session, int64_t persistent_bytes, int64_t transient_bytes, char* error, size_t size);
REVOXEL_API int revoxel_load(revoxel_session* session, const void* words, size_t bytes, int64_t* plan, char* error, size_t size);

/** Copies between a place in the persistent segment and a host array of logical C order; `unit` bytes an element. */
REVOXEL_API int revoxel_copy(revoxel_session* session, int to_host, int64_t offset, const int64_t* shape, int rank, int64_t unit, void* host, int64_t host_bytes, char* error, size_t size);

/** Runs a plan: `refresh` are indices of derived values to be made first; inputs and outputs in the plan's order. */
REVOXEL_API int revoxel_run(revoxel_session* session, int64_t plan, const int64_t* refresh, int refresh_count, void* const* inputs, const int64_t* input_bytes, int input_count, const void* step, int64_t step_bytes, void* const* outputs, const int64_t* output_bytes, int output_count, char* error, size_t size);

/** Seconds of every call of a plan, summed over its runs; session opened with `profile`. Returns the number of runs, or -1. */
REVOXEL_API int64_t revoxel_timings(revoxel_session* session, int64_t plan, double* seconds, int count);

/** Bytes of the persistent segment, of the transient one and of step blocks. */
REVOXEL_API void revoxel_memory(revoxel_session* session, int64_t bytes[3]);

#ifdef __cplusplus
}
#endif
