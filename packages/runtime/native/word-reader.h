/**
 * Reads the 8-byte words of an encoded plan (src/plan/encode.ts) with bounds checks, so that a damaged or foreign buffer
 * gives an error and never a wild read. It knows words, lists and strings; what they mean is in plan.h.
 */
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace revoxel {

/** A plan that cannot be decoded or does not hold together. */
struct PlanError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class WordReader {
 public:
  WordReader(const void* data, size_t bytes) : data_(static_cast<const unsigned char*>(data)), words_(bytes / 8) {
    if (bytes % 8 != 0) throw PlanError("encoded plan: " + std::to_string(bytes) + " bytes are no whole number of words");
  }

  int64_t integer() {
    int64_t value;
    memcpy(&value, next(), sizeof value);
    return value;
  }

  double real() {
    double value;
    memcpy(&value, next(), sizeof value);
    return value;
  }

  /** A word that must be in 0 .. limit - 1. */
  int64_t code(int64_t limit, const char* what) {
    const int64_t value = integer();
    if (value < 0 || value >= limit) throw PlanError(std::string("encoded plan: ") + what + " " + std::to_string(value) + " is not in 0.." + std::to_string(limit - 1));
    return value;
  }

  /** A length that the rest of the buffer can hold. */
  size_t count(const char* what) {
    const int64_t value = integer();
    if (value < 0 || static_cast<uint64_t>(value) > words_ - at_) throw PlanError(std::string("encoded plan: count of ") + what + " " + std::to_string(value) + " exceeds the buffer");
    return static_cast<size_t>(value);
  }

  std::vector<int64_t> integers(const char* what) {
    const size_t n = count(what);
    std::vector<int64_t> list(n);
    for (auto& entry : list) entry = integer();
    return list;
  }

  std::string text() {
    const int64_t bytes = integer();
    if (bytes < 0 || static_cast<uint64_t>(bytes) > (words_ - at_) * 8) throw PlanError("encoded plan: a string exceeds the buffer");
    std::string value(reinterpret_cast<const char*>(data_ + at_ * 8), static_cast<size_t>(bytes));
    at_ += (static_cast<size_t>(bytes) + 7) / 8;
    return value;
  }

  size_t words() const { return words_; }
  bool atEnd() const { return at_ == words_; }

 private:
  const unsigned char* next() {
    if (at_ >= words_) throw PlanError("encoded plan: ends too early, at word " + std::to_string(at_));
    return data_ + 8 * at_++;
  }

  const unsigned char* data_;
  size_t words_;
  size_t at_ = 0;
};

}  // namespace revoxel
