/// Every public function that takes tensors, called with arguments that do not fit: it answers or throws one of the
/// error classes, and touches no memory that is not its own (the sanitizers look on). A lint check
/// (tests/lint/check_argument_table.py) holds that no function is missing here.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <typeinfo>

#include "engine/autograd.h"
#include "engine/device_memory.h"
#include "engine/io/tensor_io.h"
#include "engine/ops.h"
#include "engine/ops/indexed_rows.h"
#include "engine/ops/linear_relu.h"
#include "engine/ops/noise_contrast.h"
#include "engine/ops/residual_cosine.h"
#include "engine/optim_step.h"
#include "engine/random.h"
#include "engine/shape.h"

namespace engram {
namespace {

using Tensors = std::vector<Tensor>;

/// A function with tensors that fit it; `call` takes them or others in their place.
struct Function {
  const char* name;
  std::vector<Shape> shapes;
  std::function<void(const Tensors&)> call;
  std::vector<DType> dtypes = {};  ///< of the tensors; f32 where none is given
};

Tensor make(const Shape& shape, DType dtype, const Device& device = {}) {
  if (dtype == DType::kI32) return Tensor::from(std::vector<std::int32_t>(std::size_t(numel(shape)), 0), shape, device);
  if (dtype == DType::kU8) return Tensor::from(std::vector<std::uint8_t>(std::size_t(numel(shape)), 1), shape, device);
  if (dtype == DType::kBF16) return convert(Tensor::ones(shape, device), DType::kBF16);
  return Tensor::full(shape, 0.5f, device);
}

/// What may stand in the place of a tensor of this shape and type.
Tensors substitutes(const Shape& shape, DType dtype) {
  Tensors all = {Tensor(),
                 make({}, dtype),
                 make({3}, dtype),
                 make({2, 3}, dtype),
                 make({2, 16, 3, 3}, dtype),
                 make({1, 1, 1, 1, 1, 2}, dtype),
                 make({0, 1 << 20, 1 << 20, 1 << 7}, dtype)};
  for (const DType other : {DType::kF32, DType::kI32, DType::kU8, DType::kBF16}) all.push_back(make(shape, other));
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    Shape changed = shape;
    changed[axis] = 0;
    all.push_back(make(changed, dtype));
    changed[axis] = shape[axis] + 1;
    all.push_back(make(changed, dtype));
  }
  return all;
}

/// Calls and lets only the engine's own errors pass; false when one came.
bool call(const std::string& what, const std::function<void()>& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    EXPECT_STRNE(error.what(), "") << what;
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": expected an error class of engram, got " << typeid(error).name() << ": "
                  << error.what();
  }
  return false;
}

const Shape kImages = {2, 3, 4, 4}, kMatrix = {2, 3}, kChannels = {3};
constexpr dim_t kHuge = std::numeric_limits<dim_t>::max();

Function unary(const char* name, Tensor (*op)(const Tensor&)) {
  return {name, {kMatrix}, [op](const Tensors& t) { op(t[0]); }};
}
Function binary(const char* name, Tensor (*op)(const Tensor&, const Tensor&)) {
  return {name, {kMatrix, kMatrix}, [op](const Tensors& t) { op(t[0], t[1]); }};
}

std::vector<Function> elementwise_functions() {
  return {
      binary("add", add),
      binary("sub", sub),
      binary("mul", mul),
      binary("div", div),
      binary("pow", pow),
      binary("maximum", maximum),
      binary("minimum", minimum),
      binary("greater", greater),
      binary("equal", equal),
      unary("neg", neg),
      unary("exp", exp),
      unary("log", log),
      unary("sqrt", sqrt),
      unary("tanh", tanh),
      unary("sigmoid", sigmoid),
      unary("relu", relu),
      unary("abs", abs),
      unary("sign", sign),
      unary("square", square),
      {"step_mul", {kMatrix, kMatrix}, [](const Tensors& t) { step_mul(t[0], t[1], 0.1f); }},
      {"leaky_relu", {kMatrix}, [](const Tensors& t) { leaky_relu(t[0], 0.1f); }},
      {"clamp", {kMatrix}, [](const Tensors& t) { clamp(t[0], 0, 1); }},
      {"add_in_place", {kMatrix, kMatrix}, [](const Tensors& t) { add_in_place(t[0], t[1]); }},
      {"convert", {kMatrix}, [](const Tensors& t) { convert(t[0], DType::kI32); }},
      {"apply_activation", {kMatrix}, [](const Tensors& t) { apply_activation(t[0], Activation::kRelu, 0); }},
  };
}

