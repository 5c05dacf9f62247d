/** Maps of blocks of 2, 4 or 8 voxels in registers, on their way between the large and the small tensor. */
#pragma once

#include "voxel-blocks.cuh"

namespace revoxel::voxels {

/** A number as maps work on it: of its own type, or as a float. */
template <class V, class T>
__device__ __forceinline__ V valueOf(T v) {
  if constexpr (std::is_same_v<V, T>) return v;
  else return toFloat(v);
}
template <class T, class V>
__device__ __forceinline__ T storedOf(V v) {
  if constexpr (std::is_same_v<V, T>) return v;
  else return fromFloat<T>(v);
}

/**
 * Blocks of S voxels in registers, a thread for every channel: from large to small, or `up` from small to large, through a
 * map: own = map.begin(c), map.apply(own, values), numbers of type Map::Value.
 */
template <class T, int S, class Map>
struct BlockMap {
  static constexpr int RESIDENT = Map::RESIDENT;
  using Value = typename Map::Value;
  const T* x;
  T* y;
  Blocks b;
  int64_t voxel[S];
  bool up;
  Map map;

  BlockMap(const T* from, T* to, const Blocks& blocks, bool upwards, const Map& m) : x(from), y(to), b(blocks), up(upwards), map(m) {
    for (int k = 0; k < S; k++) voxel[k] = b.voxelAt(static_cast<uint32_t>(k));
  }

  struct Own {
    uint32_t c;
    typename Map::Own map;
  };
  __device__ __forceinline__ Own begin(uint32_t lane) const { return {lane, map.begin(lane)}; }

  __device__ __forceinline__ void run(uint32_t position, Own& own) const {
    const int64_t large = b.largeAt(position) + own.c, small = b.smallAt(position) + b.channelAt(own.c, 0);
    Pack<T, S> stored;
    if (!up) {
#pragma unroll
      for (int k = 0; k < S; k++) stored.at[k] = x[large + voxel[k]];
    } else if (b.channelMajor) {
      stored = loadPack<T, S>(x + small);
    } else {
#pragma unroll
      for (int k = 0; k < S; k++) stored.at[k] = x[small + k * b.channels];
    }
    Value v[S];
#pragma unroll
    for (int k = 0; k < S; k++) v[k] = valueOf<Value>(stored.at[k]);
    map.apply(own.map, v);
#pragma unroll
    for (int k = 0; k < S; k++) stored.at[k] = storedOf<T>(v[k]);
    if (up) {
#pragma unroll
      for (int k = 0; k < S; k++) y[large + voxel[k]] = stored.at[k];
    } else if (b.channelMajor) {
      storePack<T, S>(y + small, stored);
    } else {
#pragma unroll
      for (int k = 0; k < S; k++) y[small + k * b.channels] = stored.at[k];
    }
  }
};

/** Launches maps of blocks of 2, 4 or 8 voxels; false for others. make(S) gives the map. */
template <class T, class Make>
bool mapBlocks(const Args& args, const Blocks& b, bool up, const Make& make) {
  const auto run = [&](auto size) {
    constexpr int S = decltype(size)::value;
    const auto map = make(size);
    walk(args, b, b.channels, BlockMap<T, S, std::decay_t<decltype(map)>>(args.in[0].as<T>(), args.out[0].as<T>(), b, up, map));
    return true;
  };
  switch (b.s) {
    case 2: return run(std::integral_constant<int, 2>{});
    case 4: return run(std::integral_constant<int, 4>{});
    case 8: return run(std::integral_constant<int, 8>{});
    default: return false;
  }
}

}  // namespace revoxel::voxels
