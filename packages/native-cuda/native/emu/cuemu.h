// cuemu: run CUDA-C++ kernels on one CPU thread, for tests on machines without a GPU.
// Every CUDA thread of a block is a fiber; fibers switch only at synchronisation points
// (block barrier, named barrier, warp collective), in an order chosen by a seed.
// One header, C++17, g++/clang, x86-64 (hand-written switch) or anything with ucontext.
#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>
#include <sys/mman.h>
#include <unistd.h>
#if !defined(__x86_64__) || defined(CUEMU_UCONTEXT)
#define CUEMU_USE_UCONTEXT 1
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define CUEMU_ASAN 1
#endif

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#ifndef __align__
#define __align__(n) alignas(n)
#endif

struct dim3 { unsigned x, y, z; dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {} };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
inline float2 make_float2(float a, float b) { return {a, b}; }
inline float4 make_float4(float a, float b, float c, float d) { return {a, b, c, d}; }
inline uint4 make_uint4(unsigned a, unsigned b, unsigned c, unsigned d) { return {a, b, c, d}; }

namespace emu {

struct Error : std::runtime_error { using std::runtime_error::runtime_error; };
[[noreturn]] inline void fail(const std::string &m) { throw Error("cuemu: " + m); }

// ---- configuration and counters -------------------------------------------------------
// RoundRobin: warps take turns. Ascending/Descending: the lowest/highest ready warp runs as far as it can.
// Random: per block either a random warp priority or a fresh random pick at every switch.
enum class Order { RoundRobin, Ascending, Descending, Random };
struct Limits { unsigned threads = 1024; size_t staticSmem = 48 << 10, dynSmem = 227 << 10; };
struct Config { Order order = Order::RoundRobin; uint64_t seed = 1; size_t stackBytes = 64 << 10; Limits lim; bool lazyStreams = true; };
inline Config cfg;
struct Stats { uint64_t blocks = 0, switches = 0, collectives = 0, barriers = 0, mma = 0, cpAsync = 0, ldmatrix = 0, bankConflicts = 0, graphLaunches = 0; };
inline Stats stats;
inline uint64_t rngState = 88172645463325252ull;
inline uint64_t rnd() { rngState ^= rngState << 13; rngState ^= rngState >> 7; rngState ^= rngState << 17; return rngState; }
inline void seed(uint64_t s) { cfg.seed = s; rngState = s * 0x9E3779B97F4A7C15ull + 1; }

// ---- fibers ---------------------------------------------------------------------------
#ifdef CUEMU_USE_UCONTEXT
struct Ctx { ucontext_t uc; };
inline void switchTo(Ctx &from, Ctx &to) { swapcontext(&from.uc, &to.uc); }
#else
struct Ctx { void *sp = nullptr; };
static __attribute__((naked, noinline, used)) void rawSwitch(void **, void *) {
  asm volatile("pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
               "movq %rsp,(%rdi)\n movq %rsi,%rsp\n"
               "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");
}
inline void switchTo(Ctx &from, Ctx &to) { rawSwitch(&from.sp, to.sp); }
#endif

struct Block;
struct Pending { char *dst; const char *src; unsigned bytes, srcBytes; };
enum class St : uint8_t { Ready, Barrier, Warp, Done };
struct Thread {
  dim3 tid; unsigned lin = 0, lane = 0, warp = 0;
  St st = St::Ready; Ctx ctx; char *stack = nullptr; void *fake = nullptr;
  const char *where = ""; int line = 0, site = 0;
  std::vector<std::vector<Pending>> groups; std::vector<Pending> open;   // cp.async
};
struct WarpOp { unsigned mask = 0, arrived = 0; const void *tag = nullptr; const void *in[32]; void *out[32]; };
struct NamedBar { unsigned want = 0; std::vector<Thread *> waiting; };
struct SmemDeleter { void operator()(void *p) const { free(p); } };
struct Block {
  dim3 bid, bdim, gdim;
  std::vector<Thread> th; std::vector<std::vector<Thread *>> ready; uint32_t readyWarps = 0; unsigned live = 0, turn = 0; uint8_t prio[32]; bool usePrio = false;
  std::vector<std::vector<WarpOp>> warpOps; std::vector<unsigned> alive;
  std::map<int, NamedBar> bars;
  std::map<const void *, std::unique_ptr<void, SmemDeleter>> smem; size_t smemBytes = 0;
  std::unique_ptr<void, SmemDeleter> dyn; size_t dynBytes = 0;
  std::function<void()> *body = nullptr; Ctx sched; std::string err;
};
inline Block *blk = nullptr;
inline Thread *cur = nullptr;
inline const void *mainStack = nullptr; inline size_t mainStackSize = 0;

inline void toScheduler() {
  stats.switches++;
  Thread *me = cur;
#ifdef CUEMU_ASAN
  __sanitizer_start_switch_fiber(me->st == St::Done ? nullptr : &me->fake, mainStack, mainStackSize);
#endif
  switchTo(me->ctx, blk->sched);
#ifdef CUEMU_ASAN
  __sanitizer_finish_switch_fiber(me->fake, &mainStack, &mainStackSize);
#endif
}
inline void makeReady(Thread *t) { t->st = St::Ready; blk->ready[t->warp].push_back(t); blk->readyWarps |= 1u << t->warp; }
inline Thread *pick(Block &b) {
  unsigned w = 0, nw = b.ready.size();
  if (cfg.order == Order::Random && !b.usePrio) { w = rnd() % nw; while (!(b.readyWarps >> w & 1)) w = (w + 1) % nw; }
  else if (cfg.order == Order::RoundRobin) { w = b.turn; while (!(b.readyWarps >> w & 1)) w = (w + 1) % nw; b.turn = (w + 1) % nw; }
  else for (unsigned i = 0; i < nw; i++) if (b.readyWarps >> b.prio[i] & 1) { w = b.prio[i]; break; }
  auto &q = b.ready[w]; size_t k = cfg.order == Order::Random ? rnd() % q.size() : cfg.order == Order::Descending ? q.size() - 1 : 0;
  Thread *t = q[k]; q.erase(q.begin() + k);
  if (q.empty()) b.readyWarps &= ~(1u << w);
  return t;
}

inline void entry() {
#ifdef CUEMU_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &mainStack, &mainStackSize);
#endif
  try { (*blk->body)(); } catch (std::exception &e) { if (blk->err.empty()) blk->err = e.what(); }
  cur->st = St::Done;
  toScheduler();
  abort();
}

inline std::vector<char *> &stackPool() { static std::vector<char *> p; return p; }
inline char *getStack() {
  auto &p = stackPool();
  if (!p.empty()) { char *s = p.back(); p.pop_back(); return s; }
  size_t pg = 4096;
  char *s = (char *)mmap(nullptr, cfg.stackBytes + pg, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (s == MAP_FAILED) fail("no memory for fiber stacks");
  mprotect(s, pg, PROT_NONE);
  return s + pg;
}
inline void start(Thread &t) {
#ifdef CUEMU_ASAN
  __asan_unpoison_memory_region(t.stack, cfg.stackBytes);      // frames of fibers abandoned after an error
#endif
#ifdef CUEMU_USE_UCONTEXT
  getcontext(&t.ctx.uc); t.ctx.uc.uc_stack.ss_sp = t.stack; t.ctx.uc.uc_stack.ss_size = cfg.stackBytes; t.ctx.uc.uc_link = nullptr;
  makecontext(&t.ctx.uc, (void (*)())entry, 0);
#else
  void **sp = (void **)(((uintptr_t)t.stack + cfg.stackBytes) & ~(uintptr_t)15);
  *--sp = nullptr; *--sp = (void *)entry;                 // return address slot keeps the ABI alignment
  for (int i = 0; i < 6; i++) *--sp = nullptr;
  t.ctx.sp = sp;
#endif
}

inline std::string at(const Thread &t) {
  return "block(" + std::to_string(blk->bid.x) + "," + std::to_string(blk->bid.y) + "," + std::to_string(blk->bid.z) + ") thread " +
         std::to_string(t.lin) + " at " + t.where + ":" + std::to_string(t.line);
}

// ---- barriers -------------------------------------------------------------------------
inline void barrier(int id, unsigned want, const char *file, int line, int site) {
  stats.barriers++;
  cur->where = file; cur->line = line; cur->site = site;
  NamedBar &b = blk->bars[id];
  if (b.waiting.empty()) b.want = want;
  if (b.want != want) fail("barrier " + std::to_string(id) + " used with two thread counts, " + at(*cur));
  for (Thread *o : b.waiting)
    if (id == 0 && o->site != site)
      fail("divergent __syncthreads: " + at(*cur) + " versus " + at(*o));
  b.waiting.push_back(cur);
  unsigned need = want ? want : blk->live;
  if (b.waiting.size() == need) {
    std::vector<Thread *> w; w.swap(b.waiting);
    for (Thread *o : w) makeReady(o);
  } else cur->st = St::Barrier;
  toScheduler();
}

// ---- warp collectives: the last lane to arrive computes the result for all -------------
template <class Tag, class In, class Out, class F>
inline Out collective(unsigned mask, const In &in, F &&combine, const char *file, int line) {
  stats.collectives++;
  static char tagObj; const void *tag = &tagObj;
  Out out{};
  Thread *me = cur; me->where = file; me->line = line;
  if (!((mask >> me->lane) & 1)) fail("warp collective: calling lane not in mask, " + at(*me));
  auto &ops = blk->warpOps[me->warp];
  WarpOp *op = nullptr;
  for (auto &o : ops) if (o.arrived && (o.mask & mask)) {
    if (o.mask != mask || o.tag != tag) fail("warp lanes meet in different collectives, " + at(*me));
    op = &o;
  }
  if (!op) { for (auto &o : ops) if (!o.arrived) op = &o; if (!op) { ops.emplace_back(); op = &ops.back(); } op->mask = mask; op->tag = tag; op->arrived = 0; }
  op->in[me->lane] = &in; op->out[me->lane] = &out; op->arrived |= 1u << me->lane;
  if (mask & ~blk->alive[me->warp]) fail("warp collective waits for an exited or absent lane, " + at(*me));
  if (op->arrived == mask) {
    combine((const In *const *)op->in, (Out *const *)op->out, mask);
    op->arrived = 0;
    for (unsigned l = 0; l < 32; l++) if ((mask >> l & 1) && l != me->lane) makeReady(&blk->th[me->warp * 32 + l]);
    if (cfg.order == Order::Random) { makeReady(me); toScheduler(); }
  } else { me->st = St::Warp; toScheduler(); }
  return out;
}

// ---- one block ------------------------------------------------------------------------
inline void *poisoned(size_t n) { void *p = aligned_alloc(128, (n + 127) / 128 * 128); memset(p, 0xFF, (n + 127) / 128 * 128); return p; }
inline void runBlock(Block &b) {
  blk = &b; stats.blocks++;
  unsigned n = b.bdim.x * b.bdim.y * b.bdim.z;
  b.th.assign(n, Thread{}); b.ready.assign((n + 31) / 32, {}); b.readyWarps = 0; b.live = n; b.turn = 0;
  unsigned nw = (n + 31) / 32; b.usePrio = cfg.order != Order::Random || (rnd() & 1);
  for (unsigned i = 0; i < nw; i++) b.prio[i] = cfg.order == Order::Descending ? nw - 1 - i : i;
  if (cfg.order == Order::Random) for (unsigned i = nw; i > 1; i--) std::swap(b.prio[i - 1], b.prio[rnd() % i]);
  b.err.clear(); b.bars.clear(); b.smem.clear(); b.smemBytes = 0;
  b.warpOps.assign((n + 31) / 32, {}); b.alive.assign((n + 31) / 32, 0);
  if (b.dynBytes) b.dyn.reset(poisoned(b.dynBytes));
  for (unsigned i = 0; i < n; i++) {
    Thread &t = b.th[i]; t.lin = i; t.lane = i & 31; t.warp = i >> 5;
    t.tid = dim3(i % b.bdim.x, i / b.bdim.x % b.bdim.y, i / (b.bdim.x * b.bdim.y));
    b.alive[t.warp] |= 1u << t.lane; t.stack = getStack(); start(t); makeReady(&t);
  }
  while (b.readyWarps) {
    Thread *t = pick(b);
    cur = t;
#ifdef CUEMU_ASAN
    void *fake; __sanitizer_start_switch_fiber(&fake, t->stack, cfg.stackBytes);
#endif
    switchTo(b.sched, t->ctx);
#ifdef CUEMU_ASAN
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
    if (!b.err.empty()) break;
    if (t->st == St::Done) {
      if (!t->open.empty() || !t->groups.empty()) { for (auto &g : t->groups) if (!g.empty()) b.err = "thread exits with cp.async in flight, " + at(*t); }
      stackPool().push_back(t->stack); b.live--; b.alive[t->warp] &= ~(1u << t->lane);
      NamedBar &z = b.bars[0];                                  // exited threads no longer count
      if (!z.waiting.empty() && z.want == 0 && z.waiting.size() == b.live) { auto w = z.waiting; z.waiting.clear(); for (auto *o : w) makeReady(o); }
    }
  }
  std::string err = b.err;
  if (err.empty() && b.live) { err = "deadlock:"; int k = 0; for (auto &t : b.th) if (t.st != St::Done && k++ < 6) err += "\n  " + at(t) + (t.st == St::Barrier ? " (barrier)" : " (warp op)"); }
  cur = nullptr; blk = nullptr;
  if (!err.empty()) { for (auto &t : b.th) if (t.st != St::Done) stackPool().push_back(t.stack); fail(err); }
}

template <class T> inline T &shared(const void *key) {
  auto &slot = blk->smem[key];
  if (!slot) {
    blk->smemBytes += sizeof(T);
    if (blk->smemBytes > cfg.lim.staticSmem) fail("static shared memory over the limit");
    slot.reset(poisoned(sizeof(T)));
  }
  return *static_cast<T *>(slot.get());
}

// ---- device memory: guarded pages, closed to the host outside of device work -----------
struct Alloc { char *base; size_t map; char *user; size_t bytes; };
inline std::map<char *, Alloc> allocs;
inline size_t memLimit = SIZE_MAX, memUsed = 0;
inline bool isGlobal(const void *p) {
  auto it = allocs.upper_bound((char *)p);
  if (it == allocs.begin()) return false;
  --it;
  return (const char *)p < it->second.user + it->second.bytes;
}
// Dynamic shared memory that a function may ask for: 48 KB until its attribute is set, and the last setting counts.
inline std::map<const void *, int> dynLimits;
inline int dynLimit(const void *k) { auto it = dynLimits.find(k); return it == dynLimits.end() ? 48 << 10 : it->second; }
inline int openDepth = 0;
inline void access(bool on) { for (auto &a : allocs) mprotect(a.second.base + 4096, a.second.map - 8192, on ? PROT_READ | PROT_WRITE : PROT_NONE); }
// The ranges an op says it touches. In an ASan build everything else in device memory is poisoned while its kernels run,
// so a stray read or write inside the arena is found too. Set before launch(), cleared with windows.clear().
inline std::vector<std::pair<char *, size_t>> windows;
inline void poisonOutside(const std::vector<std::pair<char *, size_t>> &w, bool on) {
#ifdef CUEMU_ASAN
  if (w.empty()) return;
  for (auto &a : allocs) if (on) __asan_poison_memory_region(a.second.user, a.second.bytes); else __asan_unpoison_memory_region(a.second.user, a.second.bytes);
  if (on) for (auto &r : w) __asan_unpoison_memory_region(r.first, r.second);
#else
  (void)w; (void)on;
#endif
}
struct DeviceScope { DeviceScope() { if (!openDepth++) access(true); } ~DeviceScope() { if (!--openDepth) access(false); } };

// ---- streams: queued work, run late and interleaved, so missing events show ------------
struct Event { uint64_t want = 0, done = 0; double at = 0; };
inline double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
struct Op { std::function<void()> fn; Event *wait = nullptr; uint64_t ver = 0; };
struct Stream { std::deque<Op> q; bool capturing = false; std::vector<Op> recorded; };
struct Graph { std::vector<Op> ops; };
inline std::set<Stream *> streams;
inline Stream legacy;
inline int sticky = 0, lastErr = 0; inline std::string lastMsg;
inline long failCountdown = -1; inline int failCode = 2;
inline bool runnable(Stream *s) { return !s->q.empty() && (!s->q.front().wait || s->q.front().wait->done >= s->q.front().ver); }
inline void step(Stream *s) {
  Op op = std::move(s->q.front()); s->q.pop_front();
  if (!op.fn || sticky) return;
  try { DeviceScope d; op.fn(); } catch (Error &e) { sticky = 719; lastMsg = e.what(); }
}
inline void drain(Stream *target) {                      // nullptr: everything
  std::vector<Stream *> all(streams.begin(), streams.end()); all.push_back(&legacy);
  for (;;) {
    if (target ? target->q.empty() : std::all_of(all.begin(), all.end(), [](Stream *s) { return s->q.empty(); })) return;
    std::vector<Stream *> r;
    if (target && runnable(target)) r.push_back(target);
    else for (auto *s : all) if (runnable(s)) r.push_back(s);
    if (r.empty()) { sticky = 999; lastMsg = "streams wait for each other"; return; }
    step(r[rnd() % r.size()]);
  }
}
inline void enqueue(Stream *s, std::function<void()> fn) {
  if (!s) s = &legacy;
  if (s->capturing) { s->recorded.push_back({std::move(fn)}); return; }
  s->q.push_back({std::move(fn)});
  if (!cfg.lazyStreams) drain(s);
}
inline bool injected() { return failCountdown >= 0 && failCountdown-- == 0; }
} // namespace emu

// ---- the part of the CUDA runtime API that the host code uses ---------------------------
enum cudaError_t { cudaErrorDevicesUnavailable = 46, cudaErrorInvalidDeviceFunction = 98, cudaErrorInvalidKernelImage = 200, cudaErrorUnsupportedPtxVersion = 222, cudaErrorSystemNotReady = 802, cudaErrorInvalidDevice = 101, cudaErrorNoKernelImageForDevice = 209, cudaErrorInvalidResourceHandle = 400, cudaErrorNotReady = 600, cudaErrorLaunchOutOfResources = 701, cudaErrorNotSupported = 801, cudaErrorStreamCaptureUnsupported = 900, cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2, cudaErrorInvalidConfiguration = 9, cudaErrorLaunchFailure = 719, cudaErrorUnknown = 999 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
using cudaStream_t = emu::Stream *; using cudaEvent_t = emu::Event *; using cudaGraph_t = emu::Graph *; using cudaGraphExec_t = emu::Graph *;
enum { cudaStreamNonBlocking = 1, cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2, cudaHostAllocDefault = 0 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal = 0, cudaStreamCaptureModeThreadLocal = 1 };
inline const char *cudaGetErrorName(cudaError_t e) { return e == 0 ? "cudaSuccess" : e == 2 ? "cudaErrorMemoryAllocation" : e == 719 ? "cudaErrorLaunchFailure" : "cudaError"; }
inline const char *cudaGetErrorString(cudaError_t e) { return e == 719 || e == 999 ? emu::lastMsg.c_str() : cudaGetErrorName(e); }
inline cudaError_t emuRet(int e) { if (emu::sticky) e = emu::sticky; if (e) emu::lastErr = e; return (cudaError_t)e; }
inline cudaError_t cudaGetLastError() { int e = emu::sticky ? emu::sticky : emu::lastErr; emu::lastErr = 0; return (cudaError_t)e; }
inline cudaError_t cudaMalloc(void **p, size_t n) {
  if (emu::injected()) return emuRet(emu::failCode);
  if (emu::memUsed + n > emu::memLimit) return emuRet(2);
  size_t m = (n + 4095) / 4096 * 4096 + 8192;
  char *b = (char *)mmap(nullptr, m, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (b == MAP_FAILED) return emuRet(2);
  char *u = b + m - 4096 - (n + 255) / 256 * 256;          // end-aligned: overruns hit the guard page
  mprotect(b + 4096, m - 8192, PROT_READ | PROT_WRITE); memset(b + 4096, 0xFF, m - 8192);
  if (!emu::openDepth) mprotect(b + 4096, m - 8192, PROT_NONE);
  emu::allocs[u] = {b, m, u, n}; emu::memUsed += n; *p = u; return emuRet(0);
}
template <class T> inline cudaError_t cudaMalloc(T **p, size_t n) { return cudaMalloc((void **)p, n); }
inline cudaError_t cudaFree(void *p) {
  if (!p) return cudaSuccess;
  emu::drain(nullptr);
  auto it = emu::allocs.find((char *)p); if (it == emu::allocs.end()) return emuRet(1);
  munmap(it->second.base, it->second.map); emu::memUsed -= it->second.bytes; emu::allocs.erase(it); return emuRet(0);
}
inline cudaError_t cudaHostAlloc(void **p, size_t n, unsigned = 0) { *p = malloc(n); return emuRet(*p ? 0 : 2); }
inline cudaError_t cudaFreeHost(void *p) { free(p); return emuRet(0); }
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned) { *s = new emu::Stream; emu::streams.insert(*s); return emuRet(0); }
inline cudaError_t cudaStreamDestroy(cudaStream_t s) { emu::drain(s); emu::streams.erase(s); delete s; return emuRet(0); }
inline cudaError_t cudaStreamSynchronize(cudaStream_t s) { if (s && s->capturing) return emuRet(cudaErrorStreamCaptureUnsupported); emu::drain(s ? s : &emu::legacy); return emuRet(0); }
inline cudaError_t cudaDeviceSynchronize() { emu::drain(nullptr); return emuRet(0); }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned) { *e = new emu::Event; return emuRet(0); }
inline cudaError_t cudaEventDestroy(cudaEvent_t e) { delete e; return emuRet(0); }
inline cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) { uint64_t v = ++e->want; emu::enqueue(s, [e, v] { e->done = std::max(e->done, v); e->at = emu::seconds(); }); return emuRet(0); }
inline cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned = 0) { (s ? s : &emu::legacy)->q.push_back({nullptr, e, e->want}); return emuRet(0); }
inline cudaError_t cudaEventSynchronize(cudaEvent_t e) { if (e->done < e->want) emu::drain(nullptr); return emuRet(0); }
inline cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t a, cudaEvent_t b) { *ms = (float)((b->at - a->at) * 1e3); return emuRet(0); }
inline cudaError_t cudaSetDevice(int d) { return emuRet(d >= 0 && d < 2 ? 0 : 1); }
inline cudaError_t cudaMemGetInfo(size_t *free, size_t *total) { *total = emu::memLimit == SIZE_MAX ? (size_t)4 << 30 : emu::memLimit; *free = *total > emu::memUsed ? *total - emu::memUsed : 0; return emuRet(0); }
// Capture: what would be queued is kept, and a launch queues it again. Waiting for a stream that captures is an error, as on a device.
inline cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode) { if (emu::injected()) return emuRet(emu::failCode); s->capturing = true; s->recorded.clear(); return emuRet(0); }
inline cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g) { s->capturing = false; *g = new emu::Graph{std::move(s->recorded)}; s->recorded.clear(); return emuRet(0); }
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t *x, cudaGraph_t g, unsigned long long = 0) { *x = new emu::Graph(*g); return emuRet(0); }
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t x, cudaStream_t s) { if (emu::injected()) return emuRet(emu::failCode); emu::stats.graphLaunches++; for (auto &op : x->ops) emu::enqueue(s, op.fn); return emuRet(0); }
inline cudaError_t cudaGraphDestroy(cudaGraph_t g) { delete g; return cudaSuccess; }
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t g) { delete g; return cudaSuccess; }
inline cudaError_t cudaMemcpyAsync(void *d, const void *s, size_t n, cudaMemcpyKind, cudaStream_t st = nullptr) {
  if (emu::injected()) return emuRet(emu::failCode);
  emu::enqueue(st, [=] { memcpy(d, s, n); }); return emuRet(0);
}
inline cudaError_t cudaMemcpy(void *d, const void *s, size_t n, cudaMemcpyKind k) { emu::drain(nullptr); cudaMemcpyAsync(d, s, n, k, nullptr); emu::drain(nullptr); return emuRet(0); }
inline cudaError_t cudaMemsetAsync(void *d, int v, size_t n, cudaStream_t st = nullptr) { emu::enqueue(st, [=] { memset(d, v, n); }); return emuRet(0); }
template <class K> inline cudaError_t cudaFuncSetAttribute(K k, cudaFuncAttribute, int v) { if ((size_t)v > emu::cfg.lim.dynSmem) return emuRet(1); emu::dynLimits[(const void *)k] = v; return emuRet(0); }
struct cudaFuncAttributes { int maxDynamicSharedSizeBytes; };
template <class K> inline cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *a, K k) { a->maxDynamicSharedSizeBytes = emu::dynLimit((const void *)k); return emuRet(0); }

