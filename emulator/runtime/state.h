#pragma once
/// What the runtime's files share: streams, events, captures, allocations, and the frame of every API call.

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "emulator/runtime_api.h"
#include "emulator/runtime_control.h"

namespace emu {

/// Epochs by stream number: what is known to have happened before.
class Clock {
 public:
  std::uint64_t at(int stream) const { return std::size_t(stream) < epochs_.size() ? epochs_[std::size_t(stream)] : 0; }
  void raise(int stream, std::uint64_t epoch);
  void join(const Clock& other);

 private:
  std::vector<std::uint64_t> epochs_;
};

/// A range of memory that an operation reads or writes.
struct Access {
  const char* begin;
  std::size_t bytes;
  bool write;
};

/// A place in a stream's queue: what an event's record stands for.
struct Mark {
  CUstream_st* stream;
  std::uint64_t position;
  Clock clock;
  bool reached = false;
  std::chrono::steady_clock::time_point time;
};

/// Something queued.
struct Work {
  std::string name;
  std::vector<Access> accesses;
  std::function<cudaError_t()> run;  ///< empty for marks and waits
  std::shared_ptr<Mark> mark;        ///< reached when the queue gets here
  std::shared_ptr<Mark> wait;        ///< not before this one is reached
};

/// A capture under way; it may span streams.
struct Capture {
  CUstream_st* origin;
  std::thread::id thread;
  cudaStreamCaptureMode mode;
  bool broken = false;
  std::vector<Work> nodes;
  std::map<CUstream_st*, Clock> clocks;  ///< of the streams that take part; an epoch is a number of nodes
  std::map<CUstream_st*, std::uint64_t> counts;
};

}  // namespace emu

struct CUstream_st {
  int number;  ///< index in clocks
  int device;
  bool blocking;
  std::deque<emu::Work> queue;
  std::uint64_t queued = 0, done = 0;
  emu::Clock clock;
  std::shared_ptr<emu::Capture> capture;
};

struct CUevent_st {
  int device;
  bool timing;
  std::shared_ptr<emu::Mark> mark;        ///< of the last record; null before the first
  std::shared_ptr<emu::Capture> capture;  ///< when the last record was captured
  emu::Clock capture_clock;
};

struct CUgraph_st {
  std::vector<emu::Work> nodes;
};

struct CUgraphExec_st {
  std::vector<emu::Work> nodes;
};

namespace emu {

/// One earlier access to an allocation.
struct PastAccess {
  const char* begin;
  const char* end;
  bool write;
  int stream;
  std::uint64_t epoch;
  std::string name;
};

struct Allocation {
  std::size_t bytes;
  int device;
  bool pinned;
  bool released = false;  ///< by cudaFreeAsync, which has not run yet
  std::vector<PastAccess> past;
};

/// What an API call is, for rules that hold for many.
enum CallTraits : unsigned {
  kPlain = 0,
  kAllocates = 1,      ///< may fail for want of memory
  kNotInCapture = 2,   ///< an error while the thread captures
  kNeedsNoDevice = 4,  ///< works without a driver
  kReadsErrors = 8     ///< returns errors of earlier calls
};

/// All of the emulated machine. One lock: the emulator's launches run one after another anyway.
struct Runtime {
  std::recursive_mutex mutex;
  RuntimeOptions options;
  std::mt19937_64 random{1};
  RuntimeStats stats;
  std::int64_t fail_countdown = 0;
  std::string failed_on_demand;
  cudaError_t sticky = cudaSuccess;
  std::vector<std::unique_ptr<CUstream_st>> null_streams;  ///< one a device
  std::set<CUstream_st*> streams;
  std::set<CUevent_st*> events;
  std::set<CUgraph_st*> graphs;
  std::set<CUgraphExec_st*> execs;
  std::map<const char*, Allocation> allocations;
  std::map<const char*, std::size_t> freed;  ///< device memory given back, for messages
  std::vector<std::size_t> device_bytes;
  int last_stream_number = 0;
  Clock host;

  static Runtime& instance();

  /// Runs `body` as the API call `name`: counts it, lets it fail on demand, returns sticky errors, keeps the last
  /// error.
  cudaError_t call(const char* name, unsigned traits, const std::function<cudaError_t()>& body);
  cudaError_t fail(cudaError_t error);

  bool has_stream(CUstream_st* stream) const { return streams.count(stream) > 0; }
  /// The stream behind a handle, the null stream of the current device for null; or null.
  CUstream_st* resolve(cudaStream_t handle);
  std::unique_ptr<CUstream_st> make_stream(int device, bool blocking);
  void ensure_devices();

  /// Queues work, or captures it. Returns an error where a capture forbids it.
  cudaError_t queue(CUstream_st* stream, Work work);
  /// Runs the front of a queue (and what it waits for).
  void run_front(CUstream_st* stream);
  void run_until(CUstream_st* stream, std::uint64_t position);
  void drain(int device);
  /// What the schedule runs after a call.
  void tick();
  /// Waits for a stream on behalf of the host.
  void wait_for(CUstream_st* stream);

  /// The live allocation that p points into, or end().
  std::map<const char*, Allocation>::iterator find(const void* p);
  bool is_pinned(const void* p);
  /// Compares the accesses of work on a stream with those before, and reports what is unordered.
  void check_accesses(CUstream_st* stream, const Work& work);
  void check_access(CUstream_st* stream, const std::string& name, const Access& access);
  void report(const std::string& what, const std::vector<std::string>& details);
};

inline Runtime& runtime() {
  return Runtime::instance();
}

/// State of the calling thread.
struct ThreadState {
  int device = 0;
  cudaError_t last = cudaSuccess;
  std::shared_ptr<Capture> capture;  ///< begun on this thread
};
ThreadState& thread_state();

}  // namespace emu
