/**
 * The addon's surface: the session class and facts about this build and machine. One set of state per environment, so
 * that worker threads may load it again. The TypeScript side of this surface is typed in src/addon.ts.
 */
#include <napi-session.h>
#include <plan-types.h>

#include <omp.h>

#include "../core/arena.h"
#include "../kernels/conv.h"
#include "../kernels/onednn.h"
#include "../ops/conv-onednn.h"
#include "../core/session.h"

namespace revoxel {

namespace {

/** Bump when the surface changes; src/addon.ts checks it. */
constexpr int ABI = 2;

struct SessionTraits {
  static constexpr const char* name = "revoxel-cpu";
  /** new NativeSession(threads) */
  static std::unique_ptr<Session> open(const Napi::CallbackInfo& info) {
    const int64_t threads = napi::integerOf(info[0], "threads");
    if (threads < 1 || threads > 1024) throw Napi::RangeError::New(info.Env(), "expected 1..1024 for `threads`");
    return std::make_unique<Session>(static_cast<int>(threads));
  }
};

std::string compilerName() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#elif defined(__GNUC__)
  return std::string("gcc ") + __VERSION__;
#else
  return "unknown";
#endif
}

Napi::Value info(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("abi", ABI);
  object.Set("planVersion", static_cast<double>(planVersion));
  object.Set("schemaHash", Napi::BigInt::New(env, planSchemaHash));
  object.Set("compiler", compilerName());
  object.Set("isa", isaName(convIsa()));
  object.Set("processors", omp_get_num_procs());
  object.Set("physicalBytes", static_cast<double>(physicalBytes()));
#ifdef REVOXEL_HAVE_ONEDNN
  object.Set("onednn", onednnVersion());
#else
  object.Set("onednn", env.Null());
#endif
  return object;
}

/** onednnScratch(pass, shape: 22 numbers in the order of ConvShape, channels, threads, always): floats, or -1. */
Napi::Value onednnScratchOf(const Napi::CallbackInfo& call) {
  const auto pass = static_cast<Pass>(call[0].As<Napi::Number>().Int32Value());
  const auto n = napi::integersOf(call[1], "shape");
  if (n.size() != 22) throw Napi::RangeError::New(call.Env(), "expected 22 sizes of a convolution");
  const ConvShape shape{n[0],  n[1],  n[2],  n[3],  n[4],  n[5],  n[6],  n[7],  n[8],  n[9],  n[10],
                        n[11], n[12], n[13], n[14], n[15], n[16], n[17], n[18], n[19], n[20], n[21]};
  const int threads = call[3].As<Napi::Number>().Int32Value();
  const bool always = call[4].As<Napi::Boolean>().Value();
  const int64_t floats = ops::onednnCallScratch(shape, pass, napi::integersOf(call[2], "channels"), threads, always);
  return Napi::Number::New(call.Env(), static_cast<double>(floats));
}

/** Bytes of memory held by all sessions of the process. */
Napi::Value liveBytes(const Napi::CallbackInfo& call) { return Napi::Number::New(call.Env(), static_cast<double>(liveArenaBytes())); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("info", Napi::Function::New(env, info, "info"));
  exports.Set("onednnScratch", Napi::Function::New(env, onednnScratchOf, "onednnScratch"));
  exports.Set("liveBytes", Napi::Function::New(env, liveBytes, "liveBytes"));
  exports.Set("NativeSession", NapiSession<Session, SessionTraits>::define(env));
  return exports;
}

}  // namespace

}  // namespace revoxel

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return revoxel::init(env, exports); }
NODE_API_MODULE(revoxel_cpu, Init)
