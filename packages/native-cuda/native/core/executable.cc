#include "executable.h"

#include <cstdio>
#include <utility>

#include "check.h"
#include "op-table.h"

namespace revoxel {

namespace {

int64_t align256(int64_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

Executable::Executable(Plan plan, const DeviceInfo& device, cudaStream_t stream, Staging& staging, const ExecuteOptions& options)
    : plan_(std::move(plan)), device_(device), stream_(stream), staging_(staging), options_(options) {
  returnAt_ = align256(plan_.stepBytes);
  statusAt_ = returnAt_ + align256(plan_.returnBytes);
  blocks_.grow(statusAt_ + align256(STATUS_WORDS * 4), false, stream_);
  check(cudaEventCreateWithFlags(&done_, cudaEventBlockingSync | cudaEventDisableTiming), "cudaEventCreate");
  seconds_.resize(static_cast<size_t>(plan_.ownCalls));
}

Executable::~Executable() {
  dropGraph();
  for (const cudaEvent_t mark : marks_) (void)cudaEventDestroy(mark);
  if (done_) (void)cudaEventDestroy(done_);
}

void Executable::dropGraph() {
  if (graph_) (void)cudaGraphExecDestroy(graph_);
  graph_ = nullptr;
}

void Executable::bind(char* persistent, int64_t persistentBytes, char* transient, int64_t transientBytes) {
  if (plan_.persistentBytes > persistentBytes || plan_.transientBytes > transientBytes) {
    throw Error("ERR_PLAN", "plan \"" + plan_.name + "\" needs more memory than the session has made room for");
  }
  dropGraph();
  persistent_ = persistent;
  transient_ = transient;
  args_.assign(plan_.calls.size(), Args{});
  kernels_.clear();
  for (size_t i = 0; i < plan_.calls.size(); i++) {
    const PlanCall& planCall = plan_.calls[i];
    Args& args = args_[i];
    args.call = &planCall;
    args.scratch = place(Segment::transient, planCall.scratchOffset);
    args.stream = stream_;
    args.device = &device_;
    args.status = reinterpret_cast<int*>(blocks_.data() + statusAt_);
    args.index = static_cast<int>(i);
    const auto views = [&](const std::vector<int64_t>& ids) {
      std::vector<Tensor> list;
      for (const int64_t id : ids) {
        const PlanValue& value = plan_.values[static_cast<size_t>(id)];
        list.push_back(Tensor{place(value.segment, value.offset), value.dtype, &value.shape, value.elements()});
      }
      return list;
    };
    args.in = views(planCall.inputs);
    args.out = views(planCall.outputs);
    kernels_.push_back(kernelOf(planCall.op));
    args.dry = true;
    call(i);
    args.dry = false;
  }
}

char* Executable::place(Segment segment, int64_t offset) {
  switch (segment) {
    case Segment::persistent:
      return persistent_ + offset;
    case Segment::transient:
      return transient_ + offset;
    case Segment::step:
      return blocks_.data() + offset;
    default:
      return blocks_.data() + returnAt_ + offset;
  }
}

void Executable::call(size_t index) {
  const Args& args = args_[index];
#if defined(REVOXEL_CUDA_EMULATED)
  // What the call says it touches; an address-sanitised build reports anything else.
  emu::windows.clear();
  for (const auto* list : {&args.in, &args.out}) {
    for (const Tensor& t : *list) emu::windows.push_back({static_cast<char*>(t.data), static_cast<size_t>(t.count * bytesOf(t.dtype))});
  }
  emu::windows.push_back({args.scratch, static_cast<size_t>(args.scratchBytes())});
  emu::windows.push_back({reinterpret_cast<char*>(args.status), STATUS_WORDS * sizeof(int)});
#endif
  const auto where = [&](const char* what) {
    return std::string(nameOf(args.call->op)) + " \"" + args.call->name + "\" (call " + std::to_string(index) + "): " + what + "; operands " + shapesOf(args.in) + ", results " + shapesOf(args.out);
  };
  try {
    kernels_[index](args);
    if (options_.synchronous && !args.dry) {
      check(cudaStreamSynchronize(stream_), "running it");
      check(cudaGetLastError(), "running it");
    }
  } catch (const ContextLost& error) {
    throw ContextLost(where(error.what()));
  } catch (const Error& error) {
    throw Error(error.code, where(error.what()));
  } catch (const std::exception& error) {
    throw Error("ERR_KERNEL", where(error.what()));
  }
#if defined(REVOXEL_CUDA_EMULATED)
  emu::windows.clear();
#endif
}

void Executable::launchAll(const std::function<bool()>& stopped) {
  for (size_t i = 0; i < static_cast<size_t>(plan_.ownCalls); i++) {
    if (stopped()) throw Aborted();
    call(i);
  }
}

void Executable::profileAll(const std::function<bool()>& stopped) {
  const size_t calls = static_cast<size_t>(plan_.ownCalls);
  while (marks_.size() < calls + 1) {
    cudaEvent_t mark;
    check(cudaEventCreateWithFlags(&mark, cudaEventDefault), "cudaEventCreate");
    marks_.push_back(mark);
  }
  check(cudaEventRecord(marks_[0], stream_), "cudaEventRecord");
  for (size_t i = 0; i < calls; i++) {
    if (stopped()) throw Aborted();
    call(i);
    check(cudaEventRecord(marks_[i + 1], stream_), "cudaEventRecord");
  }
  check(cudaStreamSynchronize(stream_), "running plan \"" + plan_.name + "\"");
  for (size_t i = 0; i < calls; i++) {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, marks_[i], marks_[i + 1]), "cudaEventElapsedTime");
    seconds_[i] += static_cast<double>(milliseconds) / 1e3;
  }
}

void Executable::record() {
  cudaGraph_t graph = nullptr;
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  try {
    launchAll([] { return false; });
  } catch (...) {
    (void)cudaStreamEndCapture(stream_, &graph);
    if (graph) (void)cudaGraphDestroy(graph);
    (void)cudaGetLastError();
    throw;
  }
  check(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
  const cudaError_t code = cudaGraphInstantiate(&graph_, graph, 0);
  (void)cudaGraphDestroy(graph);
  check(code, "cudaGraphInstantiate");
}

void Executable::checkStatus() {
  int status[STATUS_WORDS] = {};
  staging_.copyBytes(stream_, blocks_.data() + statusAt_, HostSpan{status, sizeof status}, Direction::toHost);
  const int failed = status[0];
  if (failed > 0 && failed <= static_cast<int>(plan_.calls.size())) throw ChecksumMismatch(plan_.calls[static_cast<size_t>(failed - 1)].name);
}

void Executable::run(const RunRequest& request, const std::function<bool()>& stopped) {
  if (request.inputs.size() != plan_.inputs.size() || request.outputs.size() != plan_.outputs.size() || request.step.bytes != plan_.stepBytes) {
    throw Error("ERR_PLAN", "plan \"" + plan_.name + "\": inputs, outputs or step block do not fit");
  }
  const auto transfer = [&](const NamedValue& entry, const HostSpan& host, Direction direction) {
    const PlanValue& value = plan_.values[static_cast<size_t>(entry.value)];
    if (host.bytes != value.bytes) throw Error("ERR_PLAN", "\"" + entry.name + "\" has " + std::to_string(host.bytes) + " bytes, expected " + std::to_string(value.bytes));
    staging_.copy(stream_, place(value.segment, value.offset), host, value.shape, bytesOf(value.dtype), direction);
  };
  check(cudaMemsetAsync(blocks_.data() + statusAt_, 0, STATUS_WORDS * sizeof(int), stream_), "clearing the status");
  // Derived values come first: their calls may use scratch where inputs will lie.
  for (const int64_t i : request.refresh) {
    if (i < 0 || i >= static_cast<int64_t>(plan_.derived.size())) throw Error("ERR_PLAN", "no derived value " + std::to_string(i));
    if (stopped()) throw Aborted();
    call(static_cast<size_t>(plan_.derived[static_cast<size_t>(i)].call));
  }
  for (size_t i = 0; i < request.inputs.size(); i++) transfer(plan_.inputs[i], request.inputs[i], Direction::toDevice);
  if (request.step.bytes > 0) staging_.copyBytes(stream_, blocks_.data(), request.step, Direction::toDevice);
  if (stopped()) throw Aborted();
  if (options_.profile) {
    profileAll(stopped);
  } else if (options_.graphs && recordable_ && !options_.synchronous && runs_ > 0) {
    if (!graph_) {
      try {
        record();
      } catch (const ContextLost&) {
        throw;
      } catch (const std::exception& error) {
        recordable_ = false;
        std::fprintf(stderr, "revoxel: plan \"%s\" is launched call by call, its CUDA graph cannot be recorded: %s\n", plan_.name.c_str(), error.what());
      }
    }
    if (graph_) check(cudaGraphLaunch(graph_, stream_), "cudaGraphLaunch of plan \"" + plan_.name + "\"");
    else launchAll(stopped);
  } else {
    launchAll(stopped);
  }
  // The thread sleeps until the device is done.
  check(cudaEventRecord(done_, stream_), "cudaEventRecord");
  check(cudaEventSynchronize(done_), "running plan \"" + plan_.name + "\"");
  check(cudaGetLastError(), "running plan \"" + plan_.name + "\"");
  checkStatus();
  if (stopped()) throw Aborted();
  for (size_t i = 0; i < request.outputs.size(); i++) transfer(plan_.outputs[i], request.outputs[i], Direction::toHost);
  runs_++;
}

}  // namespace revoxel
