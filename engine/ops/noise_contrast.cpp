#include "engine/ops/noise_contrast.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/indexed_rows.h"
#include "engine/ops/layout.h"
#include "engine/ops/matmul.h"
#include "engine/ops/optional_data.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/noise_contrast/noise_contrast.h"

namespace engram {
namespace {

void check_types(const char* op, const std::vector<Tensor>& reals, const std::vector<Tensor>& numbers) {
  for (const auto& [tensors, type, name] : {std::tuple(reals, DType::kF32, "f32"), {numbers, DType::kI32, "i32"}})
    for (const Tensor& t : tensors) {
      if (!t.defined()) throw UsageError(message("[", op, "] expected a tensor of ", name, ", got an empty handle"));
      if (t.dtype() != type) throw DTypeError(message("[", op, "] expected ", name, ", got ", t.describe()));
    }
}

void check_contrast(const Tensor& embedding, const Tensor& bank, const Tensor& chosen, const Tensor& z, double tau) {
  constexpr const char* kName = "noise_contrast";
  check_types(kName, {embedding, bank, z}, {chosen});
  const bool fits = embedding.rank() == 2 && bank.rank() == 2 && chosen.rank() == 2 && embedding.numel() > 0 &&
                    bank.dim(0) > 0 && bank.dim(1) == embedding.dim(1) && chosen.dim(0) == embedding.dim(0) &&
                    chosen.dim(1) > 1 && z.numel() == 1;
  if (!fits)
    throw ShapeError(message("[", kName, "] expected embeddings [n,w], a bank [images,w], choices [n,1+k] and z [1], ",
                             "got ", embedding.describe(), ", ", bank.describe(), ", ", chosen.describe(), " and ",
                             z.describe()));
  if (!(tau > 0)) throw UsageError(message("[", kName, "] expected tau above 0, got ", tau));
  check_one_device(kName, {embedding, bank, chosen, z});
}

/// The loss in recorded operations, from the rows chosen.
Tensor recorded_contrast(const Tensor& embedding, const Tensor& bank, const Tensor& chosen, const Tensor& z,
                         float scale) {
  const dim_t n = chosen.dim(0), per_row = chosen.dim(1), width = bank.dim(1);
  const double m = double(per_row - 1) / double(bank.dim(0));
  const Tensor rows = reshape(select_known(bank, 0, flatten(chosen, 0)), {n, per_row, width});
  const Tensor scores = sum(mul(rows, reshape(mul(embedding, scale), {n, 1, width})), {2});
  const Tensor log_q = sub(scores, log(mul(reshape(z, {1, 1}), float(m))));
  const Tensor total = sub(sum(log(add(exp(log_q), float(1 + 1e-7 / m)))), sum(slice(log_q, 1, 0, 1)));
  return mul(total, 1 / float(n));
}

/// The kernel's results; the scores become the loss's derivative where it is wanted.
NoiseContrast contrast_of_scores(const Tensor& scores, const Tensor& chosen, const Tensor& z, bool derivative) {
  const Device device = scores.device();
  const dim_t n = scores.dim(0), negatives = chosen.dim(1) - 1, images = scores.dim(1);
  NoiseContrast out = {Tensor::empty({}, DType::kF32, device), Tensor::empty({1}, DType::kF32, device)};
  const auto& family = backend(device).noise_contrast;
  const Tensor workspace =
      Tensor::empty({dim_t(family.loss_workspace_bytes(n, negatives, images))}, DType::kU8, device);
  OpScope scope("noise_contrast", kernels::contrast_loss_cost(n, negatives, images, derivative));
  family.loss(current_stream(device), {.scores = scores.data<float>(),
                                       .chosen = chosen.data<std::int32_t>(),
                                       .z_in = z.data<float>(),
                                       .rows = n,
                                       .negatives = negatives,
                                       .images = images,
                                       .loss = out.loss.data<float>(),
                                       .z_out = out.z.data<float>(),
                                       .derivative = derivative ? scores.data<float>() : nullptr,
                                       .workspace = workspace.raw_data()});
  return out;
}

}  // namespace

Tensor draw_contrasts(const Tensor& given, const Tensor& samples, const Tensor& labels, const ImagesByClass& images) {
  constexpr const char* kName = "draw_contrasts";
  constexpr dim_t kMostImages = dim_t(1) << 24;  // f32 holds all whole numbers up to it
  check_types(kName, {given}, {samples, labels, images.by_class, images.begin, images.size});
  const bool vectors = images.by_class.rank() == 1 && images.begin.rank() == 1 && images.size.rank() == 1;
  if (given.rank() != 2 || samples.shape() != Shape{given.dim(0)} || labels.shape() != samples.shape() || !vectors ||
      images.begin.shape() != images.size.shape())
    throw ShapeError(message("[", kName,
                             "] expected uniform [n,k], samples [n], labels [n] and vectors of images, got ",
                             given.describe(), ", ", samples.describe(), " and ", labels.describe()));
  if (images.by_class.numel() > kMostImages)
    throw UsageError(message("[", kName, "] expected at most 2^24 images, got ", images.by_class.numel()));
  check_one_device(kName, {given, samples, labels, images.by_class, images.begin, images.size});
  const Tensor uniform = given.contiguous(), own = samples.contiguous(), classes = labels.contiguous();
  const Tensor by_class = images.by_class.contiguous(), begin = images.begin.contiguous(),
               size = images.size.contiguous();
  const dim_t n = uniform.dim(0), negatives = uniform.dim(1);
  Tensor chosen = Tensor::empty({n, 1 + negatives}, DType::kI32, uniform.device());
  OpScope scope(kName, kernels::contrast_draw_cost(n, negatives));
  backend(uniform.device())
      .noise_contrast.draw(current_stream(uniform.device()), {.uniform = uniform.data<float>(),
                                                              .samples = own.data<std::int32_t>(),
                                                              .labels = classes.data<std::int32_t>(),
                                                              .class_begin = begin.data<std::int32_t>(),
                                                              .class_size = size.data<std::int32_t>(),
                                                              .by_class = by_class.data<std::int32_t>(),
                                                              .rows = n,
                                                              .negatives = negatives,
                                                              .images = by_class.numel(),
                                                              .classes = begin.numel(),
                                                              .chosen = chosen.data<std::int32_t>()});
  return chosen;
}

NoiseContrast noise_contrast(const Tensor& given, const Tensor& given_bank, const Tensor& given_chosen, const Tensor& z,
                             double tau) {
  check_contrast(given, given_bank, given_chosen, z, tau);
  const Tensor embedding = given.contiguous(), bank = given_bank.detach().contiguous(),
               chosen = given_chosen.contiguous();
  const bool recording = needs_record({embedding});
  const auto scale = float(1 / tau);
  NoiseContrast out;
  Tensor slope;  // of the loss to the embedding
  {
    const NoGradGuard no_grad;
    // One product with the whole bank, whose entries the kernel chooses: the rows chosen would be many times the bank.
    const Tensor scores = matmul(mul(embedding, scale), bank, false, true);
    out = contrast_of_scores(scores, chosen, z.detach(), recording);
    if (recording) slope = mul(matmul(scores, bank), scale);
  }
  record_fused(
      "noise_contrast", {embedding, bank, chosen, out.z}, {&out.loss},
      [slope](BackwardContext& context, const auto&) { return std::vector{mul(slope, context.grad())}; },
      [scale](const auto& in) { return std::vector{recorded_contrast(in[0], in[1], in[2], in[3], scale)}; });
  return out;
}

void mix_into_bank(const Tensor& bank, const Tensor& given, const Tensor& given_samples, float momentum) {
  constexpr const char* kName = "mix_into_bank";
  check_types(kName, {bank, given}, {given_samples});
  if (bank.rank() != 2 || given.rank() != 2 || bank.dim(1) != given.dim(1) ||
      given_samples.shape() != Shape{given.dim(0)})
    throw ShapeError(message("[", kName, "] expected a bank [images,w], embeddings [n,w] and samples [n], got ",
                             bank.describe(), ", ", given.describe(), " and ", given_samples.describe()));
  if (!bank.is_contiguous() || bank.requires_grad())
    throw UsageError(
        message("[", kName, "] expected a dense bank that does not require a gradient, got ", bank.describe()));
  check_one_device(kName, {bank, given, given_samples});
  const Tensor embeddings = given.detach().contiguous(), samples = given_samples.contiguous();
  OpScope scope(kName, kernels::contrast_mix_cost(embeddings.dim(0), bank.dim(1)));
  backend(bank.device())
      .noise_contrast.mix(current_stream(bank.device()), {.bank = bank.data<float>(),
                                                          .embeddings = embeddings.data<float>(),
                                                          .samples = samples.data<std::int32_t>(),
                                                          .rows = embeddings.dim(0),
                                                          .images = bank.dim(0),
                                                          .width = bank.dim(1),
                                                          .momentum = momentum});
  bank.bump_version();
}

}  // namespace engram
