#include "executable.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "layout.h"
#include "op-table.h"

namespace revoxel {

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

Executable::Executable(Plan plan, const Arena& persistent, const Arena& transient, int threads)
    : plan_(std::move(plan)), persistent_(persistent), transient_(transient), threads_(threads) {
  if (plan_.persistentBytes > persistent_.committedBytes() || plan_.transientBytes > transient_.committedBytes()) {
    throw Error("ERR_PLAN", "plan \"" + plan_.name + "\" needs more memory than the session has made room for");
  }
  for (const PlanValue& value : plan_.values) {
    if (value.dtype == DType::f16) throw Error("ERR_PLAN", "plan \"" + plan_.name + "\": f16 is for GPUs, use bf16 on the cpu backend");
  }
  step_.resize(static_cast<size_t>(plan_.stepBytes + 7) / 8);
  return_.resize(static_cast<size_t>(plan_.returnBytes + 7) / 8);
  args_.resize(plan_.calls.size());
  for (size_t i = 0; i < plan_.calls.size(); i++) {
    const PlanCall& call = plan_.calls[i];
    Args& args = args_[i];
    args.call = &call;
    args.threads = threads_;
    args.scratch = place(Segment::transient, call.scratchOffset);
    const auto bind = [&](const std::vector<int64_t>& ids) {
      std::vector<Tensor> views;
      for (const int64_t id : ids) {
        const PlanValue& value = plan_.values[static_cast<size_t>(id)];
        views.push_back(Tensor{place(value.segment, value.offset), value.dtype, &value.shape, value.elements()});
      }
      return views;
    };
    args.in = bind(call.inputs);
    args.out = bind(call.outputs);
    kernels_.push_back(kernelOf(call.op));
  }
  seconds_.resize(static_cast<size_t>(plan_.ownCalls));
}

char* Executable::place(Segment segment, int64_t offset) {
  switch (segment) {
    case Segment::persistent:
      return persistent_.data() + offset;
    case Segment::transient:
      return transient_.data() + offset;
    case Segment::step:
      return reinterpret_cast<char*>(step_.data()) + offset;
    default:
      return reinterpret_cast<char*>(return_.data()) + offset;
  }
}

void Executable::call(size_t index) {
  const Args& args = args_[index];
  try {
    kernels_[index](args);
  } catch (const ChecksumMismatch&) {
    throw ChecksumMismatch(args.call->name);
  } catch (const std::exception& error) {
    throw Error("ERR_KERNEL", std::string(nameOf(args.call->op)) + " \"" + args.call->name + "\": " + error.what() + "; operands " + shapesOf(args.in) + ", results " + shapesOf(args.out));
  }
}

void Executable::run(const RunRequest& request, const std::function<bool()>& stopped) {
  if (request.inputs.size() != plan_.inputs.size() || request.outputs.size() != plan_.outputs.size() || request.step.bytes != plan_.stepBytes) {
    throw Error("ERR_PLAN", "plan \"" + plan_.name + "\": inputs, outputs or step block do not fit");
  }
  const auto transfer = [&](const NamedValue& entry, const HostSpan& host, Direction direction) {
    const PlanValue& value = plan_.values[static_cast<size_t>(entry.value)];
    if (host.bytes != value.bytes) throw Error("ERR_PLAN", "\"" + entry.name + "\" has " + std::to_string(host.bytes) + " bytes, expected " + std::to_string(value.bytes));
    copyLayout(threads_, place(value.segment, value.offset), host.data, value.shape, bytesOf(value.dtype), direction);
  };
  // Derived values come first: their calls may use scratch where inputs will lie.
  for (const int64_t i : request.refresh) {
    if (i < 0 || i >= static_cast<int64_t>(plan_.derived.size())) throw Error("ERR_PLAN", "no derived value " + std::to_string(i));
    if (stopped()) throw Aborted();
    call(static_cast<size_t>(plan_.derived[static_cast<size_t>(i)].call));
  }
  for (size_t i = 0; i < request.inputs.size(); i++) transfer(plan_.inputs[i], request.inputs[i], Direction::toDevice);
  if (request.step.bytes > 0) std::memcpy(step_.data(), request.step.data, static_cast<size_t>(request.step.bytes));
  double last = now();
  for (size_t i = 0; i < static_cast<size_t>(plan_.ownCalls); i++) {
    if (stopped()) throw Aborted();
    call(i);
    const double time = now();
    seconds_[i] += time - last;
    last = time;
  }
  for (size_t i = 0; i < request.outputs.size(); i++) transfer(plan_.outputs[i], request.outputs[i], Direction::toHost);
  runs_++;
}

}  // namespace revoxel
