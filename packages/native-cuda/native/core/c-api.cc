#include "c-api.h"

#include <cstdio>
#include <sstream>

#include "device.h"
#include "session.h"

using namespace revoxel;

struct revoxel_session {
  Session session;
};

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 32 ? ' ' : c;
  }
  return out + "\"";
}

/** Runs `work`; its error as text. */
template <class Work>
int guarded(char* error, size_t size, const Work& work) {
  try {
    work();
    return 0;
  } catch (const Error& e) {
    std::snprintf(error, size, "%s: %s", e.code, e.what());
  } catch (const std::exception& e) {
    std::snprintf(error, size, "ERR_PLAN: %s", e.what());
  }
  return 1;
}

}  // namespace

size_t revoxel_probe(char* json, size_t size) {
  const Probe& probe = probeDevices();
  std::ostringstream out;
  out << "{\"driver\":" << probe.driver << ",\"runtime\":" << probe.runtime << ",\"emulated\":" << (probe.emulated ? "true" : "false") << ",\"reason\":" << quoted(probe.reason) << ",\"devices\":[";
  for (size_t i = 0; i < probe.devices.size(); i++) {
    const DeviceInfo& d = probe.devices[i];
    out << (i ? "," : "") << "{\"name\":" << quoted(d.name) << ",\"major\":" << d.major << ",\"minor\":" << d.minor << ",\"multiprocessors\":" << d.multiprocessors << ",\"memory\":" << d.memory << ",\"shared\":" << d.sharedPerBlock << ",\"l2\":" << d.l2 << "}";
  }
  out << "]}";
  const std::string text = out.str();
  if (size > 0) std::snprintf(json, size, "%s", text.c_str());
  return text.size() + 1;
}

int revoxel_open(int device, int graphs, int synchronous, int profile, revoxel_session** session, char* error, size_t size) {
  *session = nullptr;
  return guarded(error, size, [&] { *session = new revoxel_session{{device, ExecuteOptions{graphs != 0, synchronous != 0, profile != 0}}}; });
}

void revoxel_close(revoxel_session* session) { delete session; }

int revoxel_ensure(revoxel_session* session, int64_t persistent_bytes, int64_t transient_bytes, char* error, size_t size) {
  return guarded(error, size, [&] { session->session.wait([&](Session& s) { s.ensure(persistent_bytes, transient_bytes); }); });
}

int revoxel_load(revoxel_session* session, const void* words, size_t bytes, int64_t* plan, char* error, size_t size) {
  return guarded(error, size, [&] { session->session.wait([&](Session& s) { *plan = s.load(words, bytes); }); });
}

int revoxel_copy(revoxel_session* session, int to_host, int64_t offset, const int64_t* shape, int rank, int64_t unit, void* host, int64_t host_bytes, char* error, size_t size) {
  return guarded(error, size, [&] {
    const std::vector<int64_t> sizes(shape, shape + rank);
    session->session.wait([&](Session& s) { s.copy(offset, sizes, unit, HostSpan{host, host_bytes}, to_host ? Direction::toHost : Direction::toDevice); });
  });
}

int revoxel_run(revoxel_session* session, int64_t plan, const int64_t* refresh, int refresh_count, void* const* inputs, const int64_t* input_bytes, int input_count, const void* step, int64_t step_bytes, void* const* outputs, const int64_t* output_bytes, int output_count, char* error, size_t size) {
  return guarded(error, size, [&] {
    RunRequest request;
    request.refresh.assign(refresh, refresh + refresh_count);
    for (int i = 0; i < input_count; i++) request.inputs.push_back({inputs[i], input_bytes[i]});
    for (int i = 0; i < output_count; i++) request.outputs.push_back({outputs[i], output_bytes[i]});
    request.step = {const_cast<void*>(step), step_bytes};
    const std::atomic<bool> stop{false};
    session->session.wait([&](Session& s) { s.run(plan, request, stop); });
  });
}

int64_t revoxel_timings(revoxel_session* session, int64_t plan, double* seconds, int count) {
  char error[256];
  int64_t runs = -1;
  guarded(error, sizeof error, [&] {
    session->session.wait([&](Session& s) {
      const PlanTimings timings = s.timings(plan);
      for (int i = 0; i < count && i < static_cast<int>(timings.seconds.size()); i++) seconds[i] = timings.seconds[static_cast<size_t>(i)];
      runs = timings.runs;
    });
  });
  return runs;
}

void revoxel_memory(revoxel_session* session, int64_t bytes[3]) {
  const SessionBytes held = session->session.memory();
  bytes[0] = held.persistent;
  bytes[1] = held.transient;
  bytes[2] = held.blocks;
}
