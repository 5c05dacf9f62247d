/**
 * The JavaScript object around a core session: arguments in, promises out, nothing else. Its methods are called on the
 * JavaScript thread; work goes to the session's own thread and comes back through a thread-safe function. Host arrays
 * are kept alive by references while work on them is under way.
 */
#pragma once

#include <napi.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "../core/session.h"

namespace revoxel {

/** One piece of work that was handed to the session's thread. */
struct PendingWork {
  explicit PendingWork(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise::Deferred deferred;
  /** Arrays that the work reads or writes. */
  std::vector<Napi::ObjectReference> keep;
  std::exception_ptr failure;
  /** What the promise resolves to; made on the JavaScript thread. */
  std::function<Napi::Value(Napi::Env)> result;
};

class NativeSession : public Napi::ObjectWrap<NativeSession> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NativeSession(const Napi::CallbackInfo& info);
  ~NativeSession() override;

 private:
  // session.ensure(persistentBytes, transientBytes): Promise<void>
  Napi::Value ensure(const Napi::CallbackInfo& info);
  // session.load(words: ArrayBuffer): Promise<number>
  Napi::Value load(const Napi::CallbackInfo& info);
  // session.run(plan, refresh: number[], inputs: TypedArray[], step: Uint8Array, outputs: TypedArray[], control: {stop?}): Promise<void>
  Napi::Value run(const Napi::CallbackInfo& info);
  // session.stop(): the run under way ends before its next kernel
  void stop(const Napi::CallbackInfo& info);
  // session.copyIn / copyOut(offset, shape: number[], array): Promise<void>, persistent segment
  Napi::Value copyIn(const Napi::CallbackInfo& info);
  Napi::Value copyOut(const Napi::CallbackInfo& info);
  // session.memory(): {persistent, transient, blocks, resident}
  Napi::Value memory(const Napi::CallbackInfo& info);
  // session.timings(plan): Promise<{runs, seconds: Float64Array}>
  Napi::Value timings(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);

  Napi::Value submit(Napi::Env env, std::unique_ptr<PendingWork> pending, std::function<void(Session&)> work);
  Napi::Value copy(const Napi::CallbackInfo& info, bool in);
  Session& alive(Napi::Env env);
  /** Tells V8 how many bytes hang on this object. */
  void account(Napi::Env env);
  void close(Napi::Env env);
  /** Ends the thread and gives the memory back. */
  void shut();
  static void atExit(void* self);

  std::unique_ptr<Session> session_;
  Napi::ThreadSafeFunction settle_;
  std::shared_ptr<std::atomic<bool>> stop_;
  int64_t inFlight_ = 0;
  int64_t accounted_ = 0;
};

}  // namespace revoxel
