/// Streams, events and graphs.

#include <memory>
#include <thread>

#include "emulator/runtime/state.h"

using emu::Capture;
using emu::Mark;
using emu::runtime;
using emu::Runtime;
using emu::Work;

namespace {

cudaError_t create_stream(cudaStream_t* stream, bool blocking) {
  if (!stream) return cudaErrorInvalidValue;
  *stream = runtime().make_stream(emu::thread_state().device, blocking).release();
  return cudaSuccess;
}

cudaError_t create_event(cudaEvent_t* event, unsigned flags) {
  if (!event || (flags & ~cudaEventDisableTiming)) return cudaErrorInvalidValue;
  *event = new CUevent_st{emu::thread_state().device, !(flags & cudaEventDisableTiming), {}, {}, {}};
  runtime().events.insert(*event);
  return cudaSuccess;
}

/// Host calls that look at a capturing stream or at an event recorded in a capture break the capture.
cudaError_t refuse(const std::shared_ptr<Capture>& capture, const char* name) {
  capture->broken = true;
  runtime().report(std::string("Program hit cudaErrorStreamCaptureUnsupported on CUDA API call to ") + name,
                   {"the host cannot wait for captured work"});
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t record_event(cudaEvent_t event, CUstream_st* stream) {
  Runtime& r = runtime();
  if (stream->capture) {
    if (stream->capture->broken) return cudaErrorStreamCaptureInvalidated;
    event->mark = nullptr;
    event->capture = stream->capture;
    event->capture_clock = stream->capture->clocks[stream];
    return cudaSuccess;
  }
  event->capture = nullptr;
  event->mark = std::make_shared<Mark>();
  return r.queue(stream, {"cudaEventRecord", {}, {}, event->mark, {}});
}

cudaError_t wait_in_capture(CUstream_st* stream, cudaEvent_t event) {
  if (!event->capture) {
    if (!event->mark) return cudaSuccess;
    stream->capture->broken = true;
    return cudaErrorStreamCaptureIsolation;
  }
  if (stream->capture && stream->capture != event->capture) {
    stream->capture->broken = event->capture->broken = true;
    return cudaErrorStreamCaptureMerge;
  }
  stream->capture = event->capture;
  stream->capture->clocks[stream].join(event->capture_clock);
  return cudaSuccess;
}

/// Whether all streams of the capture have been waited for by the first one.
bool all_joined(Capture& capture) {
  const emu::Clock& origin = capture.clocks[capture.origin];
  for (const auto& [stream, count] : capture.counts)
    if (origin.at(stream->number) < count) return false;
  return true;
}

cudaError_t end_capture(CUstream_st* stream, cudaGraph_t* graph) {
  Runtime& r = runtime();
  const std::shared_ptr<Capture> capture = stream->capture;
  if (!capture) return cudaErrorInvalidValue;
  if (capture->origin != stream || capture->thread != std::this_thread::get_id())
    return cudaErrorStreamCaptureUnmatched;
  const bool joined = all_joined(*capture);
  for (CUstream_st* other : r.streams)
    if (other->capture == capture) other->capture = nullptr;
  emu::thread_state().capture = nullptr;
  *graph = nullptr;
  if (capture->broken) return cudaErrorStreamCaptureInvalidated;
  if (!joined) {
    r.report("Program hit cudaErrorStreamCaptureUnjoined on CUDA API call to cudaStreamEndCapture",
             {"a stream that joined the capture was not waited for by the first one"});
    return cudaErrorStreamCaptureUnjoined;
  }
  *graph = new CUgraph_st{std::move(capture->nodes)};
  r.graphs.insert(*graph);
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return runtime().call("cudaStreamCreate", emu::kPlain, [&] { return create_stream(stream, true); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return runtime().call("cudaStreamCreateWithFlags", emu::kPlain, [&] {
    return flags & ~cudaStreamNonBlocking ? cudaErrorInvalidValue
                                          : create_stream(stream, !(flags & cudaStreamNonBlocking));
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return runtime().call("cudaStreamDestroy", emu::kPlain, [&] {
    Runtime& r = runtime();
    if (!stream || !r.has_stream(stream)) return cudaErrorInvalidResourceHandle;
    r.run_until(stream, stream->queued);  // the real one lets it finish in the background
    r.streams.erase(stream);
    delete stream;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return runtime().call("cudaStreamQuery", emu::kPlain, [&] {
    CUstream_st* const stream = runtime().resolve(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return refuse(stream->capture, "cudaStreamQuery");
    if (!stream->queue.empty()) return cudaErrorNotReady;
    runtime().host.join(stream->clock);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return runtime().call("cudaStreamSynchronize", emu::kPlain, [&] {
    CUstream_st* const stream = runtime().resolve(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return refuse(stream->capture, "cudaStreamSynchronize");
    runtime().wait_for(stream);
    return runtime().sticky;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  return runtime().call("cudaStreamWaitEvent", emu::kPlain, [&] {
    Runtime& r = runtime();
    CUstream_st* const stream = r.resolve(handle);
    if (!stream || !r.events.count(event)) return cudaErrorInvalidResourceHandle;
    if (stream->capture || event->capture) return wait_in_capture(stream, event);
    if (!event->mark) return cudaSuccess;  // never recorded: nothing to wait for
    return r.queue(stream, {"cudaStreamWaitEvent", {}, {}, {}, event->mark});
  });
}

cudaError_t cudaDeviceSynchronize() {
  return runtime().call("cudaDeviceSynchronize", emu::kNotInCapture, [&] {
    Runtime& r = runtime();
    for (CUstream_st* stream : r.streams)
      if (stream->device == emu::thread_state().device) r.wait_for(stream);
    return r.sticky;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return runtime().call("cudaEventCreate", emu::kPlain, [&] { return create_event(event, cudaEventDefault); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return runtime().call("cudaEventCreateWithFlags", emu::kPlain, [&] { return create_event(event, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return runtime().call("cudaEventDestroy", emu::kPlain, [&] {
    if (runtime().events.erase(event) == 0) return cudaErrorInvalidResourceHandle;
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return runtime().call("cudaEventRecord", emu::kPlain, [&] {
    CUstream_st* const stream = runtime().resolve(handle);
    if (!stream || !runtime().events.count(event) || event->device != stream->device)
      return cudaErrorInvalidResourceHandle;
    return record_event(event, stream);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return runtime().call("cudaEventQuery", emu::kPlain, [&] {
    if (!runtime().events.count(event)) return cudaErrorInvalidResourceHandle;
    if (event->capture) return refuse(event->capture, "cudaEventQuery");
    if (!event->mark) return cudaSuccess;
    if (!event->mark->reached) return cudaErrorNotReady;
    runtime().host.join(event->mark->clock);
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return runtime().call("cudaEventSynchronize", emu::kPlain, [&] {
    Runtime& r = runtime();
    if (!r.events.count(event)) return cudaErrorInvalidResourceHandle;
    if (event->capture) return refuse(event->capture, "cudaEventSynchronize");
    if (!event->mark) return cudaSuccess;
    ++r.stats.waits;
    if (!event->mark->reached) r.run_until(event->mark->stream, event->mark->position);
    r.host.join(event->mark->clock);
    return r.sticky;
  });
}

cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
  return runtime().call("cudaEventElapsedTime", emu::kPlain, [&] {
    Runtime& r = runtime();
    if (!ms) return cudaErrorInvalidValue;
    for (cudaEvent_t event : {start, end})
      if (!r.events.count(event) || !event->timing || !event->mark) return cudaErrorInvalidResourceHandle;
    if (!start->mark->reached || !end->mark->reached) return cudaErrorNotReady;
    *ms = std::chrono::duration<float, std::milli>(end->mark->time - start->mark->time).count();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return runtime().call("cudaStreamBeginCapture", emu::kPlain, [&] {
    CUstream_st* const stream = runtime().resolve(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (!handle) return cudaErrorStreamCaptureUnsupported;  // the null stream cannot be captured
    if (stream->capture || emu::thread_state().capture) return cudaErrorInvalidValue;
    stream->capture = std::make_shared<Capture>();
    stream->capture->origin = stream;
    stream->capture->thread = std::this_thread::get_id();
    stream->capture->mode = mode;
    emu::thread_state().capture = stream->capture;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  return runtime().call("cudaStreamEndCapture", emu::kPlain, [&] {
    CUstream_st* const stream = runtime().resolve(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    return graph ? end_capture(stream, graph) : cudaErrorInvalidValue;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return runtime().call("cudaStreamIsCapturing", emu::kPlain, [&] {
    CUstream_st* const stream = runtime().resolve(handle);
    if (!stream || !status) return cudaErrorInvalidValue;
    *status = !stream->capture          ? cudaStreamCaptureStatusNone
              : stream->capture->broken ? cudaStreamCaptureStatusInvalidated
                                        : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return runtime().call("cudaGraphGetNodes", emu::kPlain, [&] {
    if (!runtime().graphs.count(graph) || nodes || !count) return cudaErrorInvalidValue;  // only the number is offered
    *count = graph->nodes.size();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  return runtime().call("cudaGraphInstantiate", emu::kAllocates | emu::kNotInCapture, [&] {
    if (!exec || !runtime().graphs.count(graph)) return cudaErrorInvalidValue;
    *exec = new CUgraphExec_st{graph->nodes};
    runtime().execs.insert(*exec);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle) {
  return runtime().call("cudaGraphLaunch", emu::kPlain, [&] {
    Runtime& r = runtime();
    CUstream_st* const stream = r.resolve(handle);
    if (!stream || !r.execs.count(exec)) return cudaErrorInvalidResourceHandle;
    for (const Work& node : exec->nodes)
      if (const cudaError_t error = r.queue(stream, node); error != cudaSuccess) return error;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return runtime().call("cudaGraphDestroy", emu::kPlain, [&] {
    if (runtime().graphs.erase(graph) == 0) return cudaErrorInvalidValue;
    delete graph;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  return runtime().call("cudaGraphExecDestroy", emu::kPlain, [&] {
    if (runtime().execs.erase(exec) == 0) return cudaErrorInvalidValue;
    delete exec;
    return cudaSuccess;
  });
}

}  // extern "C"
