#include "models/init.h"

#include "engine/backend.h"
#include "engine/random.h"
#include "kernels/elementwise/elementwise.h"

namespace engram {
namespace {

/// 64-bit FNV-1a.
std::uint64_t hash(const std::string& text) {
  std::uint64_t value = 0xcbf29ce484222325u;
  for (const char c : text) value = (value ^ std::uint8_t(c)) * 0x100000001b3u;
  return value;
}

}  // namespace

void fill(const Tensor& tensor, const Init& init, std::uint64_t seed, const std::string& name) {
  Generator generator = Generator(seed).split(hash(name));
  switch (init.kind) {
    case Init::Kind::kConstant:
      backend(tensor.device())
          .elementwise.fill(current_stream(tensor.device()), {tensor.data<float>(), tensor.numel(), init.a});
      tensor.bump_version();
      break;
    case Init::Kind::kUniform:
      fill_uniform(tensor, generator, init.a, init.b);
      break;
    case Init::Kind::kNormal:
      fill_normal(tensor, generator, init.a, init.b);
      break;
  }
}

void copy_into(const Tensor& target, const Tensor& values) {
  const Tensor source = values.to(target.device());
  backend(target.device())
      .elementwise.convert(current_stream(target.device()),
                           {source.data<float>(), DType::kF32, target.data<float>(), DType::kF32, target.numel()});
  target.bump_version();
}

}  // namespace engram