namespace emu {
template <class... P, class... A> inline cudaError_t launchKernel(void (*k)(P...), dim3 g, dim3 b, size_t dyn, cudaStream_t s, A &&...a) {
  if (injected()) return emuRet(failCode);
  unsigned n = b.x * b.y * b.z;
  if (dyn > (size_t)dynLimit((const void *)k)) return emuRet(1);
  if (!n || n > cfg.lim.threads || !g.x || !g.y || !g.z || g.y > 65535 || g.z > 65535 || dyn > cfg.lim.dynSmem || b.z > 64) return emuRet(9);
  std::tuple<std::decay_t<P>...> args(std::forward<A>(a)...);
  auto win = windows;
  enqueue(s, [=]() mutable {
    struct Scope { const std::vector<std::pair<char *, size_t>> &w; Scope(const std::vector<std::pair<char *, size_t>> &x) : w(x) { poisonOutside(w, true); } ~Scope() { poisonOutside(w, false); } } scope(win);
    std::function<void()> body = [&] { std::apply(k, args); };
    Block B; B.bdim = b; B.gdim = g; B.dynBytes = dyn; B.body = &body;
    uint64_t total = (uint64_t)g.x * g.y * g.z, off = cfg.order == Order::Random ? rnd() % total : 0;
    for (uint64_t i = 0; i < total; i++) {
      uint64_t j = (cfg.order == Order::Descending ? total - 1 - i : i) + off; if (j >= total) j -= total;
      B.bid = dim3(j % g.x, j / g.x % g.y, j / ((uint64_t)g.x * g.y)); runBlock(B);
    }
  });
  return emuRet(0);
}
} // namespace emu

