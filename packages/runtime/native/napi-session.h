/**
 * The JavaScript object around a native executor's session: arguments in, promises out, nothing else. Its methods are
 * called on the JavaScript thread; work goes to the session's own thread and comes back through a thread-safe function.
 * Host arrays are kept alive by references while work on them is under way.
 *
 * `Core` is the executor's session: `submit`, `ensure`, `load`, `run`, `copy`, `memory`, `heldBytes`, `timings` (see the calls below),
 * and `static std::unique_ptr<Core> open(const Napi::CallbackInfo&)` in `Traits`, with `Traits::name`.
 */
#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plan-error.h"
#include "session-types.h"
#include "word-reader.h"

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

namespace napi {

inline int64_t integerOf(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), std::string("expected a number for `") + name + "`");
  return value.As<Napi::Number>().Int64Value();
}

inline std::vector<int64_t> integersOf(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), std::string("expected an array for `") + name + "`");
  const auto array = value.As<Napi::Array>();
  std::vector<int64_t> list(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) list[i] = integerOf(array.Get(i), name);
  return list;
}

/** The memory behind a typed array. It must not be transferred to another thread while work on it is under way. */
inline HostSpan spanOf(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), std::string("expected a typed array for `") + name + "`");
  void* data = nullptr;
  size_t length = 0;
  napi_typedarray_type type;
  const napi_status status = napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok) throw Napi::Error::New(value.Env(), "cannot read a typed array");
  return {data, static_cast<int64_t>(length * value.As<Napi::TypedArray>().ElementSize())};
}

/** An Error with `code` (and byte counts) that the TypeScript side turns into its own class. */
inline Napi::Value errorOf(Napi::Env env, const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const OutOfMemory& error) {
    Napi::Object object = Napi::Error::New(env, error.what()).Value();
    object.Set("code", error.code);
    object.Set("neededBytes", static_cast<double>(error.neededBytes));
    object.Set("availableBytes", static_cast<double>(error.availableBytes));
    return object;
  } catch (const ChecksumMismatch& error) {
    Napi::Object object = Napi::Error::New(env, error.what()).Value();
    object.Set("code", error.code);
    object.Set("sequence", error.sequence);
    return object;
  } catch (const Error& error) {
    Napi::Object object = Napi::Error::New(env, error.what()).Value();
    object.Set("code", error.code);
    return object;
  } catch (const PlanError& error) {
    Napi::Object object = Napi::Error::New(env, error.what()).Value();
    object.Set("code", "ERR_PLAN");
    return object;
  } catch (const std::exception& error) {
    Napi::Object object = Napi::Error::New(env, error.what()).Value();
    object.Set("code", "ERR_KERNEL");
    return object;
  }
}

/** Runs on the JavaScript thread when work has ended. */
inline void settlePromise(Napi::Env env, PendingWork& pending) {
  if (pending.failure) pending.deferred.Reject(errorOf(env, pending.failure));
  else pending.deferred.Resolve(pending.result ? pending.result(env) : env.Undefined());
}

}  // namespace napi

template <class Core, class Traits>
class NapiSession : public Napi::ObjectWrap<NapiSession<Core, Traits>> {
  using Self = NapiSession<Core, Traits>;
  using Base = Napi::ObjectWrap<Self>;

 public:
  static Napi::Function define(Napi::Env env) {
    return Base::DefineClass(env, "NativeSession",
                             {
                                 Base::InstanceMethod("ensure", &Self::ensure),
                                 Base::InstanceMethod("load", &Self::load),
                                 Base::InstanceMethod("run", &Self::run),
                                 Base::InstanceMethod("stop", &Self::stop),
                                 Base::InstanceMethod("copyIn", &Self::copyIn),
                                 Base::InstanceMethod("copyOut", &Self::copyOut),
                                 Base::InstanceMethod("memory", &Self::memory),
                                 Base::InstanceMethod("timings", &Self::timings),
                                 Base::InstanceMethod("dispose", &Self::dispose),
                             });
  }

