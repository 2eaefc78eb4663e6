#include "tests/support/training_tasks.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/methods/compression/recovery.h"
#include "models/methods/data_free/data_free_registry.h"
#include "models/methods/distillation/student_task.h"
#include "models/methods/inversion/inversion.h"
#include "models/methods/ood/ood_registry.h"
#include "models/nets/make_network.h"
#include "models/training/supervised.h"
#include "tests/support/bright_images.h"
#include "tests/support/given_environments.h"
#include "tests/support/toy_method.h"

namespace engram::testing {
namespace {

/// Everything that supervised training can hold, with dropout in the network.
OwnedTask supervised(const Device& device) {
  struct Parts {
    ImageDataset data = bright_images(6);
    std::unique_ptr<Network> network;
  };
  auto parts = std::make_shared<Parts>();
  parts->network = make_network("vgg11-w16", 2, {.seed = 5, .device = device});
  SupervisedOptions options;
  options.epochs = 2;
  options.batches = {.batch_size = 2, .augment = standard_augmentation(), .seed = 3};
  options.schedule = {.kind = ScheduleKind::kCosine, .base_lr = 0.01};
  options.label_smoothing = 0.1f;
  options.clip_norm = 1;
  options.ema_decay = 0.9;
  auto task = std::make_unique<SupervisedTask>(*parts->network, parts->data, options);
  return {parts, std::move(task)};
}

OwnedTask deep_inversion(const Device& device) {
  std::shared_ptr<Network> classifier = make_network("wrn-10-1", 2, {.seed = 9, .device = device});
  InversionOptions options;
  options.method = "deep-inversion";
  options.batch_size = 2;
  auto task = start_inversion(*classifier, options, 7, 0);
  return {classifier, std::move(task)};
}

/// Both terms of fine-tuning after pruning, and the sparsity before it.
OwnedTask recovery(const Device& device) {
  struct Parts {
    ImageDataset data = bright_images(6);
    std::unique_ptr<Network> network, teacher;
  };
  auto parts = std::make_shared<Parts>();
  parts->teacher = make_network("wrn-10-1", 2, {.seed = 9, .device = device});
  parts->network =
      make_network(R"({"name":"wrn","depth":10,"widen":1,"channels":[5,16,33]})", 2, {.seed = 5, .device = device});
  RecoveryOptions options;
  options.epochs = 2;
  options.batches = {.batch_size = 2, .augment = standard_augmentation(), .seed = 3};
  options.distill_weight = 3;
  options.sparsity = 1e-3f;
  auto task = std::make_unique<RecoveryTask>(*parts->network, parts->teacher.get(), parts->data, options);
  return {parts, std::move(task)};
}

/// A data-free method with few small images.
std::function<OwnedTask(const Device&)> data_free(const std::string& method) {
  return [method](const Device& device) -> OwnedTask {
    struct Parts {
      std::unique_ptr<Network> teacher, student;
    };
    auto parts = std::make_shared<Parts>();
    const ImageShape image{3, 8, 8};
    parts->teacher = make_network("wrn-10-1", 2, {.seed = 9, .device = device, .image = image});
    parts->student = make_network("wrn-10-1", 2, {.seed = 4, .device = device, .image = image});
    return {parts, make_data_free_task(method, {*parts->teacher, *parts->student, cifar_normalization(), 7})};
  };
}

/// One that makes a pool with an inversion of these settings.
std::function<OwnedTask(const Device&)> data_free_pool(const std::string& name, const std::string& inversion) {
  const nlohmann::json method = {
      {"name", name}, {"inversion", inversion}, {"synthesis_batch", 2}, {"iterations", 2},    {"rounds", 1},
      {"warmup", 1},  {"warmup_rounds", 1},     {"epochs", 6},          {"student_steps", 2}, {"batch_size", 3}};
  return data_free(method.dump());
}

OwnedTask natural_inversion(const Device& device) {
  std::shared_ptr<Network> classifier = make_network("wrn-10-1", 2, {.seed = 9, .device = device});
  InversionOptions options;
  options.method = "natural-inversion";
  options.batch_size = 1;
  auto task = start_inversion(*classifier, options, 7, 0);
  return {classifier, std::move(task)};
}

/// Images of 8x8 pixels, for networks with several maps: corners of bright ones.
ImageDataset small_images(dim_t count) {
  ImageDataset data = bright_images(count);
  const std::vector<std::uint8_t> pixels = std::move(data.pixels);
  data.pixels.clear();
  for (dim_t plane = 0; plane < 3 * count; ++plane)
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 8; ++x) data.pixels.push_back(pixels[std::size_t(plane * 1024 + y * 32 + x)]);
  data.height = data.width = 8;
  return data;
}

/// A distillation by any method, with an incomplete batch at the end of each epoch.
TaskKind distillation(const std::string& name, const std::string& method, bool teacher) {
  const auto make = [method, teacher](const Device& device) -> OwnedTask {
    struct Parts {
      ImageDataset data = small_images(8);
      std::unique_ptr<Network> student, teacher;
    };
    auto parts = std::make_shared<Parts>();
    parts->student = make_network("wrn-10-1", 2, {.seed = 5, .device = device, .image = {3, 8, 8}});
    std::vector<Network*> teachers;
    if (teacher) {
      parts->teacher = make_network("wrn-10-1", 2, {.seed = 6, .device = device, .image = {3, 8, 8}});
      teachers.push_back(parts->teacher.get());
    }
    StudentOptions options;
    options.method = method;
    options.epochs = 3;
    options.initial_epochs = 1;
    options.initial_lr = 0.01;
    options.batches = {.batch_size = 3, .augment = standard_augmentation(), .seed = 3};
    options.strong.operations = 2;
    options.schedule = {.kind = ScheduleKind::kCosine, .base_lr = 0.01};
    auto task = make_student_task(*parts->student, teachers, parts->data, options);
    return {parts, std::move(task)};
  };
  return {name, make, 9};
}

/// A method on two environments of four small images each, with two contexts.
OwnedTask ood(const Device& device, const std::string& method, const std::string& arch, const std::string& average) {
  struct Parts {
    std::unique_ptr<GivenEnvironments> source;
    std::unique_ptr<Network> network;
  };
  constexpr int kSide = 4, kImages = 4, kClasses = 3;
  auto parts = std::make_shared<Parts>();
  Generator random(11);
  std::vector<std::vector<GivenImages>> steps(3, std::vector<GivenImages>(2));
  for (auto& environments : steps)
    for (GivenImages& given : environments)
      for (int n = 0; n < kImages; ++n) {
        given.labels.push_back(random.integer(0, kClasses));
        given.contexts.push_back(random.integer(0, 2));
        for (int i = 0; i < 2 * kSide * kSide; ++i) given.images.push_back(random.number());
      }
  parts->source = std::make_unique<GivenEnvironments>(steps, Shape{2, kSide, kSide}, kClasses, 2, device);
  parts->network = make_network(ood_network(method, arch, 2, kImages), kClasses,
                                {.seed = 5, .device = device, .image = {2, kSide, kSide}});
  OodOptions options;
  options.schedule = {.kind = ScheduleKind::kCosine, .base_lr = 0.01};
  options.total_steps = 60;
  options.average.kind = average;
  auto task = ood_registry().make(method, {*parts->network, *parts->source, options});
  return {parts, std::move(task)};
}

TaskKind ood_kind(const std::string& name, const std::string& method, dim_t steps = 6,
                  const std::string& arch = R"({"name": "mlp", "hidden": [6]})", const std::string& average = "none") {
  return {"ood_" + name, [=](const Device& device) { return ood(device, method, arch, average); }, steps};
}

OwnedTask toy(const Device& device) {
  return {nullptr, std::make_unique<ToyMethod>(device)};
}

}  // namespace

