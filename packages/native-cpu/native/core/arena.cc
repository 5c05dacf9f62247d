#include "arena.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include <plan-error.h>

namespace revoxel {

namespace {

std::atomic<int64_t> liveBytes{0};

/** The size of a huge page on the machines this runs on; the base is aligned to it so that they apply from the start. */
constexpr int64_t HUGE_PAGE = int64_t{2} << 20;

int64_t pageBytes() {
  static const int64_t bytes = sysconf(_SC_PAGESIZE);
  return bytes;
}

int64_t roundUp(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }

/** A number from a one-line file, or -1. */
int64_t numberFrom(const char* path) {
  std::ifstream file(path);
  int64_t value = -1;
  return file >> value ? value : -1;
}

/** A field of /proc/meminfo in bytes, or -1. */
int64_t memInfo(const std::string& field) {
  std::ifstream file("/proc/meminfo");
  std::string name;
  int64_t kib;
  std::string unit;
  while (file >> name >> kib && std::getline(file, unit)) {
    if (name == field + ":") return kib * 1024;
  }
  return -1;
}

/** Bytes of this control group that the kernel can take back at once: page cache and reclaimable kernel memory. */
int64_t groupCacheBytes() {
  std::ifstream file("/sys/fs/cgroup/memory.stat");
  std::string name;
  int64_t bytes, sum = 0;
  while (file >> name >> bytes) {
    if (name == "inactive_file" || name == "active_file" || name == "slab_reclaimable") sum += bytes;
  }
  return sum;
}

int64_t smaller(int64_t a, int64_t b) { return a < 0 ? b : b < 0 ? a : a < b ? a : b; }

}  // namespace

int64_t liveArenaBytes() { return liveBytes.load(); }

int64_t physicalBytes() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  return pages < 0 ? -1 : pages * pageBytes();
}

int64_t availableBytes() {
  int64_t available = memInfo("MemAvailable");
  const int64_t limit = numberFrom("/sys/fs/cgroup/memory.max");
  const int64_t used = numberFrom("/sys/fs/cgroup/memory.current");
  if (limit >= 0 && used >= 0) {
    // The page cache counts as used, but the kernel gives it back when it is asked for.
    const int64_t cache = groupCacheBytes();
    const int64_t held = used > cache ? used - cache : 0;
    available = smaller(available, limit > held ? limit - held : 0);
  }
  return available;
}

void Arena::grow(int64_t bytes) {
  const int64_t wanted = roundUp(bytes, pageBytes());
  if (wanted <= committed_) return;
  const int64_t added = wanted - committed_;
  // The kernel hands out addresses it has no memory for and kills the process later; ask first.
  const int64_t available = availableBytes();
  if (available >= 0 && added > available) {
    throw OutOfMemory(added, available, "the session's memory cannot grow by " + std::to_string(added) + " bytes, " + std::to_string(available) + " are available");
  }
  if (!base_) {
    const int64_t physical = physicalBytes();
    int64_t length = roundUp(physical < 0 ? int64_t{1} << 38 : 4 * physical, HUGE_PAGE);
    if (length < wanted) length = roundUp(wanted, HUGE_PAGE);
    // A process with limited address space gets a smaller range, down to what is needed now.
    for (;; length = length / 2 > wanted ? length / 2 : wanted) {
      const size_t size = static_cast<size_t>(length + HUGE_PAGE);
      void* mapping = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (mapping != MAP_FAILED) {
        mapping_ = mapping;
        mappingBytes_ = size;
        break;
      }
      if (length <= wanted) throw OutOfMemory(wanted, available, std::string("no address range for the session's memory: ") + std::strerror(errno));
    }
    base_ = reinterpret_cast<char*>(roundUp(static_cast<int64_t>(reinterpret_cast<uintptr_t>(mapping_)), HUGE_PAGE));
    reserved_ = length;
  }
  if (wanted > reserved_) throw OutOfMemory(wanted, reserved_, "the session's memory outgrows its address range");
  char* const start = base_ + committed_;
  if (mprotect(start, static_cast<size_t>(added), PROT_READ | PROT_WRITE) != 0) {
    throw OutOfMemory(added, available, std::string("the session's memory cannot grow: ") + std::strerror(errno));
  }
#ifdef MADV_HUGEPAGE
  madvise(start, static_cast<size_t>(added), MADV_HUGEPAGE);
#endif
  bool touched = false;
#ifdef MADV_POPULATE_WRITE
  touched = madvise(start, static_cast<size_t>(added), MADV_POPULATE_WRITE) == 0;
#endif
  if (!touched) {
    for (int64_t at = 0; at < added; at += pageBytes()) *reinterpret_cast<volatile char*>(start + at) = 0;
  }
  committed_ = wanted;
  liveBytes += added;
}

int64_t Arena::residentBytes() const {
  if (committed_ == 0) return 0;
  const size_t pages = static_cast<size_t>(committed_ / pageBytes());
  std::vector<unsigned char> flags(pages);
#ifdef __linux__
  const int status = mincore(base_, static_cast<size_t>(committed_), flags.data());
#else
  const int status = mincore(base_, static_cast<size_t>(committed_), reinterpret_cast<char*>(flags.data()));
#endif
  if (status != 0) return -1;
  int64_t resident = 0;
  for (const unsigned char flag : flags) resident += flag & 1;
  return resident * pageBytes();
}

Arena::~Arena() {
  if (mapping_) munmap(mapping_, mappingBytes_);
  liveBytes -= committed_;
}

}  // namespace revoxel
