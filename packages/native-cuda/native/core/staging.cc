#include "staging.h"

#include <cstring>

#include "check.h"

namespace revoxel {

namespace {

/** Voxels v0 .. v1 - 1 of a sample, between [C][V] of the host and [v1 - v0][C] of a buffer. */
template <class Unit>
void transposeVoxels(void* packed, void* host, int64_t channels, int64_t voxels, int64_t v0, int64_t v1, bool toPacked) {
  Unit* const inside = static_cast<Unit*>(packed);
  Unit* const outside = static_cast<Unit*>(host);
  constexpr int64_t TILE = 64;
  for (int64_t begin = v0; begin < v1; begin += TILE) {
    const int64_t end = begin + TILE < v1 ? begin + TILE : v1;
    for (int64_t c = 0; c < channels; c++) {
      for (int64_t v = begin; v < end; v++) {
        Unit& a = inside[(v - v0) * channels + c];
        Unit& b = outside[c * voxels + v];
        if (toPacked) a = b;
        else b = a;
      }
    }
  }
}

void transposeUnits(int64_t unit, void* packed, void* host, int64_t channels, int64_t voxels, int64_t v0, int64_t v1, bool toPacked) {
  if (unit == 1) transposeVoxels<uint8_t>(packed, host, channels, voxels, v0, v1, toPacked);
  else if (unit == 2) transposeVoxels<uint16_t>(packed, host, channels, voxels, v0, v1, toPacked);
  else transposeVoxels<uint32_t>(packed, host, channels, voxels, v0, v1, toPacked);
}

}  // namespace

Staging::~Staging() {
  for (int i = 0; i < BUFFERS; i++) {
    if (free_[i]) (void)cudaEventDestroy(free_[i]);
    if (buffer_[i]) (void)cudaFreeHost(buffer_[i]);
  }
}

void Staging::open() {
  for (int i = 0; i < BUFFERS; i++) {
    check(cudaHostAlloc(reinterpret_cast<void**>(&buffer_[i]), static_cast<size_t>(BUFFER_BYTES), cudaHostAllocDefault), "cudaHostAlloc of staging buffers");
    check(cudaEventCreateWithFlags(&free_[i], cudaEventBlockingSync | cudaEventDisableTiming), "cudaEventCreate");
  }
}

int Staging::take() {
  const int i = next_;
  next_ = (next_ + 1) % BUFFERS;
  if (busy_[i]) check(cudaEventSynchronize(free_[i]), "waiting for a copy");
  busy_[i] = false;
  return i;
}

void Staging::copyBytes(cudaStream_t stream, char* device, const HostSpan& host, Direction direction) { copy(stream, device, host, {host.bytes}, 1, direction); }

void Staging::copy(cudaStream_t stream, char* device, const HostSpan& host, const std::vector<int64_t>& shape, int64_t unit, Direction direction) {
  int64_t channels = shape.size() < 3 ? 1 : shape[1];
  int64_t samples = shape.size() < 3 ? 1 : shape[0];
  const int64_t count = host.bytes / unit;
  int64_t voxels = count / (samples * channels);
  // One channel or one voxel lies alike on both sides.
  if (channels == 1 || voxels == 1) channels = samples = 1, voxels = count;
  const int64_t row = channels * unit;
  const int64_t step = BUFFER_BYTES / row > 0 ? BUFFER_BYTES / row : 1;
  if (row > BUFFER_BYTES) throw Error("ERR_PLAN", "a voxel of " + std::to_string(row) + " bytes does not fit a staging buffer");
  const bool down = direction == Direction::toHost;
  struct Part {
    int buffer;
    int64_t sample, v0, v1;
  };
  std::vector<Part> waiting;
  const auto hostAt = [&](int64_t sample) { return static_cast<char*>(host.data) + sample * channels * voxels * unit; };
  const auto unpack = [&](const Part& part) {
    check(cudaEventSynchronize(free_[part.buffer]), "waiting for a copy to the host");
    busy_[part.buffer] = false;
    if (channels == 1) std::memcpy(hostAt(part.sample) + part.v0 * unit, buffer_[part.buffer], static_cast<size_t>((part.v1 - part.v0) * unit));
    else transposeUnits(unit, buffer_[part.buffer], hostAt(part.sample), channels, voxels, part.v0, part.v1, false);
  };
  for (int64_t sample = 0; sample < samples; sample++) {
    for (int64_t v0 = 0; v0 < voxels; v0 += step) {
      const int64_t v1 = v0 + step < voxels ? v0 + step : voxels;
      char* const at = device + (sample * voxels + v0) * row;
      const size_t bytes = static_cast<size_t>((v1 - v0) * row);
      if (down && waiting.size() == BUFFERS) {
        unpack(waiting.front());
        waiting.erase(waiting.begin());
      }
      const int i = take();
      if (!down) {
        if (channels == 1) std::memcpy(buffer_[i], hostAt(sample) + v0 * unit, bytes);
        else transposeUnits(unit, buffer_[i], hostAt(sample), channels, voxels, v0, v1, true);
        check(cudaMemcpyAsync(at, buffer_[i], bytes, cudaMemcpyHostToDevice, stream), "copy to the device");
      } else {
        check(cudaMemcpyAsync(buffer_[i], at, bytes, cudaMemcpyDeviceToHost, stream), "copy to the host");
        waiting.push_back({i, sample, v0, v1});
      }
      check(cudaEventRecord(free_[i], stream), "cudaEventRecord");
      busy_[i] = true;
    }
  }
  for (const Part& part : waiting) unpack(part);
}

}  // namespace revoxel