std::vector<Function> layout_functions() {
  return {
      unary("to_contiguous", to_contiguous),
      {"to_blocked", {{2, 16, 3, 3}}, [](const Tensors& t) { to_blocked(t[0]); }},
      {"to_device", {kMatrix}, [](const Tensors& t) { to_device(t[0], Device{}); }},
      {"reshape",
       {kMatrix},
       [](const Tensors& t) {
         reshape(t[0], {-1, 2});
       }},
      {"permute",
       {kMatrix},
       [](const Tensors& t) {
         permute(t[0], {1, 0});
       }},
      {"transpose", {kMatrix}, [](const Tensors& t) { transpose(t[0], 0, 1); }},
      {"expand",
       {{1, 3}},
       [](const Tensors& t) {
         expand(t[0], {4, 3});
       }},
      {"slice", {kMatrix}, [](const Tensors& t) { slice(t[0], 1, 1, 3, 2); }},
      {"unslice",
       {{2, 1}},
       [](const Tensors& t) {
         unslice(t[0], {2, 3}, 1, 1, 3, 2);
       }},
      {"concat", {kMatrix, kMatrix}, [](const Tensors& t) { concat(t, 1); }},
      {"flatten", {kImages}, [](const Tensors& t) { flatten(t[0]); }},
      {"sum", {kMatrix}, [](const Tensors& t) { sum(t[0], {0}); }},
      {"mean", {kMatrix}, [](const Tensors& t) { mean(t[0], {0}); }},
      {"sum_to",
       {kMatrix},
       [](const Tensors& t) {
         sum_to(t[0], {1, 3});
       }},
      {"max", {kMatrix}, [](const Tensors& t) { max(t[0], {0}); }},
      {"min", {kMatrix}, [](const Tensors& t) { min(t[0], {0}); }},
      {"argmax", {kMatrix}, [](const Tensors& t) { argmax(t[0]); }},
      {"argmin", {kMatrix}, [](const Tensors& t) { argmin(t[0]); }},
      {"var", {kMatrix}, [](const Tensors& t) { var(t[0], {0}); }},
      {"norm", {kMatrix}, [](const Tensors& t) { norm(t[0], {0}); }},
  };
}