  explicit NapiSession(const Napi::CallbackInfo& info) : Base(info) {
    const Napi::Env env = info.Env();
    session_ = Traits::open(info);
    settle_ = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), Traits::name, 0, 1);
    // Only work under way keeps the process alive.
    settle_.Unref(env);
    // Hooks run in reverse order: the thread is gone before Node takes the thread-safe function away.
    napi_add_env_cleanup_hook(env, &Self::atExit, this);
  }

  ~NapiSession() override { close(this->Env()); }

 private:
  static void atExit(void* self) { static_cast<Self*>(self)->shut(); }

  /** Ends the thread and gives the memory back. */
  void shut() {
    if (stop_) *stop_ = true;
    // Waits for the kernel under way; nothing is under way after a regular end.
    session_.reset();
    settle_.Release();
  }

  Core& alive(Napi::Env env) {
    if (!session_) {
      Napi::Error error = Napi::Error::New(env, "session was used after dispose()");
      error.Value().Set("code", "ERR_DISPOSED");
      throw error;
    }
    return *session_;
  }

  Napi::Value submit(Napi::Env env, std::unique_ptr<PendingWork> pending, std::function<void(Core&)> work) {
    Core& session = alive(env);
    const Napi::Promise promise = pending->deferred.Promise();
    if (inFlight_++ == 0) settle_.Ref(env);
    // The object itself must outlive its work.
    pending->keep.push_back(Napi::Persistent(this->Value().template As<Napi::Object>()));
    // A plain pointer on purpose: references to JavaScript objects may be dropped on the JavaScript thread alone, so the
    // parcel is deleted there, or not at all when the environment ends first.
    PendingWork* const parcel = pending.release();
    session.submit(std::move(work), [this, parcel](std::exception_ptr failure) {
      parcel->failure = std::move(failure);
      settle_.NonBlockingCall(parcel, [this](Napi::Env jsEnv, Napi::Function, PendingWork* arrived) {
        const std::unique_ptr<PendingWork> owner(arrived);
        account(jsEnv);
        if (--inFlight_ == 0 && session_) settle_.Unref(jsEnv);
        napi::settlePromise(jsEnv, *owner);
      });
    });
    return promise;
  }

  Napi::Value ensure(const Napi::CallbackInfo& info) {
    const int64_t persistent = napi::integerOf(info[0], "persistentBytes"), transient = napi::integerOf(info[1], "transientBytes");
    return submit(info.Env(), std::make_unique<PendingWork>(info.Env()), [=](Core& session) { session.ensure(persistent, transient); });
  }

  Napi::Value load(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (!info[0].IsArrayBuffer()) throw Napi::TypeError::New(env, "expected an ArrayBuffer for `words`");
    auto pending = std::make_unique<PendingWork>(env);
    auto buffer = info[0].As<Napi::ArrayBuffer>();
    pending->keep.push_back(Napi::Persistent(buffer.As<Napi::Object>()));
    const auto id = std::make_shared<int64_t>(-1);
    pending->result = [id](Napi::Env jsEnv) { return Napi::Number::New(jsEnv, static_cast<double>(*id)); };
    return submit(env, std::move(pending), [id, data = buffer.Data(), bytes = buffer.ByteLength()](Core& session) { *id = session.load(data, bytes); });
  }

  Napi::Value run(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const int64_t id = napi::integerOf(info[0], "plan");
    auto request = std::make_shared<RunRequest>();
    auto pending = std::make_unique<PendingWork>(env);
    request->refresh = napi::integersOf(info[1], "refresh");
    const auto spans = [&](const Napi::Value& value, const char* name) {
      if (!value.IsArray()) throw Napi::TypeError::New(env, std::string("expected an array for `") + name + "`");
      const auto array = value.As<Napi::Array>();
      std::vector<HostSpan> list;
      for (uint32_t i = 0; i < array.Length(); i++) {
        const Napi::Value entry = array.Get(i);
        list.push_back(napi::spanOf(entry, name));
        pending->keep.push_back(Napi::Persistent(entry.As<Napi::Object>()));
      }
      return list;
    };
    request->inputs = spans(info[2], "inputs");
    request->step = napi::spanOf(info[3], "step");
    pending->keep.push_back(Napi::Persistent(info[3].As<Napi::Object>()));
    request->outputs = spans(info[4], "outputs");
    const auto stop = std::make_shared<std::atomic<bool>>(false);
    stop_ = stop;
    return submit(env, std::move(pending), [id, request, stop](Core& session) { session.run(id, *request, *stop); });
  }

  void stop(const Napi::CallbackInfo&) {
    if (stop_) *stop_ = true;
  }

  Napi::Value copyIn(const Napi::CallbackInfo& info) { return copy(info, true); }
  Napi::Value copyOut(const Napi::CallbackInfo& info) { return copy(info, false); }

  Napi::Value copy(const Napi::CallbackInfo& info, bool in) {
    const Napi::Env env = info.Env();
    const int64_t offset = napi::integerOf(info[0], "offset");
    const auto shape = napi::integersOf(info[1], "shape");
    const HostSpan host = napi::spanOf(info[2], "array");
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    const int64_t unit = static_cast<int64_t>(info[2].As<Napi::TypedArray>().ElementSize());
    if (count < 0 || count * unit != host.bytes) throw Napi::RangeError::New(env, "the array does not have the shape's length");
    auto pending = std::make_unique<PendingWork>(env);
    pending->keep.push_back(Napi::Persistent(info[2].As<Napi::Object>()));
    return submit(env, std::move(pending), [=](Core& session) { session.copy(offset, shape, unit, host, in ? Direction::toDevice : Direction::toHost); });
  }

  Napi::Value memory(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const SessionBytes bytes = alive(env).memory();
    Napi::Object object = Napi::Object::New(env);
    object.Set("persistent", static_cast<double>(bytes.persistent));
    object.Set("transient", static_cast<double>(bytes.transient));
    object.Set("blocks", static_cast<double>(bytes.blocks));
    object.Set("resident", bytes.resident < 0 ? env.Undefined() : Napi::Number::New(env, static_cast<double>(bytes.resident)).As<Napi::Value>());
    return object;
  }

  Napi::Value timings(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const int64_t id = napi::integerOf(info[0], "plan");
    auto pending = std::make_unique<PendingWork>(env);
    const auto timings = std::make_shared<PlanTimings>();
    pending->result = [timings](Napi::Env jsEnv) -> Napi::Value {
      Napi::Object object = Napi::Object::New(jsEnv);
      auto array = Napi::Float64Array::New(jsEnv, timings->seconds.size());
      for (size_t i = 0; i < timings->seconds.size(); i++) array[i] = timings->seconds[i];
      object.Set("runs", static_cast<double>(timings->runs));
      object.Set("seconds", array);
      return object;
    };
    return submit(env, std::move(pending), [=](Core& session) { *timings = session.timings(id); });
  }

  /** Tells V8 how many bytes hang on this object. */
  void account(Napi::Env env) {
    const int64_t bytes = session_ ? session_->heldBytes() : 0;
    if (bytes == accounted_) return;
    Napi::MemoryManagement::AdjustExternalMemory(env, bytes - accounted_);
    accounted_ = bytes;
  }

  void close(Napi::Env env) {
    if (!session_) return;
    napi_remove_env_cleanup_hook(env, &Self::atExit, this);
    shut();
    account(env);
  }

  void dispose(const Napi::CallbackInfo& info) { close(info.Env()); }

  std::unique_ptr<Core> session_;
  Napi::ThreadSafeFunction settle_;
  std::shared_ptr<std::atomic<bool>> stop_;
  int64_t inFlight_ = 0;
  int64_t accounted_ = 0;
};

}  // namespace revoxel
