/** Copies of short runs: std::memcpy of a length unknown to the compiler is a call, which dwarfs runs of some channels. */
#pragma once

#include <cstdint>
#include <cstring>

namespace revoxel {

/** Copies `bytes` bytes between places that do not overlap, in words of 32 bytes or less. */
inline void copyRun(void* target, const void* source, int64_t bytes) {
  char* const to = static_cast<char*>(target);
  const char* const from = static_cast<const char*>(source);
  // Two words that may overlap cover every length from one word to two.
  const auto ends = [&](auto word) {
    using Word = decltype(word);
    Word first, last;
    std::memcpy(&first, from, sizeof(Word));
    std::memcpy(&last, from + bytes - static_cast<int64_t>(sizeof(Word)), sizeof(Word));
    std::memcpy(to, &first, sizeof(Word));
    std::memcpy(to + bytes - static_cast<int64_t>(sizeof(Word)), &last, sizeof(Word));
  };
  struct Word16 {
    uint64_t half[2];
  };
  if (bytes > 512) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  } else if (bytes >= 32) {
    struct Word32 {
      uint64_t quarter[4];
    };
    Word32 last;
    std::memcpy(&last, from + bytes - 32, 32);
    for (int64_t i = 0; i < bytes - 32; i += 32) std::memcpy(to + i, from + i, 32);
    std::memcpy(to + bytes - 32, &last, 32);
  } else if (bytes >= 16) {
    ends(Word16{});
  } else if (bytes >= 8) {
    ends(uint64_t{});
  } else if (bytes >= 4) {
    ends(uint32_t{});
  } else if (bytes >= 2) {
    ends(uint16_t{});
  } else if (bytes == 1) {
    *to = *from;
  }
}

}  // namespace revoxel
