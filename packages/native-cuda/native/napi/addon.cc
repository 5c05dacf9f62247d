/**
 * The addon's surface: the session class and facts about this build and its devices. One set of state per environment,
 * so that worker threads may load it again. The TypeScript side of this surface is typed in src/addon.ts.
 */
#include <napi-session.h>
#include <plan-types.h>

#include <cstdlib>

#include "../core/device-block.h"
#include "../core/device.h"
#include "../core/session.h"
#include "../dyn/cudnn-library.h"

namespace revoxel {

namespace {

/** Bump when the surface changes; src/addon.ts checks it. */
constexpr int ABI = 1;

/** CUDA version that libraries loaded at run time must be built for. */
#if defined(CUDART_VERSION)
constexpr int CUDA_MAJOR = CUDART_VERSION / 1000;
#else
constexpr int CUDA_MAJOR = 13;
#endif

struct SessionTraits {
  static constexpr const char* name = "revoxel-cuda";
  /** new NativeSession(device, {graphs, synchronous, profile}) */
  static std::unique_ptr<Session> open(const Napi::CallbackInfo& info) {
    const int64_t device = napi::integerOf(info[0], "device");
    ExecuteOptions options;
    if (info[1].IsObject()) {
      const auto object = info[1].As<Napi::Object>();
      const auto flag = [&](const char* key, bool& target) {
        const Napi::Value value = object.Get(key);
        if (!value.IsUndefined()) target = value.ToBoolean();
      };
      flag("graphs", options.graphs);
      flag("synchronous", options.synchronous);
      flag("profile", options.profile);
    }
    try {
      return std::make_unique<Session>(static_cast<int>(device), options);
    } catch (const Error& error) {
      Napi::Error thrown = Napi::Error::New(info.Env(), error.what());
      thrown.Value().Set("code", error.code);
      throw thrown;
    }
  }
};

Napi::Value info(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("abi", ABI);
  object.Set("planVersion", static_cast<double>(planVersion));
  object.Set("schemaHash", Napi::BigInt::New(env, planSchemaHash));
  object.Set("build", REVOXEL_CUDA_BUILD);
  return object;
}

Napi::Value probe(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const Probe& found = probeDevices();
  Napi::Object object = Napi::Object::New(env);
  object.Set("driver", found.driver);
  object.Set("runtime", found.runtime);
  object.Set("reason", found.reason);
  object.Set("remedy", found.remedy);
  object.Set("emulated", found.emulated);
  Napi::Array devices = Napi::Array::New(env);
  for (const DeviceInfo& device : found.devices) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("index", device.index);
    entry.Set("name", device.name);
    entry.Set("major", device.major);
    entry.Set("minor", device.minor);
    entry.Set("multiprocessors", device.multiprocessors);
    entry.Set("memoryBytes", static_cast<double>(device.memory));
    entry.Set("sharedBytes", static_cast<double>(device.sharedPerBlock));
    entry.Set("l2Bytes", static_cast<double>(device.l2));
    devices.Set(devices.Length(), entry);
  }
  object.Set("devices", devices);
  return object;
}

/** cudnn(): {version, path, usable, reason} of the cuDNN that would be used; looked for once. */
Napi::Value cudnnInfo(const Napi::CallbackInfo& call) {
  static const cudnn::Library library = cudnn::load(cudnn::defaultFolders(), CUDA_MAJOR);
  Napi::Object object = Napi::Object::New(call.Env());
  object.Set("version", static_cast<double>(library.version));
  object.Set("path", library.path);
  object.Set("usable", library.usable3d(cudnn::dataBfloat16));
  object.Set("reason", library.reason);
  return object;
}

/** Bytes of device memory held by all sessions of the process. */
Napi::Value liveBytes(const Napi::CallbackInfo& call) { return Napi::Number::New(call.Env(), static_cast<double>(liveDeviceBytes())); }

#if defined(REVOXEL_CUDA_EMULATED)
/**
 * emulate({order, seed, memoryLimit, failAfter, failCode}): how the emulator schedules threads ('round-robin', 'ascending',
 * 'descending', 'random'), bytes it has (beyond what is allocated now), and which call from now on fails with which code.
 */
Napi::Value emulate(const Napi::CallbackInfo& call) {
  const auto options = call[0].As<Napi::Object>();
  if (options.Has("order")) {
    const std::string order = options.Get("order").ToString();
    emu::cfg.order = order == "ascending" ? emu::Order::Ascending : order == "descending" ? emu::Order::Descending : order == "random" ? emu::Order::Random : emu::Order::RoundRobin;
  }
  if (options.Has("seed")) emu::seed(static_cast<uint64_t>(napi::integerOf(options.Get("seed"), "seed")));
  if (options.Has("memoryLimit")) {
    const int64_t limit = napi::integerOf(options.Get("memoryLimit"), "memoryLimit");
    emu::memLimit = limit < 0 ? SIZE_MAX : emu::memUsed + static_cast<size_t>(limit);
  }
  if (options.Has("failAfter")) {
    emu::failCountdown = napi::integerOf(options.Get("failAfter"), "failAfter");
    emu::failCode = static_cast<int>(napi::integerOf(options.Get("failCode"), "failCode"));
  }
  if (options.Has("revive")) emu::sticky = emu::lastErr = 0;
  return call.Env().Undefined();
}

/** Counts of what the emulator has done. */
Napi::Value emulatorStats(const Napi::CallbackInfo& call) {
  Napi::Object object = Napi::Object::New(call.Env());
  object.Set("blocks", static_cast<double>(emu::stats.blocks));
  object.Set("mma", static_cast<double>(emu::stats.mma));
  object.Set("ldmatrix", static_cast<double>(emu::stats.ldmatrix));
  object.Set("bankConflicts", static_cast<double>(emu::stats.bankConflicts));
  object.Set("graphLaunches", static_cast<double>(emu::stats.graphLaunches));
  return object;
}
#endif

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("info", Napi::Function::New(env, info, "info"));
  exports.Set("probe", Napi::Function::New(env, probe, "probe"));
  exports.Set("cudnn", Napi::Function::New(env, cudnnInfo, "cudnn"));
  exports.Set("liveBytes", Napi::Function::New(env, liveBytes, "liveBytes"));
  exports.Set("NativeSession", NapiSession<Session, SessionTraits>::define(env));
#if defined(REVOXEL_CUDA_EMULATED)
  // For tests of whole processes: the nth call fails as an illegal address does.
  if (const char* const after = std::getenv("REVOXEL_EMULATOR_FAIL_AFTER")) {
    emu::failCountdown = std::atol(after);
    emu::failCode = cudaErrorLaunchFailure;
  }
  exports.Set("emulate", Napi::Function::New(env, emulate, "emulate"));
  exports.Set("emulatorStats", Napi::Function::New(env, emulatorStats, "emulatorStats"));
#endif
  return exports;
}

}  // namespace

}  // namespace revoxel

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return revoxel::init(env, exports); }
NODE_API_MODULE(revoxel_cuda, Init)
