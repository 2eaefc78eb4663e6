/// Queues: what runs when, and which accesses are ordered.

#include <algorithm>

#include "emulator/emulator.h"
#include "emulator/runtime/state.h"

namespace emu {
namespace {

/// Captured work is checked against the capture's rules and kept.
cudaError_t capture_work(CUstream_st* stream, Work work) {
  Capture& capture = *stream->capture;
  if (capture.broken) return cudaErrorStreamCaptureInvalidated;
  capture.clocks[stream].raise(stream->number, ++capture.counts[stream]);
  capture.nodes.push_back(std::move(work));
  return cudaSuccess;
}

}  // namespace

cudaError_t Runtime::queue(CUstream_st* stream, Work work) {
  if (stream->capture) return capture_work(stream, std::move(work));
  // The null stream and the blocking streams of a device wait for each other.
  CUstream_st* const null_stream = null_streams[std::size_t(stream->device)].get();
  if (stream == null_stream) {
    for (CUstream_st* other : streams) {
      if (other == stream || !other->blocking || other->device != stream->device) continue;
      run_until(other, other->queued);
      stream->clock.join(other->clock);
    }
  } else if (stream->blocking) {
    run_until(null_stream, null_stream->queued);
    stream->clock.join(null_stream->clock);
  }
  stream->clock.join(host);
  stream->clock.raise(stream->number, ++stream->queued);
  if (options.find_races) check_accesses(stream, work);
  if (work.mark) {
    work.mark->stream = stream;
    work.mark->position = stream->queued;
    work.mark->clock = stream->clock;
  }
  if (work.wait) stream->clock.join(work.wait->clock);
  stream->queue.push_back(std::move(work));
  return cudaSuccess;
}

void Runtime::run_front(CUstream_st* stream) {
  Work work = std::move(stream->queue.front());
  stream->queue.pop_front();
  if (work.wait && !work.wait->reached) run_until(work.wait->stream, work.wait->position);
  if (work.run && sticky == cudaSuccess) {
    const cudaError_t error = work.run();
    if (error != cudaSuccess) sticky = error;
  }
  ++stream->done;
  if (work.mark) {
    work.mark->reached = true;
    work.mark->time = std::chrono::steady_clock::now();
  }
}

void Runtime::run_until(CUstream_st* stream, std::uint64_t position) {
  while (stream->done < position && !stream->queue.empty()) run_front(stream);
}

void Runtime::drain(int device) {
  for (CUstream_st* stream : streams)
    if (stream->device == device) run_until(stream, stream->queued);
}

void Runtime::tick() {
  if (options.schedule == Schedule::kLazy) return;
  if (options.schedule == Schedule::kEager) {
    for (CUstream_st* stream : streams) run_until(stream, stream->queued);
    return;
  }
  std::vector<CUstream_st*> waiting;
  for (;;) {
    waiting.clear();
    for (CUstream_st* stream : streams)
      if (!stream->queue.empty()) waiting.push_back(stream);
    if (waiting.empty() || random() % 3 == 0) return;
    // Sets are ordered by address; by number the choice repeats.
    std::sort(waiting.begin(), waiting.end(), [](auto* a, auto* b) { return a->number < b->number; });
    run_front(waiting[random() % waiting.size()]);
  }
}

void Runtime::wait_for(CUstream_st* stream) {
  ++stats.waits;
  run_until(stream, stream->queued);
  host.join(stream->clock);
}

std::map<const char*, Allocation>::iterator Runtime::find(const void* p) {
  const char* const address = static_cast<const char*>(p);
  auto it = allocations.upper_bound(address);
  if (it == allocations.begin()) return allocations.end();
  --it;
  return address < it->first + std::max<std::size_t>(it->second.bytes, 1) ? it : allocations.end();
}

bool Runtime::is_pinned(const void* p) {
  const auto it = find(p);
  return it != allocations.end() && it->second.pinned;
}

void Runtime::check_accesses(CUstream_st* stream, const Work& work) {
  for (const Access& access : work.accesses) check_access(stream, work.name, access);
}

void Runtime::check_access(CUstream_st* stream, const std::string& name, const Access& access) {
  const auto it = find(access.begin);
  if (it == allocations.end()) {
    const auto dead = freed.upper_bound(access.begin);
    if (dead != freed.begin() && access.begin < std::prev(dead)->first + std::prev(dead)->second)
      report("Use after free: " + name + " uses device memory that was given back", {});
    return;
  }
  Allocation& allocation = it->second;
  const char* const end = access.begin + access.bytes;
  std::erase_if(allocation.past, [&](const PastAccess& past) { return past.epoch <= host.at(past.stream); });
  for (const PastAccess& past : allocation.past) {
    if (past.begin >= end || past.end <= access.begin || (!past.write && !access.write)) continue;
    if (stream->clock.at(past.stream) >= past.epoch) continue;
    report("Stream race: " + name + " on stream " + std::to_string(stream->number) + " and " + past.name +
               " on stream " + std::to_string(past.stream) + " use the same memory, and nothing orders them",
           {"allocation of " + std::to_string(allocation.bytes) + " bytes, from byte " +
                std::to_string(std::max(past.begin, access.begin) - it->first),
            std::string("the first ") + (past.write ? "writes" : "reads") + ", the second " +
                (access.write ? "writes" : "reads") +
                "; record an event behind the first and wait for it on the other stream"});
    break;
  }
  const std::uint64_t epoch = stream->clock.at(stream->number);
  // An ordered write of the whole range makes earlier accesses to it irrelevant.
  if (access.write)
    std::erase_if(allocation.past, [&](const PastAccess& past) {
      return past.begin >= access.begin && past.end <= end && stream->clock.at(past.stream) >= past.epoch;
    });
  for (PastAccess& past : allocation.past) {
    if (past.stream != stream->number || past.write != access.write || past.begin != access.begin || past.end != end)
      continue;
    past.epoch = epoch;
    past.name = name;
    return;
  }
  allocation.past.push_back({access.begin, end, access.write, stream->number, epoch, name});
}

}  // namespace emu