std::vector<Function> image_functions() {
  const std::vector<Shape> normalised = {kImages, kChannels, kChannels, kChannels, kChannels, kImages};
  return {
      {"conv2d", {kImages, {4, 3, 3, 3}, {4}}, [](const Tensors& t) { conv2d(t[0], t[1], t[2], {.padding = 1}); }},
      {"conv2d_data_gradient",
       {{2, 4, 4, 4}, {4, 3, 3, 3}},
       [](const Tensors& t) { conv2d_data_gradient(t[0], t[1], kImages, {.padding = 1}); }},
      {"conv2d_weight_gradient",
       {kImages, {2, 4, 4, 4}},
       [](const Tensors& t) {
         conv2d_weight_gradient(t[0], t[1], {4, 3, 3, 3}, {.padding = 1});
       }},
      {"conv2d_inference",
       {kImages, {4, 3, 3, 3}, {4}, {2, 4, 4, 4}},
       [](const Tensors& t) { conv2d_inference(t[0], t[1], t[2], t[3], true, {.padding = 1}); }},
      {"batch_norm", normalised,
       [](const Tensors& t) {
         batch_norm(t[0], t[1], t[2], t[3], t[4], {.training = true}, t[5]);
         batch_norm(t[0], t[1], t[2], t[3], t[4], {}, t[5]);
       }},
      {"bn_stats_match", normalised, [](const Tensors& t) { bn_stats_match(t[0], t[1], t[2], t[3], t[4], {}, t[5]); }},
      {"BnStatsMatchGroup",
       {kImages, kChannels, kChannels},
       [](const Tensors& t) {
         BnStatsMatchGroup group(1, Device{});
         bn_stats_match(t[0], {}, {}, t[1], t[2], {.group = &group});
         group.finish();
       }},
      {"max_pool2d", {kImages}, [](const Tensors& t) { max_pool2d(t[0], {}); }},
      {"avg_pool2d", {kImages}, [](const Tensors& t) { avg_pool2d(t[0], {}); }},
      {"global_avg_pool", {kImages}, [](const Tensors& t) { global_avg_pool(t[0]); }},
      {"adaptive_avg_pool2d", {kImages}, [](const Tensors& t) { adaptive_avg_pool2d(t[0], 2, 1); }},
      {"upsample_nearest", {kImages}, [](const Tensors& t) { upsample_nearest(t[0], 2); }},
      {"pad",
       {kImages},
       [](const Tensors& t) {
         pad(t[0], {1, -1, 2, 0});
       }},
      {"crop_images",
       {kImages, {2, 2}},
       [](const Tensors& t) { crop_images(t[0], t[1], 3, 3); },
       {DType::kF32, DType::kI32}},
      {"random_crop",
       {kImages},
       [](const Tensors& t) {
         Generator generator(1);
         random_crop(t[0], 1, generator);
       }},
      {"flip", {kImages}, [](const Tensors& t) { flip(t[0], {3}); }},
      {"flip_images", {kImages, {2}}, [](const Tensors& t) { flip_images(t[0], t[1]); }, {DType::kF32, DType::kU8}},
      {"roll_flip", {kImages, {3}}, [](const Tensors& t) { roll_flip(t[0], t[1]); }, {DType::kF32, DType::kI32}},
      {"make_jitter", {kImages}, [](const Tensors& t) { roll_flip(t[0], make_jitter(-9, 9, true)); }},
      {"channel_scale",
       {kImages, {2, 3}, {3}},
       [](const Tensors& t) { channel_scale(t[0], t[1], t[2]); },
       {DType::kF32, DType::kF32, DType::kI32}},
      {"gather_images",
       {kImages, {1, 2}, {2, 4}, {2, 1, 4}, {3, 256}},
       [](const Tensors& t) {
         gather_images({t[0], t[1]}, {t[2], t[3], true}, t[4]);
       },
       {DType::kU8, DType::kI32, DType::kI32, DType::kI32, DType::kF32}},
      {"style_images",
       {kImages, {1, 2}, {2, 4}, {2, 10}, kChannels, kChannels},
       [](const Tensors& t) {
         style_images({t[0], t[1]}, {t[2], {}, false}, t[3], true, t[4], t[5], 2, 3);
       },
       {DType::kU8, DType::kI32, DType::kI32, DType::kI32, DType::kF32, DType::kF32}},
      {"image_prior", {kImages}, [](const Tensors& t) { image_prior(t[0]); }},
      {"grad_cosine", {kMatrix, kMatrix}, [](const Tensors& t) { grad_cosine(t[0], t[1]); }},
      {"spatial_attention", {kImages}, [](const Tensors& t) { spatial_attention(t[0]); }},
      {"normalized_distance", {kMatrix, kMatrix}, [](const Tensors& t) { normalized_distance(t[0], t[1]); }},
      {"margin_error", {kImages, kImages, kChannels}, [](const Tensors& t) { margin_error(t[0], t[1], t[2]); }},
      {"cosine_similarity", {kMatrix, kMatrix}, [](const Tensors& t) { cosine_similarity(t[0], t[1]); }},
      {"draw_contrasts",
       {kMatrix, {2}, {2}, {4}, {2}, {2}},
       [](const Tensors& t) {
         draw_contrasts(t[0], t[1], t[2], {t[3], t[4], t[5]});
       },
       {DType::kF32, DType::kI32, DType::kI32, DType::kI32, DType::kI32, DType::kI32}},
      {"noise_contrast",
       {kMatrix, {4, 3}, {2, 4}, {1}},
       [](const Tensors& t) { noise_contrast(t[0], t[1], t[2], t[3], 0.1); },
       {DType::kF32, DType::kF32, DType::kI32, DType::kF32}},
      {"mix_into_bank",
       {{4, 3}, kMatrix, {2}},
       [](const Tensors& t) { mix_into_bank(t[0], t[1], t[2], 0.5f); },
       {DType::kF32, DType::kF32, DType::kI32}},
  };
}