const std::vector<TaskKind>& task_kinds() {
  static const std::vector<TaskKind> kinds = {
      {"supervised", supervised, 6},
      {"deep_inversion", deep_inversion, 6},
      {"recovery", recovery, 6},
      {"natural_inversion", natural_inversion, 3, false},
      {"toy", toy, 30},
      distillation("ie_ft", R"({"name": "ie-ft", "split": "random", "width": 4}+kd)", true),
      distillation("crd", R"({"name": "crd", "negatives": 3, "width": 4}+ctkd)", true),
      distillation("od", "od", true),
      distillation("ab", "ab+mlkd", true),
      distillation("ie_dml", R"({"name": "ie-dml", "split": "random", "width": 4})", false),
      distillation("one", "one", false),
      distillation("cl", R"({"name": "cl", "branches": 2, "shared": 1})", false),
      distillation("snapshot", R"({"name": "snapshot", "cycles": 3})", false),
      {"dafl", data_free(R"({"name": "dafl", "batch_size": 2, "latent": 3})"), 6},
      {"zskt", data_free(R"({"name": "zskt", "batch_size": 2, "latent": 3, "student_steps": 2})"), 9},
      {"dfad", data_free(R"({"name": "dfad", "batch_size": 2, "latent": 3, "student_steps": 2})"), 9},
      {"dfq", data_free(R"({"name": "dfq", "batch_size": 2, "latent": 3, "student_steps": 2})"), 9},
      {"pre_dfkd",
       data_free(R"({"name": "pre-dfkd", "batch_size": 2, "memory_images": 2, "latent": 3, "student_steps": 2,)"
                 R"( "memory_steps": 1})"),
       12},
      {"adi", data_free_pool("adi", "adi"), 12},
      {"cmi", data_free_pool("cmi", R"({"name": "cmi", "latent": 3, "head": 4, "bank": 4, "negatives": 2})"), 15},
      {"fast", data_free_pool("fast", R"({"name": "fast", "latent": 3, "warmup": 1})"), 12},
      {"nayer",
       data_free_pool("nayer", R"({"name": "nayer", "latent": 3, "embedding": 4, "warmup": 1, "warmup_loops": 1})"),
       12},
      ood_kind("erm", "erm", 6, R"({"name": "mlp", "hidden": [6]})", "ema"),
      ood_kind("irm", R"({"name": "irm", "anneal": 3})", 9, R"({"name": "mlp", "hidden": [6]})", "uniform"),
      ood_kind("vrex", R"({"name": "vrex", "anneal": 3})", 9),
      ood_kind("group_dro", "group-dro"),
      ood_kind("mixup", "mixup"),
      ood_kind("coral", "coral"),
      ood_kind("mmd", "mmd"),
      ood_kind("cdann", R"({"name": "cdann", "grad_penalty": 0.5, "width": 5})", 12),
      ood_kind("mldg", R"({"name": "mldg", "meta_test": 1, "inner": "sgd", "second_order": true})"),
      ood_kind("rsc", "rsc"),
      ood_kind("rsc_maps", "rsc-maps", 6, "resnet8"),
      ood_kind("jigen", R"({"name": "jigen", "grid": 2, "permutations": 5})"),
      ood_kind("cnbb", "cnbb"),
      ood_kind("arm", "arm"),
      ood_kind("sagnet", "sagnet"),
      ood_kind("sagnet_maps", R"({"name": "sagnet-maps", "after": 1})", 6, "resnet8"),
      ood_kind("mtl", "mtl"),
      ood_kind("fishr", R"({"name": "fishr", "anneal": 3})", 9),
      ood_kind("eqrm", R"({"name": "eqrm", "burnin": 3})", 9),
      ood_kind("miro", "miro", 6, "resnet8"),
      ood_kind("erm_pgd", "erm-pgd"),
      ood_kind("cutout", R"({"name": "cutout", "side": 2})"),
      ood_kind("cumix", "cumix"),
      ood_kind("decaug", R"({"name": "decaug-paper", "direction": "random"})"),
  };
  return kinds;
}

const TaskKind& task_kind(const std::string& name) {
  const auto& kinds = task_kinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const TaskKind& kind) { return kind.name == name; });
  if (found == kinds.end()) throw UsageError(message("expected a kind of task, got '", name, "'"));
  return *found;
}

}  // namespace engram::testing