// ---- device-side names ------------------------------------------------------------------
#define threadIdx (emu::cur->tid)
#define blockIdx (emu::blk->bid)
#define blockDim (emu::blk->bdim)
#define gridDim (emu::blk->gdim)
#define warpSize 32
#define __syncthreads() emu::barrier(0, 0, __FILE__, __LINE__, __COUNTER__)
#define __shfl_sync(m, v, l) emu::shfl<0>(m, v, l, __FILE__, __LINE__)
#define __shfl_xor_sync(m, v, l) emu::shfl<1>(m, v, l, __FILE__, __LINE__)
#define __shfl_down_sync(m, v, l) emu::shfl<2>(m, v, l, __FILE__, __LINE__)
#define __shfl_up_sync(m, v, l) emu::shfl<3>(m, v, l, __FILE__, __LINE__)
#define __syncwarp(...) emu::ballot(0xffffffffu, 1, __FILE__, __LINE__)
#define __ballot_sync(m, p) emu::ballot(m, p, __FILE__, __LINE__)
#define __any_sync(m, p) (emu::ballot(m, p, __FILE__, __LINE__) != 0)
#define __all_sync(m, p) (emu::ballot(m, p, __FILE__, __LINE__) == (unsigned)(m))
namespace emu {
template <int Kind, class T> inline T shfl(unsigned mask, T v, int arg, const char *f, int ln) {
  struct In { T v; int a; }; struct Tag {};
  return collective<Tag, In, T>(mask, In{v, arg}, [](const In *const *in, T *const *out, unsigned m) {
    for (int l = 0; l < 32; l++) if (m >> l & 1) {
      int s = Kind == 0 ? (in[l]->a & 31) : Kind == 1 ? (l ^ in[l]->a) : Kind == 2 ? l + in[l]->a : l - in[l]->a;
      if (s < 0 || s > 31) s = l;
      if (!(m >> s & 1)) fail("shuffle reads a lane outside the mask");
      *out[l] = in[s]->v;
    }
  }, f, ln);
}
inline unsigned ballot(unsigned mask, bool p, const char *f, int ln) {
  struct Tag {};
  return collective<Tag, bool, unsigned>(mask, p, [](const bool *const *in, unsigned *const *out, unsigned m) {
    unsigned r = 0; for (int l = 0; l < 32; l++) if ((m >> l & 1) && *in[l]) r |= 1u << l;
    for (int l = 0; l < 32; l++) if (m >> l & 1) *out[l] = r;
  }, f, ln);
}
} // namespace emu
template <class T> inline T atomicAdd(T *p, T v) { T o = *p; *p = o + v; return o; }
template <class T> inline T atomicMax(T *p, T v) { T o = *p; *p = std::max(o, v); return o; }
template <class T> inline T __ldg(const T *p) { return *p; }
inline void __threadfence() {}
__extension__ typedef unsigned __int128 emuWide;
inline uint64_t __umul64hi(uint64_t a, uint64_t b) { return static_cast<uint64_t>(static_cast<emuWide>(a) * b >> 64); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline float __uint_as_float(unsigned u) { float f; memcpy(&f, &u, 4); return f; }
inline unsigned __float_as_uint(float f) { unsigned u; memcpy(&u, &f, 4); return u; }

struct __nv_bfloat16 { uint16_t u; };
inline float __bfloat162float(__nv_bfloat16 b) { return __uint_as_float((unsigned)b.u << 16); }
inline __nv_bfloat16 __float2bfloat16_rn(float f) {
  unsigned u = __float_as_uint(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return {(uint16_t)0x7fff};
  return {(uint16_t)((u + 0x7fffu + ((u >> 16) & 1)) >> 16)};
}
struct __half { uint16_t u; };
inline float __half2float(__half h) {
  unsigned s = (h.u & 0x8000u) << 16, e = h.u >> 10 & 31, m = h.u & 1023;
  if (e == 31) return __uint_as_float(s | 0x7f800000u | m << 13);
  float v = e ? std::ldexp((float)(m | 1024), (int)e - 25) : std::ldexp((float)m, -24);
  return s ? -v : v;
}
inline __half __float2half_rn(float f) {
  unsigned u = __float_as_uint(f), s = u >> 16 & 0x8000u; float a = std::fabs(f);
  if (a != a) return {(uint16_t)(s | 0x7fff)};
  if (a >= 65520.0f) return {(uint16_t)(s | 0x7c00)};
  int e; std::frexp(a, &e); int q = std::max(e - 11, -24);
  double r = std::nearbyint(std::ldexp((double)a, -q));
  float back = (float)std::ldexp(r, q); unsigned bu = __float_as_uint(back);
  if (back < 6.103515625e-05f) return {(uint16_t)(s | (unsigned)(back * 16777216.0f))};
  return {(uint16_t)(s | ((bu >> 13) - (112u << 10)))};
}

// ---- matrix instructions, as scalar loops over the documented fragment layouts -----------
namespace emu {
inline float tf32(float x) { return __uint_as_float(__float_as_uint(x) & 0xffffe000u); }   // hardware ignores the low 13 bits
enum class Ty { BF16, F16, TF32 };
struct MmaIn { unsigned a[4], b[2]; float c[4]; };
struct MmaOut { float d[4]; };
template <Ty T, int K> inline void mma(float (&d)[4], const unsigned *a, const unsigned *b, const char *f, int ln) {
  struct Tag {};
  constexpr int NA = T == Ty::TF32 ? 4 : K / 4, NB = T == Ty::TF32 ? 2 : K / 8;
  MmaIn in{}; for (int i = 0; i < NA; i++) in.a[i] = a[i]; for (int i = 0; i < NB; i++) in.b[i] = b[i]; for (int i = 0; i < 4; i++) in.c[i] = d[i];
  MmaOut o = collective<Tag, MmaIn, MmaOut>(0xffffffffu, in, [](const MmaIn *const *in, MmaOut *const *out, unsigned) {
    stats.mma++;
    float A[16][K], B[K][8], C[16][8] = {};
    auto half = [](unsigned r, int h) { uint16_t v = h ? r >> 16 : r & 0xffff; return T == Ty::BF16 ? __bfloat162float({v}) : __half2float({v}); };
    for (int l = 0; l < 32; l++) {
      int g = l >> 2, t = l & 3;
      if constexpr (T == Ty::TF32) {
        for (int i = 0; i < 4; i++) A[g + 8 * (i & 1)][t + 4 * (i >> 1)] = tf32(__uint_as_float(in[l]->a[i]));
        for (int i = 0; i < 2; i++) B[t + 4 * i][g] = tf32(__uint_as_float(in[l]->b[i]));
      } else {
        for (int i = 0; i < NA; i++) for (int h = 0; h < 2; h++) A[g + 8 * (i & 1)][2 * t + h + 8 * (i >> 1)] = half(in[l]->a[i], h);
        for (int i = 0; i < NB; i++) for (int h = 0; h < 2; h++) B[2 * t + h + 8 * i][g] = half(in[l]->b[i], h);
      }
    }
    for (int r = 0; r < 16; r++) for (int k = 0; k < K; k++) for (int c = 0; c < 8; c++) C[r][c] += A[r][k] * B[k][c];
    for (int l = 0; l < 32; l++) for (int i = 0; i < 4; i++) out[l]->d[i] = in[l]->c[i] + C[(l >> 2) + 8 * (i >> 1)][2 * (l & 3) + (i & 1)];
  }, f, ln);
  for (int i = 0; i < 4; i++) d[i] = o.d[i];
}
struct LdIn { const void *p; }; struct LdOut { unsigned r[4]; };
template <int X, bool Trans> inline void ldmatrix(unsigned *r, const void *p, const char *f, int ln) {
  struct Tag {};
  if ((uintptr_t)p & 15) fail("ldmatrix row address not 16-byte aligned");
  LdOut o = collective<Tag, LdIn, LdOut>(0xffffffffu, LdIn{p}, [](const LdIn *const *in, LdOut *const *out, unsigned) {
    for (int m = 0; m < X; m++) {                           // one phase reads 8 rows of 16 bytes = all 32 banks once
      int hits[8] = {}, worst = 0;
      for (int r = 0; r < 8; r++) worst = std::max(worst, ++hits[(uintptr_t)in[8 * m + r]->p / 16 % 8]);
      stats.ldmatrix++; stats.bankConflicts += worst - 1;
    }
    for (int l = 0; l < 32; l++) for (int m = 0; m < X; m++) {
      uint16_t v[2];
      for (int h = 0; h < 2; h++) {
        int row = Trans ? 2 * (l & 3) + h : l >> 2, col = Trans ? l >> 2 : 2 * (l & 3) + h;
        memcpy(&v[h], (const char *)in[8 * m + row]->p + 2 * col, 2);
      }
      out[l]->r[m] = v[0] | (unsigned)v[1] << 16;
    }
  }, f, ln);
  for (int i = 0; i < X; i++) r[i] = o.r[i];
}
// cp.async: the copy really happens only when the thread waits for its group; until then the target holds NaN bytes.
inline void cpAsync(void *dst, const void *src, unsigned bytes, unsigned srcBytes) {
  if (((uintptr_t)dst | (uintptr_t)src) & (bytes - 1)) fail("cp.async address not aligned, " + at(*cur));
  stats.cpAsync++;
  memset(dst, 0xFF, bytes);
  cur->open.push_back({(char *)dst, (const char *)src, bytes, srcBytes});
}
inline void cpCommit() { cur->groups.push_back(std::move(cur->open)); cur->open.clear(); }
inline void cpWait(int pendingAllowed) {
  while ((int)cur->groups.size() > pendingAllowed) {
    for (auto &c : cur->groups.front()) { memcpy(c.dst, c.src, c.srcBytes); memset(c.dst + c.srcBytes, 0, c.bytes - c.srcBytes); }
    cur->groups.erase(cur->groups.begin());
  }
}
} // namespace emu