std::vector<Function> other_functions() {
  return {
      {"softmax_cross_entropy",
       {kMatrix, {2}},
       [](const Tensors& t) { softmax_cross_entropy(t[0], t[1]); },
       {DType::kF32, DType::kI32}},
      {"softmax_cross_entropy_soft",
       {kMatrix, kMatrix},
       [](const Tensors& t) { softmax_cross_entropy_soft(t[0], t[1]); }},
      unary("log_softmax", log_softmax),
      unary("softmax", softmax),
      {"kl_divergence", {kMatrix, kMatrix}, [](const Tensors& t) { kl_divergence(t[0], t[1]); }},
      {"distillation_losses",
       {kMatrix, kMatrix, {2}},
       [](const Tensors& t) { distillation_losses(t[0], t[1], t[2]); },
       {DType::kF32, DType::kF32, DType::kI32}},
      binary("mse", mse),
      {"one_hot", {{2}}, [](const Tensors& t) { one_hot(t[0], 3); }, {DType::kI32}},
      {"matmul", {kMatrix, {3, 4}}, [](const Tensors& t) { matmul(t[0], t[1]); }},
      {"batched_matmul", {{2, 2, 3}, {2, 3, 4}}, [](const Tensors& t) { batched_matmul(t[0], t[1]); }},
      {"linear", {kMatrix, {4, 3}, {4}}, [](const Tensors& t) { linear(t[0], t[1], t[2]); }},
      {"head_residual", {kMatrix, kMatrix}, [](const Tensors& t) { head_residual(t[0], t[1]); }},
      {"residual_cosine",
       {kMatrix, kMatrix, kMatrix, kMatrix, kMatrix, kMatrix, {3, 3}, {3, 3}, {3, 3}},
       [](const Tensors& t) {
         residual_cosine({t[0], t[1], t[2]}, {t[3], t[4], t[5]}, {t[6], t[7], t[8]}, 1e-8f);
       }},
      {"shifted_concat",
       {kMatrix, kMatrix, {2, 4}, {4, 3}, {1}},
       [](const Tensors& t) { shifted_concat(t[0], t[1], t[2], t[3], t[4], 1, 1e-8f); }},
      {"linear_relu", {kMatrix, {4, 3}, {4}}, [](const Tensors& t) { linear_relu(t[0], t[1], t[2]); }},
      {"index_select",
       {kMatrix, {2}},
       [](const Tensors& t) { index_select(t[0], 1, t[1]); },
       {DType::kF32, DType::kI32}},
      {"index_add", {kMatrix, {3}}, [](const Tensors& t) { index_add(t[0], 1, t[1], 4); }, {DType::kF32, DType::kI32}},
      {"select_known",
       {kMatrix, {2}},
       [](const Tensors& t) { select_known(t[0], 1, t[1]); },
       {DType::kF32, DType::kI32}},
      {"add_known", {kMatrix, {2}}, [](const Tensors& t) { add_known(t[0], t[1], 4); }, {DType::kF32, DType::kI32}},
      {"dropout",
       {kMatrix},
       [](const Tensors& t) {
         Generator generator(1);
         dropout(t[0], 0.5, generator);
       }},
      {"fill_uniform",
       {kMatrix},
       [](const Tensors& t) {
         Generator generator(1);
         fill_uniform(t[0], generator, 0, 1);
       }},
      {"fill_normal",
       {kMatrix},
       [](const Tensors& t) {
         Generator generator(1);
         fill_normal(t[0], generator, 0, 1);
       }},
      {"sgd_step",
       {kMatrix, kMatrix, kMatrix, {}, {}},
       [](const Tensors& t) {
         Tensors momentum = {t[2]};
         sgd_step({t[0]}, {t[1]}, momentum, {.device_lr = t[3], .momentum = 0.9f}, t[4]);
       }},
      {"adam_step",
       {kMatrix, kMatrix, kMatrix, kMatrix, {1}, {}, {}},
       [](const Tensors& t) {
         std::vector<AdamState> state = {{t[2], t[3], t[4]}};
         adam_step({t[0]}, {t[1]}, state, {.device_lr = t[5]}, t[6]);
       },
       {DType::kF32, DType::kF32, DType::kF32, DType::kF32, DType::kI32, DType::kF32, DType::kF32}},
      {"ema_step", {kMatrix, kMatrix}, [](const Tensors& t) { ema_step({t[0]}, {t[1]}, 0.9); }},
      {"keep_best_step",
       {kMatrix, kMatrix, {}, {}},
       [](const Tensors& t) { keep_best_step({t[0]}, {t[1]}, t[2], t[3]); }},
      {"grad_norm", {kMatrix, kMatrix}, [](const Tensors& t) { grad_norm(t, 1); }},
      {"items", {{}, {1}}, [](const Tensors& t) { items(t); }},
      {"save_tensors",
       {kMatrix},
       [](const Tensors& t) {
         io::save_tensors(std::filesystem::path(::testing::TempDir()) / "bad_arguments.safetensors", {{"x", t[0]}});
       }},
      {"load_tensors", {}, [](const Tensors&) { io::load_tensors(::testing::TempDir() + "no such file"); }},
      {"backward", {{}}, [](const Tensors& t) { backward(t[0]); }},
      {"backward",
       {kMatrix, kMatrix},
       [](const Tensors& t) {
         Tensor leaf = t[0].clone();
         leaf.set_requires_grad();
         backward(square(leaf), {.grad_outputs = {t[1]}});
       }},
      {"grad",
       {kMatrix, {}},
       [](const Tensors& t) {
         Tensor leaf = t[0].clone();
         leaf.set_requires_grad();
         grad({sum(leaf)}, {leaf}, {.grad_outputs = {t[1]}});
         grad({sum(leaf)}, {t[1]});
       }},
  };
}

