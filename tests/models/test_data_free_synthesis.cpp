/// The first rounds of the methods that make batches of images, against the released programs in float64
/// (tests/golden/adi_, deepinv_, cmi_, fast_, nayer_trajectory.json), with the recorded crops, boxes and flips.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/autograd.h"
#include "engine/compute_mode.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/data_free/data_free_task.h"
#include "models/methods/data_free/image_pool.h"
#include "models/methods/inversion/adaptive_inversion.h"
#include "models/methods/inversion/contrastive_inversion.h"
#include "models/methods/inversion/label_inversion.h"
#include "models/methods/inversion/meta_inversion.h"
#include "models/methods/inversion/pyramid_maps.h"
#include "models/methods/inversion/synthetic_images.h"
#include "models/nets/make_network.h"
#include "tests/support/data_free_replay_test.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/golden_tensor.h"
#include "tests/support/named_formula.h"

namespace engram::testing {
namespace {

using nlohmann::json;

constexpr int kPadding = 4;  // what recorded offsets start from

std::vector<CropDraw> crops(const json& rows) {
  std::vector<CropDraw> draws;
  for (const json& row : rows)
    draws.push_back({row[0].get<int>() - kPadding, row[1].get<int>() - kPadding, row[2] == 1});
  return draws;
}

std::vector<BoxDraw> boxes(const json& rows) {
  std::vector<BoxDraw> draws;
  for (const json& row : rows) draws.push_back({row[0], row[1], row[2], row[3], row[4] == 1});
  return draws;
}

class Synthesised : public DataFreeReplay {
 protected:
  void networks(const std::string& prefix, const std::string& teacher, const std::string& student, int classes) {
    DataFreeReplay::networks(prefix, teacher, student, classes);
    student_->eval();
  }
  InversionSetup setup(dim_t iterations) {
    return {.classifier = *teacher_,
            .student = student_.get(),
            .normalization = replay_normalization(data_),
            .batch_size = batch_,
            .iterations = iterations};
  }
  Tensor noise(const std::string& name, dim_t values) const { return DataFreeReplay::noise(name, {batch_, values}); }

