#include "models/init.h"

#include "engine/backend.h"
#include "engine/random.h"
#include "kernels/elementwise/elementwise.h"
#include "models/name_hash.h"

namespace engram {

void fill(const Tensor& tensor, const Init& init, std::uint64_t seed, const std::string& name) {
  Generator generator = Generator(seed).split(name_hash(name));
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