/// Members of Tensor.
std::vector<Function> members() {
  return {
      {"shape", {kMatrix}, [](const Tensors& t) { t[0].shape(); }},
      {"rank", {kMatrix}, [](const Tensors& t) { t[0].rank(); }},
      {"dim", {kMatrix}, [](const Tensors& t) { t[0].dim(-2); }},
      {"numel", {kMatrix}, [](const Tensors& t) { t[0].numel(); }},
      {"dtype", {kMatrix}, [](const Tensors& t) { t[0].dtype(); }},
      {"device", {kMatrix}, [](const Tensors& t) { t[0].device(); }},
      {"layout", {kMatrix}, [](const Tensors& t) { t[0].layout(); }},
      {"strides", {kMatrix}, [](const Tensors& t) { t[0].strides(); }},
      {"is_contiguous", {kMatrix}, [](const Tensors& t) { t[0].is_contiguous(); }},
      {"is_dense", {kMatrix}, [](const Tensors& t) { t[0].is_dense(); }},
      {"activation", {kImages}, [](const Tensors& t) { t[0].activation(); }},
      {"data", {kMatrix}, [](const Tensors& t) { t[0].data<float>(); }},
      {"raw_data", {kMatrix}, [](const Tensors& t) { t[0].raw_data(); }},
      {"storage", {kMatrix}, [](const Tensors& t) { t[0].storage(); }},
      {"bump_version", {kMatrix}, [](const Tensors& t) { t[0].bump_version(); }},
      {"item", {{}}, [](const Tensors& t) { t[0].item(); }},
      {"to_vector", {kMatrix}, [](const Tensors& t) { t[0].to_vector(); }},
      {"to_int_vector", {kMatrix}, [](const Tensors& t) { t[0].to_int_vector(); }, {DType::kI32}},
      {"defined", {kMatrix}, [](const Tensors& t) { t[0].defined(); }},
      {"requires_grad", {kMatrix}, [](const Tensors& t) { t[0].requires_grad(); }},
      {"set_requires_grad", {kMatrix}, [](const Tensors& t) { Tensor(t[0]).set_requires_grad(); }},
      {"is_leaf", {kMatrix}, [](const Tensors& t) { t[0].is_leaf(); }},
      {"grad", {kMatrix}, [](const Tensors& t) { t[0].grad(); }},
      {"set_grad", {kMatrix, kMatrix}, [](const Tensors& t) { Tensor(t[0]).set_grad(t[1]); }},
      {"detach", {kMatrix}, [](const Tensors& t) { t[0].detach(); }},
      {"contiguous", {kMatrix}, [](const Tensors& t) { t[0].contiguous(); }},
      {"blocked", {{2, 16, 3, 3}}, [](const Tensors& t) { t[0].blocked(); }},
      {"clone", {kMatrix}, [](const Tensors& t) { t[0].clone(); }},
      {"to", {kMatrix}, [](const Tensors& t) { t[0].to(Device{}); }},
      {"describe", {kMatrix}, [](const Tensors& t) { t[0].describe(); }},
      {"is_same", {kMatrix, kMatrix}, [](const Tensors& t) { t[0].is_same(t[1]); }},
      {"owns_data_alone", {kMatrix}, [](const Tensors& t) { t[0].owns_data_alone(); }},
      {"alias",
       {kMatrix},
       [](const Tensors& t) {
         t[0].alias({kHuge, kHuge}, {0, 0}, 0);
       }},
      {"empty", {}, [](const Tensors&) { Tensor::empty({-1}); }},
      {"full", {}, [](const Tensors&) { Tensor::full({-1}, 1); }},
      {"zeros", {}, [](const Tensors&) { Tensor::zeros({-1}); }},
      {"ones", {}, [](const Tensors&) { Tensor::ones({-1}); }},
      {"from",
       {},
       [](const Tensors&) {
         Tensor::from(std::vector<float>{1, 2}, {3});
       }},
      {"scalar", {}, [](const Tensors&) { Tensor::scalar(1).to_vector(); }},
  };
}