  /// The terms of an iteration, numbered through the rounds.
  void expect_terms(Inversion& inversion, const json& iteration,
                    const std::vector<std::pair<const char*, const char*>>& names, std::size_t step) {
    for (const auto& [name, member] : names)
      expect_relative(meter(inversion, name), iteration[member], limits_.of(name, step),
                      message(name, " in step ", step), 1e-3);
  }
  void expect_png(const Tensor& images, const json& png) {
    const std::vector<std::uint8_t> bytes = to_pixels(images, PixelScaling::kUnit, {});
    const std::size_t image = bytes.size() / std::size_t(images.dim(0));
    ASSERT_EQ(images.dim(0), png["count"].get<dim_t>());
    for (std::size_t i = 0; i < png["byte_sum"].size(); ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < image; ++j) sum += bytes[i * image + j];
      // A value on a step between two bytes may fall to either side.
      expect_relative(sum, png["byte_sum"][i], 1e-3, message("bytes of image ", i));
    }
    for (std::size_t i = 0; i < png["first12"].size(); ++i)
      for (std::size_t j = 0; j < png["first12"][i].size(); ++j)
        EXPECT_NEAR(bytes[i * image + j], png["first12"][i][j].get<int>(), 1) << "image " << i << " byte " << j;
  }
};

TEST_F(Synthesised, AdaptiveDeepInversionFollowsTheReleasedProgram) {
  read("adi_trajectory.json");
  const json &s = data_["settings"], &iterations = data_["iterations"];
  networks("adi", arch_in(data_["names"]), arch_in(data_["names"]), int(iterations[0]["outputs_row0"].size()));
  AdaptiveInversion inversion(setup(dim_t(iterations.size())),
                              {.bn = s["bn"], .adv = s["adi"], .tv = s["tv"], .l2 = s["l2"], .lr = s["lr"]});
  inversion.set_labels(data_["labels"]);
  inversion.set_pixels(replay_noise("adi.x", seed_, inversion.pixels().shape()));
  for (std::size_t i = 0; i < iterations.size(); ++i) {
    expect_summary(inversion.pixels(), iterations[i]["inputs"], limits_.of("pixels", i), "pixels");
    const json& jitter = iterations[i]["jitter"];
    inversion.stage_move({jitter[0], jitter[1], false});
    inversion.issue();
    expect_terms(inversion, iterations[i],
                 {{"loss/total", "loss"},
                  {"loss/ce", "ce"},
                  {"loss/bn", "bn"},
                  {"loss/competition", "one_minus_js"},
                  {"loss/tv", "tv"},
                  {"loss/l2", "l2"}},
                 i);
  }
  expect_summary(inversion.result(), data_["returned"], limits_.after("images"), "result");
}

TEST_F(Synthesised, CmisDeepInversionFollowsTheReleasedProgram) {
  read("deepinv_trajectory.json");
  const json &s = data_["settings"], &iterations = data_["iterations"];
  networks("deepinv", arch_in(data_["teacher"]), arch_in(data_["student"]), data_["classes"]);
  AdaptiveInversion inversion(setup(dim_t(iterations.size())), {.bn = s["bn"],
                                                                .oh = s["oh"],
                                                                .adv = s["adv"],
                                                                .tv = s["tv"],
                                                                .l2 = s["l2"],
                                                                .lr = s["lr"],
                                                                .beta1 = s["betas"][0],
                                                                .beta2 = s["betas"][1],
                                                                .shift = 4,
                                                                .flip = true,
                                                                .bounded = true});
  inversion.set_labels(data_["labels"]);
  inversion.set_pixels(replay_noise("deepinv.x", seed_, inversion.pixels().shape()));
  for (std::size_t i = 0; i < iterations.size(); ++i) {
    expect_summary(inversion.pixels(), iterations[i]["inputs"], limits_.of("pixels", i), "pixels");
    const json& jitter = iterations[i]["jitter"];
    inversion.stage_move({jitter[0], jitter[1], jitter[2].get<double>() > 0.5});
    inversion.issue();
    expect_terms(inversion, iterations[i],
                 {{"loss/total", "loss"},
                  {"loss/ce", "loss_oh"},
                  {"loss/bn", "loss_bn"},
                  {"loss/competition", "loss_adv"},
                  {"loss/tv", "loss_tv"},
                  {"loss/l2", "loss_l2"}},
                 i);
  }
  expect_summary(inversion.result(), data_["returned"], limits_.after("images"), "result");
  expect_png(inversion.result(), data_["png"]);
}

TEST_F(Synthesised, ContrastiveInversionFollowsTheReleasedProgram) {
  read("cmi_trajectory.json");
  limits_ = ReplayLimits({{"loss/contrast", {0, 0, 0, 0, 0, 0, 2.3e-3, 3.4e-3, 4.9e-3}},
                          {"grad/student", {0, 7.8e-4, 2.0e-3}},
                          {"logits", {6.5e-4}}});
  const json &s = data_["settings"], &rounds = data_["rounds"];
  expect_followed("cmi", [&] {
    networks("cmi", arch_in(data_["teacher"]), arch_in(data_["student"]), data_["classes"]);
    const dim_t latent = s["nz"];
    ContrastiveInversion inversion(setup(dim_t(rounds[0]["iterations"].size())), {.bn = s["bn"],
                                                                                  .oh = s["oh"],
                                                                                  .adv = s["adv"],
                                                                                  .cr = s["cr"],
                                                                                  .temperature = s["tau"],
                                                                                  .lr = s["lr_g"],
                                                                                  .latent = latent,
                                                                                  .head = s["head_dim"],
                                                                                  .bank = s["bank_size"],
                                                                                  .negatives = s["n_neg"],
                                                                                  .released_bank = true});
    EXPECT_EQ(inversion.feature_values(), data_["feature_dim"].get<dim_t>());
    fill_by_formula(inversion.head(), "cmi.head.", seed_);
    std::vector<Tensor> stored;
    std::size_t step = 0;
    for (std::size_t r = 0; r < rounds.size(); ++r) {
      SCOPED_TRACE(message("round ", r));
      const json& round = rounds[r];
      if (r > 0) inversion.next_batch(dim_t(r));
      copy_into(inversion.latents(), noise(message("cmi.z", r), latent));
      fill_as_constructed(inversion.generator(), message("cmi.generator", r), seed_);
      inversion.set_labels(round["labels"]);
      for (std::size_t i = 0; i < round["iterations"].size(); ++i) {
        inversion.stage(dim_t(i));
        inversion.stage_crops(crops(round["draws"][i][0]));
        inversion.stage_boxes(boxes(round["draws"][i][1]));
        if (!round["bank_index"][i].empty()) inversion.stage_cached(round["bank_index"][i]);
        inversion.issue();
        inversion.finish(dim_t(i));
        expect_terms(inversion, round["iterations"][i],
                     {{"loss/total", "loss"},
                      {"loss/ce", "oh"},
                      {"loss/bn", "bn"},
                      {"loss/adversarial", "adv"},
                      {"loss/contrast", "cr"}},
                     step++);
        if (missed()) return;
      }
      expect_norm(inversion.result(), round["best_inputs"], limits_.after("images", r), "images");
      expect_norm(inversion.latents(), round["z_after"], limits_.after("noise", r), "noise");
      expect_state(inversion.generator(), round["generator_after"], limits_, "generator.", r);
      json head_after;
      for (const auto& [name, summary] : round["head_after"].items())
        head_after[name.starts_with("head.") ? name : "head." + name] = summary;
      expect_state(inversion.head(), head_after, limits_, "", r);
      expect_png(inversion.result(), round["png"]);
      stored.push_back(inversion.result());
    }

    // Two steps of a student on the stored images of one round each, in order.
    const json &kd = data_["kd"], &settings = s["kd"];
    Optimizer optimizer(student_->named_parameters(), student_sgd(settings["weight_decay"]));
    const ImageShape& image = student_->image();
    const Normalization constants = replay_normalization(data_);
    for (std::size_t i = 0; i < kd["steps"].size(); ++i) {
      ImagePool pool(batch_, batch_, image, constants, 1, {});
      pool.add(stored[i]);
      pool.stage(0);
      student_->train();
      const Tensor x = pool.gather(), answers = teacher_->logits_inference(x);
      const float t = settings["T"];
      const Tensor loss = kl_divergence(student_->forward(x), answers, t, t * t);
      const std::vector<Tensor> gradients = grad({loss}, student_->parameters());
      expect_relative(double(loss.item()), kd["steps"][i]["loss"], limits_.of("loss/student", i + 1),
                      message("student's loss ", i));
      expect_relative(double(grad_norm(gradients, 1).norm.item()), kd["steps"][i]["grad_norm_student"],
                      limits_.of("grad/student", i + 1), message("student's gradient ", i));
      optimizer.step(gradients, settings["lr"].get<float>());
      if (missed()) return;
    }
    expect_student(*student_, kd["student_after"], seed_, limits_);
  });
}

TEST_F(Synthesised, MetaInversionFollowsTheReleasedProgram) {
  read("fast_trajectory.json");
  const json& s = data_["settings"];
  const std::map<std::string, ReplayLimits> limits = {
      {"maml", ReplayLimits({{"loss/total", {0, 0, 0, 0, 0, 9.6e-4, 9.6e-4, 1.5e-3}},
                             {"loss/bn", {0, 0, 0, 0, 0, 9.6e-4, 9.6e-4, 1.5e-3}},
                             {"loss/ce", {0, 0, 4.3e-4, 3.8e-3, 3.8e-3, 4.4e-3, 4.4e-3, 1.6e-2}},
                             {"grad/generator", {0, 7.9e-4, 9.6e-3, 3.8e-2, 4.6e-2, 6.2e-2}},
                             {"grad/meta", {4.2e-4, 5.2e-2, 6.8e-2}},
                             {"images", {0, 9.9e-4, 3.8e-3}},
                             {"noise", {0, 0, 4.0e-4, 5.3e-4}},
                             {"generator.l1.0.weight", {0, 0, 0, 7.3e-4}},
                             {"generator.l1.0.bias", {4.0e-4, 7.4e-4, 1.2e-3, 8.6e-3}},
                             {"generator.conv_blocks.0.weight", {0, 0, 0, 1.6e-2}},
                             {"generator.conv_blocks.9.bias", {0, 2.0e-2}},
                             {"fast.conv_blocks.9.bias", {0, 4.5e-2, 1.0e-1}},
                             {"average mean", {0, 6.2e-3, 9.5e-3, 1.0e-2}},
                             {"average variance", {0, 4.9e-3, 4.9e-3, 6.2e-3}}})},
      {"reptile", ReplayLimits({{"loss/ce", {0, 0, 0, 4.3e-4}},
                                {"grad/generator", {0, 7.9e-4, 7.9e-4, 3.5e-3}},
                                {"generator.conv_blocks.9.bias", {0, 1.2e-3}},
                                {"fast.conv_blocks.9.bias", {0, 7.2e-4}},
                                {"average variance", {0, 3.6e-4}}})}};
  int kinds = 0;
  for (const auto& [kind, rounds] : data_.items()) {
    if (!rounds.is_array() || !rounds[0].is_object()) continue;
    SCOPED_TRACE(kind);
    ASSERT_TRUE(limits.contains(kind)) << "no meta-learning that is " << kind;
    limits_ = limits.at(kind);
    ++kinds;
    const dim_t latent = shape_of(rounds[0]["z_after"])[1], warmup = s["warmup"];
    networks("fast", arch_in(data_["teacher"]), arch_in(data_["student"]),
             int(rounds[0]["iterations"][0]["t_out_row0"].size()));
    MetaInversion inversion(setup(s["iterations"]), {.bn = s["bn"],
                                                     .oh = s["oh"],
                                                     .adv = s["adv"],
                                                     .lr = s["lr_g"],
                                                     .lr_z = s["lr_z"],
                                                     .latent = latent,
                                                     .momentum = s["bn_mmt"],
                                                     .warmup = warmup,
                                                     .reset_first = s["reset_l0"] == 1,
                                                     .reptile = kind == "reptile",
                                                     .reptile_scale = s["reptile_alpha"]});
    fill_as_constructed(inversion.generator(), "fast.generator", seed_);
    std::size_t step = 0;
    for (std::size_t r = 0; r < rounds.size(); ++r) {
      SCOPED_TRACE(message("round ", r));
      const json& round = rounds[r];
      const dim_t call = round["ep"];  // counted from 1
      if (r > 0) inversion.next_batch(call - 1);
      if (call == 120 + warmup)
        for (const NamedTensor& named : inversion.generator().named_parameters())
          if (named.name.starts_with("l1.0.w") || named.name.starts_with("conv_blocks.0.w"))
            copy_into(named.tensor, Tensor::from(formula_between("fast.reset." + named.name, seed_,
                                                                 named.tensor.numel(), -0.03, 0.03),
                                                 named.tensor.shape()));
      inversion.restart();
      copy_into(inversion.latents(), noise(message("fast.z", r), latent));
      inversion.set_labels(round["labels"]);
      for (std::size_t i = 0; i < round["iterations"].size(); ++i) {
        inversion.stage(dim_t(i));
        inversion.stage_crops(crops(round["draws"][i]));
        inversion.issue();
        inversion.finish(dim_t(i));
        expect_terms(inversion, round["iterations"][i],
                     {{"loss/total", "loss"},
                      {"loss/ce", "oh"},
                      {"loss/bn", "bn"},
                      {"loss/adversarial", "adv"},
                      {"grad/generator", "grad_fast_generator"}},
                     step++);
      }
      expect_relative(meter(inversion, "grad/meta"), round["meta_grad_norm"], limits_.after("grad/meta", r),
                      "meta gradient");
      expect_norm(inversion.result(), round["best_inputs"], limits_.after("images", r), "images");
      expect_norm(inversion.latents(), round["z_after"], limits_.after("noise", r), "noise");
      expect_state(inversion.generator(), round["generator_after"], limits_, "generator.", r);
      expect_state(inversion.fast_generator(), round["fast_generator_after"], limits_, "fast.", r);
      const std::size_t last = batch_norms(*teacher_).size() - 1;
      const auto start = [](const Tensor& x, const json& values) {
        return slice(x, 0, 0, dim_t(values.size())).contiguous();
      };
      expect_list(start(inversion.averages().mean(0), round["first_hook_mean_mmt"]), round["first_hook_mean_mmt"],
                  limits_.after("average mean", r), "average mean", 1);
      expect_list(start(inversion.averages().variance(last), round["last_hook_var_mmt"]), round["last_hook_var_mmt"],
                  limits_.after("average variance", r), "average variance", 1);
    }
  }
  EXPECT_GT(kinds, 0);
}

TEST_F(Synthesised, LabelInversionFollowsTheReleasedProgram) {
  read("nayer_trajectory.json");
  limits_ = ReplayLimits({{"loss/ce", {0, 0, 0, 0, 0, 4.5e-4}},
                          {"grad/generator", {0, 0, 0, 2.5e-3, 6.7e-3, 3.2e-2}},
                          {"generator.le1.1.bias", {3.7e-3, 3.7e-3, 2.1e-2}},
                          {"generator.conv_blocks.9.bias", {0, 0, 2.2e-3}}});
  const json &s = data_["settings"], &rounds = data_["rounds"];
  const int classes = int(rounds[0]["iterations"][0]["t_out_row0"].size());
  networks("nayer", arch_in(data_["teacher"]), arch_in(data_["student"]), classes);
  const dim_t latent = s["le_emb_size"], embedding = s["le_size"];
  LabelInversion inversion(setup(s["g_steps"]), {.bn = s["bn"],
                                                 .oh = s["oh"],
                                                 .adv = s["adv"],
                                                 .lr = s["lr_g"],
                                                 .latent = latent,
                                                 .embedding = embedding,
                                                 .momentum = s["bn_mmt"],
                                                 .warmup = s["warmup"],
                                                 .life = s["g_life"],
                                                 .loops = s["g_loops"],
                                                 .warmup_loops = s["gwp_loops"]});
  copy_into(inversion.embedding(), replay_noise("nayer.label_embedding", seed_, {classes, embedding}));
  dim_t generators = 0;
  std::size_t step = 0;
  for (std::size_t r = 0; r < rounds.size(); ++r) {
    SCOPED_TRACE(message("round ", r));
    const json& round = rounds[r];
    if (r > 0) inversion.next_batch(dim_t(r));
    EXPECT_EQ(inversion.epoch_of(dim_t(r)), round["ep"].get<dim_t>());
    if (inversion.makes_generator(dim_t(r)))
      fill_as_constructed(inversion.generator(), message("nayer.generator", generators++), seed_);
    EXPECT_EQ(generators, round["generators_made"].get<dim_t>());
    const auto& layers = inversion.generator().noisy_layers();
    for (std::size_t i = 0; i < layers.size(); ++i) {
      copy_into(layers[i]->weight,
                replay_noise(message("nayer.noisy", r, ".", i, ".weight"), seed_, layers[i]->weight.shape()));
      copy_into(layers[i]->bias, Tensor::zeros(layers[i]->bias.shape()));
    }
    inversion.set_labels(round["labels"]);
    for (std::size_t i = 0; i < round["iterations"].size(); ++i) {
      inversion.stage(dim_t(i));
      inversion.stage_crops(crops(round["draws"][i]));
      inversion.issue();
      inversion.finish(dim_t(i));
      expect_terms(inversion, round["iterations"][i],
                   {{"loss/total", "loss"},
                    {"loss/ce", "oh"},
                    {"loss/bn", "bn"},
                    {"loss/adversarial", "adv"},
                    {"grad/generator", "grad_generator"}},
                   step++);
    }
    expect_norm(inversion.result(), round["best_inputs"], limits_.after("images", r), "images");
    expect_state(inversion.generator(), round["generator_after"], limits_, "generator.", r);
  }
}

TEST(ImageViews, ABoxIsInterpolatedBetweenItsCornersAndMirrored) {
  const ImageShape image{2, 5, 4};
  const Tensor x = Tensor::from(formula_between("views", 1, 2 * image.count(), -1, 1), {2, 2, 5, 4});
  StagedBoxes boxes(2, image, {});
  const std::vector<BoxDraw> draws = {{0, 0, 5, 4, false}, {1, 1, 3, 2, true}};
  boxes.stage(draws);
  const Tensor y = boxes.apply(x);
  const std::vector<float> got = y.to_vector(), from = x.to_vector();
  for (std::size_t n = 0; n < 2; ++n)
    for (dim_t c = 0; c < 2; ++c)
      for (dim_t i = 0; i < 5; ++i)
        for (dim_t j = 0; j < 4; ++j) {
          const BoxDraw& box = draws[n];
          const dim_t column = box.flip ? 3 - j : j;
          const double top = box.top + double(i * (box.height - 1)) / 4,
                       left = box.left + double(column * (box.width - 1)) / 3;
          const auto at = [&](dim_t r, dim_t k) {
            return double(
                from[std::size_t(((dim_t(n) * 2 + c) * 5 + std::min<dim_t>(r, 4)) * 4 + std::min<dim_t>(k, 3))]);
          };
          const dim_t r = dim_t(top), k = dim_t(left);
          const double fr = top - double(r), fk = left - double(k);
          const double expected = (1 - fr) * ((1 - fk) * at(r, k) + fk * at(r, k + 1)) +
                                  fr * ((1 - fk) * at(r + 1, k) + fk * at(r + 1, k + 1));
          EXPECT_NEAR(double(got[std::size_t(((dim_t(n) * 2 + c) * 5 + i) * 4 + j)]), expected, 1e-6);
        }
  EXPECT_ERROR(boxes.stage({{0, 0, 6, 4, false}, {}}), UsageError, "within 5x4");
  EXPECT_ERROR(boxes.stage({{0, 0, 5, 4, false}}), ShapeError, "for 2 images, got 1");
}

TEST(ImageViews, DrawsLieWithinTheirLimits) {
  Generator random(3);
  const ImageShape image{3, 32, 24};
  for (const BoxDraw& box : draw_boxes(200, 0.25, image, random)) {
    EXPECT_GE(box.top, 0);
    EXPECT_GE(box.left, 0);
    EXPECT_LE(box.top + box.height, 32);
    EXPECT_LE(box.left + box.width, 24);
    EXPECT_GE(box.height * box.width, int(0.25 * 32 * 24) - 32);
  }
  for (const CropDraw& crop : draw_crops(200, 4, random)) {
    EXPECT_LE(std::abs(crop.dy), 4);
    EXPECT_LE(std::abs(crop.dx), 4);
  }
}

TEST(ImagePool, AWalkTakesEveryImageOnce) {
  ImagePool pool(4, 2, {1, 1, 1}, {{0}, {1}}, 5, {});
  EXPECT_ERROR(pool.stage(0), UsageError, "empty pool");
  pool.add(Tensor::from(std::vector<float>{0.f, 0.2509804f, 0.5019608f, 2.f}, {4, 1, 1, 1}));
  for (int walk = 0; walk < 3; ++walk) {
    std::vector<float> seen;
    for (int batch = 0; batch < 2; ++batch) {
      pool.stage(0);
      for (const float v : pool.gather().to_vector()) seen.push_back(std::round(255 * v));
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen.back(), 255) << "limited to 1";
    EXPECT_EQ(seen.front(), 0);
    EXPECT_EQ(std::set<float>(seen.begin(), seen.end()).size(), 4u);
  }
  EXPECT_ERROR(pool.add(Tensor::zeros({1, 1, 1, 1})), UsageError, "at most 0 more images, got 1");
}

TEST(NaturalInversionTaps, EveryFamilyHasAPyramid) {
  for (const char* arch : {"resnet18-w16", "resnet20", "vgg11-w16", "vgg11-average-w16", "wrn-10-1"}) {
    SCOPED_TRACE(arch);
    const auto classifier = make_network(arch, 3);
    InversionOptions options;
    options.batch_size = 2;
    const auto inversion = start_inversion(*classifier, options, 1, 0);
    inversion->stage(0);
    inversion->issue();
    EXPECT_TRUE(std::isfinite(meter(*inversion, "loss/total")));
    const auto maps = pyramid_maps(*classifier, inversion->current_images());
    const std::vector<TapSpec> taps = pyramid_taps(*classifier);
    ASSERT_EQ(maps.size(), taps.size());
    EXPECT_EQ(taps[0].height, 32);
    for (std::size_t i = 0; i < maps.size(); ++i)
      EXPECT_EQ(maps[i].shape(), (Shape{2, taps[i].channels, taps[i].height, taps[i].width}));
  }
}

}  // namespace
}  // namespace engram::testing
