#include "native-session.h"

#include <utility>
#include <vector>

#include "../core/layout.h"
#include "word-reader.h"

namespace revoxel {

namespace {

int64_t integerOf(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), std::string("expected a number for `") + name + "`");
  return value.As<Napi::Number>().Int64Value();
}

std::vector<int64_t> integersOf(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), std::string("expected an array for `") + name + "`");
  const auto array = value.As<Napi::Array>();
  std::vector<int64_t> list(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) list[i] = integerOf(array.Get(i), name);
  return list;
}

/** The memory behind a typed array. It must not be transferred to another thread while work on it is under way. */
HostSpan spanOf(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), std::string("expected a typed array for `") + name + "`");
  void* data = nullptr;
  size_t length = 0;
  napi_typedarray_type type;
  const napi_status status = napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok) throw Napi::Error::New(value.Env(), "cannot read a typed array");
  return {data, static_cast<int64_t>(length * value.As<Napi::TypedArray>().ElementSize())};
}

/** An Error with `code` (and byte counts) that the TypeScript side turns into its own class. */
Napi::Value errorOf(Napi::Env env, const std::exception_ptr& failure) {
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
void settlePromise(Napi::Env env, PendingWork& pending) {
  if (pending.failure) pending.deferred.Reject(errorOf(env, pending.failure));
  else pending.deferred.Resolve(pending.result ? pending.result(env) : env.Undefined());
}

}  // namespace

Napi::Function NativeSession::define(Napi::Env env) {
  return DefineClass(env, "NativeSession",
                     {
                         InstanceMethod("ensure", &NativeSession::ensure),
                         InstanceMethod("load", &NativeSession::load),
                         InstanceMethod("run", &NativeSession::run),
                         InstanceMethod("stop", &NativeSession::stop),
                         InstanceMethod("copyIn", &NativeSession::copyIn),
                         InstanceMethod("copyOut", &NativeSession::copyOut),
                         InstanceMethod("memory", &NativeSession::memory),
                         InstanceMethod("timings", &NativeSession::timings),
                         InstanceMethod("dispose", &NativeSession::dispose),
                     });
}

NativeSession::NativeSession(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeSession>(info) {
  const Napi::Env env = info.Env();
  const int64_t threads = integerOf(info[0], "threads");
  if (threads < 1 || threads > 1024) throw Napi::RangeError::New(env, "expected 1..1024 for `threads`");
  session_ = std::make_unique<Session>(static_cast<int>(threads));
  settle_ = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "revoxel-cpu", 0, 1);
  // Only work under way keeps the process alive.
  settle_.Unref(env);
  // Hooks run in reverse order: the thread is gone before Node takes the thread-safe function away.
  napi_add_env_cleanup_hook(env, &NativeSession::atExit, this);
}

NativeSession::~NativeSession() { close(Env()); }

void NativeSession::atExit(void* self) { static_cast<NativeSession*>(self)->shut(); }

void NativeSession::shut() {
  if (stop_) *stop_ = true;
  // Waits for the kernel under way; nothing is under way after a regular end.
  session_.reset();
  settle_.Release();
}

Session& NativeSession::alive(Napi::Env env) {
  if (!session_) {
    Napi::Error error = Napi::Error::New(env, "session was used after dispose()");
    error.Value().Set("code", "ERR_DISPOSED");
    throw error;
  }
  return *session_;
}

Napi::Value NativeSession::submit(Napi::Env env, std::unique_ptr<PendingWork> pending, std::function<void(Session&)> work) {
  Session& session = alive(env);
  const Napi::Promise promise = pending->deferred.Promise();
  if (inFlight_++ == 0) settle_.Ref(env);
  // The object itself must outlive its work.
  pending->keep.push_back(Napi::Persistent(Value().As<Napi::Object>()));
  // A plain pointer on purpose: references to JavaScript objects may be dropped on the JavaScript thread alone, so the
  // parcel is deleted there, or not at all when the environment ends first.
  PendingWork* const parcel = pending.release();
  session.submit(std::move(work), [this, parcel](std::exception_ptr failure) {
    parcel->failure = std::move(failure);
    settle_.NonBlockingCall(parcel, [this](Napi::Env jsEnv, Napi::Function, PendingWork* arrived) {
      const std::unique_ptr<PendingWork> owner(arrived);
      account(jsEnv);
      if (--inFlight_ == 0 && session_) settle_.Unref(jsEnv);
      settlePromise(jsEnv, *owner);
    });
  });
  return promise;
}

Napi::Value NativeSession::ensure(const Napi::CallbackInfo& info) {
  const int64_t persistent = integerOf(info[0], "persistentBytes"), transient = integerOf(info[1], "transientBytes");
  return submit(info.Env(), std::make_unique<PendingWork>(info.Env()), [=](Session& session) { session.ensure(persistent, transient); });
}

