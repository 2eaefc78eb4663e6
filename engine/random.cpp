#include "engine/random.h"

#include "engine/backend.h"
#include "engine/device_memory.h"
#include "engine/profiler.h"
#include "kernels/common/philox.h"
#include "kernels/random/random.h"

namespace engram {
namespace {

std::uint32_t range_size(std::int32_t low, std::int32_t high) {
  if (low >= high) throw UsageError(message("[random] expected low < high, got ", low, " and ", high));
  return std::uint32_t(high) - std::uint32_t(low);
}

void check_fill(const char* op, const Tensor& x) {
  if (!x.is_contiguous()) throw ShapeError(message("[", op, "] expected a dense row-major tensor, got ", x.describe()));
}

}  // namespace

kernels::RandomStream Generator::take(dim_t count) {
  const kernels::RandomStream stream{seed_, offset_};
  offset_ = (offset_ + std::uint64_t(count) + 3) / 4 * 4;
  return stream;
}

kernels::RandomStream Generator::take(dim_t count, const Device& device) {
  kernels::RandomStream stream = take(count);
  if (staged_ && staged_->memory.device() == device) {
    stream.offset -= staged_->offset;  // wraps for an earlier place, and back in the sum
    stream.base = reinterpret_cast<const std::uint64_t*>(staged_->memory.data<std::uint8_t>());
  }
  return stream;
}

void Generator::stage(const Device& device) {
  if (device.is_cpu()) throw UsageError("[random] expected a device with memory of its own, got cpu");
  if (!staged_ || !(staged_->memory.device() == device))
    staged_ = std::make_shared<Staged>(Staged{Tensor::empty({sizeof offset_}, DType::kU8, device)});
  copy_to_device(device, staged_->memory.raw_data(), &offset_, sizeof offset_);
  staged_->offset = offset_;
}

Generator Generator::split(std::uint64_t key) const {
  // The seed of the new stream is one block of this seed's key space, with a counter that fills never reach (word 3 is
  // 0 there).
  const kernels::PhiloxBlock counter = {{std::uint32_t(key), std::uint32_t(key >> 32), 0, 0x53504c54}};
  const auto block = kernels::philox4x32_10(counter, std::uint32_t(seed_), std::uint32_t(seed_ >> 32));
  return Generator(std::uint64_t(block.word[0]) | std::uint64_t(block.word[1]) << 32);
}

std::int32_t Generator::integer(std::int32_t low, std::int32_t high) {
  const std::uint64_t size = range_size(low, high);
  const kernels::RandomStream stream = take(1);
  return std::int32_t(low + std::int64_t(kernels::philox_word(stream.seed, stream.offset) * size >> 32));
}

float Generator::number(float low, float high) {
  float value;
  kernels::cpu_backend().random.uniform({}, {&value, 1, take(1), low, high});
  return value;
}

std::vector<std::int32_t> Generator::permutation(dim_t count) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  kernels::random_permutation(take(count), order.data(), count);
  return order;
}

Tensor uniform(const Shape& shape, Generator& generator, float low, float high, Device device) {
  Tensor x = Tensor::empty(shape, DType::kF32, device);
  fill_uniform(x, generator, low, high);
  return x;
}

Tensor normal(const Shape& shape, Generator& generator, float mean, float deviation, Device device) {
  Tensor x = Tensor::empty(shape, DType::kF32, device);
  fill_normal(x, generator, mean, deviation);
  return x;
}

Tensor bernoulli(const Shape& shape, Generator& generator, double probability, float value, Device device) {
  if (!(probability >= 0 && probability <= 1))
    throw UsageError(message("[bernoulli] expected a probability in [0, 1], got ", probability));
  Tensor x = Tensor::empty(shape, DType::kF32, device);
  OpScope scope("bernoulli", kernels::random_cost(x.numel()));
  backend(device).random.bernoulli(
      current_stream(device), {x.data<float>(), x.numel(), generator.take(x.numel(), x.device()), probability, value});
  return x;
}

Tensor random_integers(const Shape& shape, Generator& generator, std::int32_t low, std::int32_t high, Device device) {
  const std::uint32_t size = range_size(low, high);
  Tensor x = Tensor::empty(shape, DType::kI32, device);
  OpScope scope("random_integers", kernels::random_cost(x.numel()));
  backend(device).random.integers(
      current_stream(device), {x.data<std::int32_t>(), x.numel(), generator.take(x.numel(), x.device()), low, size});
  return x;
}

void fill_uniform(const Tensor& x, Generator& generator, float low, float high) {
  check_fill("fill_uniform", x);
  OpScope scope("uniform", kernels::random_cost(x.numel()));
  backend(x.device())
      .random.uniform(current_stream(x.device()),
                      {x.data<float>(), x.numel(), generator.take(x.numel(), x.device()), low, high});
  x.bump_version();
}

void fill_normal(const Tensor& x, Generator& generator, float mean, float deviation) {
  check_fill("fill_normal", x);
  OpScope scope("normal", kernels::random_cost(x.numel()));
  backend(x.device())
      .random.normal(current_stream(x.device()),
                     {x.data<float>(), x.numel(), generator.take(x.numel(), x.device()), mean, deviation});
  x.bump_version();
}

}  // namespace engram