/// Devices beside the CPU that this build has.
std::vector<Device> other_devices() {
  std::vector<Device> all;
  for (const DeviceKind& kind : list_devices())
    if (kind.type == DeviceType::kEmu && !kind.devices.empty()) all.push_back(kind.devices[0]);
  return all;
}

void try_all(const std::vector<Function>& functions) {
  const std::vector<Device> devices = other_devices();
  for (const Function& f : functions) {
    const auto dtype = [&f](std::size_t i) { return f.dtypes.empty() ? DType::kF32 : f.dtypes[i]; };
    Tensors good;
    for (std::size_t i = 0; i < f.shapes.size(); ++i) good.push_back(make(f.shapes[i], dtype(i)));
    call(std::string(f.name) + " with what fits", [&] { f.call(good); });
    for (std::size_t i = 0; i < good.size(); ++i) {
      const auto with = [&](const Tensor& other) {
        Tensors changed = good;
        changed[i] = other;
        return call(std::string(f.name) + " with argument " + std::to_string(i) + " " + other.describe(),
                    [&] { f.call(changed); });
      };
      for (const Tensor& other : substitutes(f.shapes[i], dtype(i))) with(other);
      for (const Device& device : devices) {
        const bool took = with(make(f.shapes[i], dtype(i), device));
        EXPECT_FALSE(took && good.size() > 1 && f.name != std::string("is_same"))
            << f.name << " took tensors of two devices, argument " << i;
      }
    }
  }
}

TEST(BadArguments, Elementwise) {
  try_all(elementwise_functions());
}
TEST(BadArguments, LayoutAndReductions) {
  try_all(layout_functions());
}
TEST(BadArguments, Images) {
  try_all(image_functions());
}
TEST(BadArguments, LossesStepsAndFiles) {
  try_all(other_functions());
}
TEST(BadArguments, Members) {
  try_all(members());
}

TEST(BadArguments, UndefinedTensorsAreRefusedByMembers) {
  const Tensor none;
  for (const Function& f : members()) {
    const std::string name = f.name;
    if (f.shapes.size() != 1 || name == "defined" || name == "requires_grad" || name == "describe") continue;
    EXPECT_FALSE(call(name, [&] { f.call({none}); })) << name;
  }
}