Napi::Value NativeSession::load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArrayBuffer()) throw Napi::TypeError::New(env, "expected an ArrayBuffer for `words`");
  auto pending = std::make_unique<PendingWork>(env);
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  pending->keep.push_back(Napi::Persistent(buffer.As<Napi::Object>()));
  const auto id = std::make_shared<int64_t>(-1);
  pending->result = [id](Napi::Env jsEnv) { return Napi::Number::New(jsEnv, static_cast<double>(*id)); };
  return submit(env, std::move(pending), [id, data = buffer.Data(), bytes = buffer.ByteLength()](Session& session) { *id = session.load(data, bytes); });
}

Napi::Value NativeSession::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int64_t id = integerOf(info[0], "plan");
  auto request = std::make_shared<RunRequest>();
  auto pending = std::make_unique<PendingWork>(env);
  request->refresh = integersOf(info[1], "refresh");
  const auto spans = [&](const Napi::Value& value, const char* name) {
    if (!value.IsArray()) throw Napi::TypeError::New(env, std::string("expected an array for `") + name + "`");
    const auto array = value.As<Napi::Array>();
    std::vector<HostSpan> list;
    for (uint32_t i = 0; i < array.Length(); i++) {
      const Napi::Value entry = array.Get(i);
      list.push_back(spanOf(entry, name));
      pending->keep.push_back(Napi::Persistent(entry.As<Napi::Object>()));
    }
    return list;
  };
  request->inputs = spans(info[2], "inputs");
  request->step = spanOf(info[3], "step");
  pending->keep.push_back(Napi::Persistent(info[3].As<Napi::Object>()));
  request->outputs = spans(info[4], "outputs");
  const auto stop = std::make_shared<std::atomic<bool>>(false);
  stop_ = stop;
  return submit(env, std::move(pending), [id, request, stop](Session& session) { session.run(id, *request, *stop); });
}

void NativeSession::stop(const Napi::CallbackInfo&) {
  if (stop_) *stop_ = true;
}

Napi::Value NativeSession::copyIn(const Napi::CallbackInfo& info) { return copy(info, true); }
Napi::Value NativeSession::copyOut(const Napi::CallbackInfo& info) { return copy(info, false); }

Napi::Value NativeSession::copy(const Napi::CallbackInfo& info, bool in) {
  const Napi::Env env = info.Env();
  const int64_t offset = integerOf(info[0], "offset");
  const auto shape = integersOf(info[1], "shape");
  const HostSpan host = spanOf(info[2], "array");
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  const int64_t unit = static_cast<int64_t>(info[2].As<Napi::TypedArray>().ElementSize());
  if (count < 0 || count * unit != host.bytes) throw Napi::RangeError::New(env, "the array does not have the shape's length");
  auto pending = std::make_unique<PendingWork>(env);
  pending->keep.push_back(Napi::Persistent(info[2].As<Napi::Object>()));
  return submit(env, std::move(pending), [=](Session& session) {
    if (!within(offset, host.bytes, session.persistent().committedBytes())) throw Error("ERR_PLAN", "the place lies outside the persistent segment");
    copyLayout(session.threads(), session.persistent().data() + offset, host.data, shape, unit, in ? Direction::toDevice : Direction::toHost);
  });
}

Napi::Value NativeSession::memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Session& session = alive(env);
  Napi::Object object = Napi::Object::New(env);
  const int64_t persistent = session.persistent().residentBytes(), transient = session.transient().residentBytes();
  object.Set("persistent", static_cast<double>(session.persistent().committedBytes()));
  object.Set("transient", static_cast<double>(session.transient().committedBytes()));
  object.Set("blocks", static_cast<double>(session.blockBytes()));
  object.Set("resident", persistent < 0 || transient < 0 ? env.Undefined() : Napi::Number::New(env, static_cast<double>(persistent + transient)).As<Napi::Value>());
  return object;
}

Napi::Value NativeSession::timings(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int64_t id = integerOf(info[0], "plan");
  auto pending = std::make_unique<PendingWork>(env);
  const auto runs = std::make_shared<int64_t>(0);
  const auto seconds = std::make_shared<std::vector<double>>();
  pending->result = [runs, seconds](Napi::Env jsEnv) -> Napi::Value {
    Napi::Object object = Napi::Object::New(jsEnv);
    auto array = Napi::Float64Array::New(jsEnv, seconds->size());
    for (size_t i = 0; i < seconds->size(); i++) array[i] = (*seconds)[i];
    object.Set("runs", static_cast<double>(*runs));
    object.Set("seconds", array);
    return object;
  };
  return submit(env, std::move(pending), [=](Session& session) {
    *runs = session.executable(id).runs();
    *seconds = session.executable(id).seconds();
  });
}

void NativeSession::account(Napi::Env env) {
  const int64_t bytes = session_ ? session_->persistent().committedBytes() + session_->transient().committedBytes() : 0;
  if (bytes == accounted_) return;
  Napi::MemoryManagement::AdjustExternalMemory(env, bytes - accounted_);
  accounted_ = bytes;
}

void NativeSession::close(Napi::Env env) {
  if (!session_) return;
  napi_remove_env_cleanup_hook(env, &NativeSession::atExit, this);
  shut();
  account(env);
}

void NativeSession::dispose(const Napi::CallbackInfo& info) { close(info.Env()); }

}  // namespace revoxel
