/**
 * The addon's surface: the session class and facts about this build and machine. One set of state per environment, so
 * that worker threads may load it again. The TypeScript side of this surface is typed in src/addon.ts.
 */
#include <napi.h>

#include <omp.h>

#include "../core/arena.h"
#include "../kernels/conv.h"
#include "native-session.h"
#include "plan-types.h"

#ifdef REVOXEL_HAVE_ONEDNN
#include <dnnl.h>
#endif

namespace revoxel {

namespace {

/** Bump when the surface changes; src/addon.ts checks it. */
constexpr int ABI = 1;

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
  const dnnl_version_t* const version = dnnl_version();
  object.Set("onednn", std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch));
#else
  object.Set("onednn", env.Null());
#endif
  return object;
}

/** Bytes of memory held by all sessions of the process. */
Napi::Value liveBytes(const Napi::CallbackInfo& call) { return Napi::Number::New(call.Env(), static_cast<double>(liveArenaBytes())); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("info", Napi::Function::New(env, info, "info"));
  exports.Set("liveBytes", Napi::Function::New(env, liveBytes, "liveBytes"));
  exports.Set("NativeSession", NativeSession::define(env));
  return exports;
}

}  // namespace

}  // namespace revoxel

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return revoxel::init(env, exports); }
NODE_API_MODULE(revoxel_cpu, Init)