/// Numbers that are out of range must be refused, whatever their size.
TEST(BadArguments, NumbersOutOfRangeAreRefused) {
  Generator generator(1);
  const Tensor images = Tensor::ones(kImages), matrix = Tensor::ones(kMatrix), weight = Tensor::ones({4, 3, 3, 3});
  const Tensor index = Tensor::from(std::vector<std::int32_t>{0, 1, 2}, {3});
  Tensors momentum;
  const std::pair<const char*, std::function<void()>> calls[] = {
      {"empty",
       [] {
         Tensor::empty({(dim_t{1} << 62) + 1, 4});
       }},
      {"empty of zero and huge",
       [] {
         Tensor::empty({0, kHuge, kHuge});
       }},
      {"empty beyond any memory", [] { Tensor::empty({dim_t{1} << 46}); }},
      {"empty of seven axes",
       [] {
         Tensor::empty({1, 1, 1, 1, 1, 1, 1});
       }},
      {"full", [] { Tensor::full({kHuge}, 1); }},
      {"from",
       [] {
         Tensor::from(std::vector<float>{}, {kHuge, 2});
       }},
      {"reshape",
       [&] {
         reshape(matrix, {(dim_t{1} << 62) + 1, 4});
       }},
      {"reshape of an unknown extent",
       [&] {
         reshape(matrix, {-1, kHuge, 2});
       }},
      {"reshape of two",
       [&] {
         reshape(matrix, {-1, -1});
       }},
      {"reshape to seven axes",
       [&] {
         reshape(matrix, {1, 1, 1, 1, 1, 2, 3});
       }},
      {"expand",
       [] {
         expand(Tensor::ones({1, 1}), {dim_t{1} << 40, dim_t{1} << 40});
       }},
      {"expand to seven axes",
       [&] {
         expand(matrix, {1, 1, 1, 1, 1, 2, 3});
       }},
      {"slice", [&] { slice(matrix, 1, 0, kHuge); }},
      {"unslice behind the end",
       [&] {
         unslice(matrix, {2, 4}, 1, 2, 5);
       }},
      {"unslice of another extent",
       [&] {
         unslice(matrix, {2, 8}, 1, 0, 2);
       }},
      {"unslice huge",
       [&] {
         unslice(matrix, {2, kHuge}, 1, 0, 3);
       }},
      {"pad",
       [&] {
         pad(images, {kHuge, 1, 0, 0});
       }},
      {"pad to nothing",
       [&] {
         pad(images, {-kHuge, -kHuge, 0, 0});
       }},
      {"upsample_nearest", [&] { upsample_nearest(images, dim_t{1} << 31); }},
      {"upsample_nearest huge", [&] { upsample_nearest(images, kHuge); }},
      {"max_pool2d", [&] { max_pool2d(images, {.kernel = kHuge, .padding = kHuge / 2}); }},
      {"avg_pool2d", [&] { avg_pool2d(images, {.kernel = 2, .stride = kHuge, .padding = kHuge}); }},
      {"conv2d", [&] { conv2d(images, weight, {}, {.padding = kHuge}); }},
      {"conv2d groups", [&] { conv2d(images, weight, {}, {.groups = kHuge}); }},
      {"conv2d_data_gradient",
       [&] {
         conv2d_data_gradient(images, weight, {-2, 3, 4, 4});
       }},
      {"conv2d_data_gradient of another gy", [&] { conv2d_data_gradient(images, weight, kImages); }},
      {"conv2d_weight_gradient",
       [&] {
         conv2d_weight_gradient(images, Tensor::ones({1, 4, 2, 2}), {4, 3, 3, 3});
       }},
      {"crop_images",
       [&] {
         crop_images(images, Tensor::from(std::vector<std::int32_t>(4), {2, 2}), kHuge, 1);
       }},
      {"random_crop", [&] { random_crop(images, dim_t{1} << 31, generator); }},
      {"index_add", [&] { index_add(matrix, 1, index, -1); }},
      {"index_add huge", [&] { index_add(matrix, 1, index, kHuge); }},
      {"one_hot", [&] { one_hot(index, -1); }},
      {"one_hot huge", [&] { one_hot(index, kHuge); }},
      {"sum_to",
       [&] {
         sum_to(matrix, {2, 2, 3});
       }},
      {"var", [&] { var(matrix, {0}, false, 2); }},
      {"uniform", [&] { uniform({kHuge}, generator); }},
      {"normal", [&] { normal({kHuge}, generator); }},
      {"bernoulli", [&] { bernoulli({3}, generator, 2); }},
      {"random_integers", [&] { random_integers({3}, generator, 1, 1); }},
      {"dropout", [&] { dropout(matrix, 1, generator); }},
      {"sgd_step of other lists", [&] { sgd_step({matrix}, {}, momentum, {}); }},
      {"set_grad", [&] { Tensor(matrix).set_grad(images); }},
      {"dim", [&] { matrix.dim(2); }},
      {"permute",
       [&] {
         permute(matrix, {0, 0});
       }},
      {"permute out of range",
       [&] {
         permute(matrix, {0, std::numeric_limits<int>::min()});
       }},
  };
  for (const auto& [name, body] : calls) EXPECT_FALSE(call(name, body)) << name;
}

}  // namespace
}  // namespace engram
