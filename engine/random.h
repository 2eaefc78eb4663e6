#pragma once
/// Random tensors. Every stream has an explicit seed; the same seed gives the same bits on every back end and at every
/// thread count. Threads: a generator belongs to one at a time; the rest as engine/tensor.h says.

#include <vector>

#include "engine/tensor.h"

namespace engram {

namespace kernels {
struct RandomStream;
}

/// A place in the Philox stream of a seed. Each fill takes the next words, so a generator is a seed and a count, and
/// can be saved and restored.
class Generator {
 public:
  explicit Generator(std::uint64_t seed, std::uint64_t offset = 0) : seed_(seed), offset_(offset) {}

  std::uint64_t seed() const { return seed_; }
  /// Words used so far: a multiple of 4 when started from 0.
  std::uint64_t offset() const { return offset_; }
  void set_offset(std::uint64_t offset) { offset_ = offset; }

  /// The next `count` words, for one fill on the host (the type is in kernels/random/random.h). Moves on to the next
  /// multiple of 4.
  kernels::RandomStream take(dim_t count);
  /// The same for a fill on a device: where that is the device of `stage`, relative to the place kept there.
  kernels::RandomStream take(dim_t count, const Device& device);
  /// Queues a copy of the present place to memory of a device that is not the CPU. Fills there read it from now on,
  /// with the same values as before, so that a captured graph draws anew if this is called, and the offset moved on by
  /// what the graph draws, between its launches. Copies of a generator share the memory.
  void stage(const Device& device);
  /// A generator with an unrelated stream that depends on (seed, key) only; this one does not move. For one stream a
  /// batch, a layer or a purpose.
  Generator split(std::uint64_t key) const;

  /// A uniform integer in [low, high), drawn on the host. Throws UsageError for an empty range.
  std::int32_t integer(std::int32_t low, std::int32_t high);
  /// A uniform number in [low, high), drawn on the host.
  float number(float low = 0, float high = 1);
  /// A permutation of 0 .. count - 1, drawn on the host.
  std::vector<std::int32_t> permutation(dim_t count);

 private:
  /// A place in the stream that lies in a device's memory.
  struct Staged {
    Tensor memory;  // u8 [8]
    std::uint64_t offset = 0;
  };

  std::uint64_t seed_, offset_;
  std::shared_ptr<Staged> staged_;
};

/// f32, uniform in [low, high).
Tensor uniform(const Shape& shape, Generator& generator, float low = 0, float high = 1, Device device = {});
/// f32, normal.
Tensor normal(const Shape& shape, Generator& generator, float mean = 0, float deviation = 1, Device device = {});
/// f32, `value` with the given probability, else 0. Throws UsageError for a probability outside [0, 1].
Tensor bernoulli(const Shape& shape, Generator& generator, double probability, float value = 1, Device device = {});
/// i32, uniform on the integers in [low, high). Throws UsageError for an empty range.
Tensor random_integers(const Shape& shape, Generator& generator, std::int32_t low, std::int32_t high,
                       Device device = {});

/// The same into an existing dense row-major f32 tensor, in place.
void fill_uniform(const Tensor& x, Generator& generator, float low, float high);
void fill_normal(const Tensor& x, Generator& generator, float mean, float deviation);

}  // namespace engram
