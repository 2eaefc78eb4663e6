#include "models/methods/inversion/inversion.h"

#include <algorithm>

#include "engine/random.h"
#include "models/methods/inversion/deep_inversion.h"
#include "models/methods/inversion/inversion_registry.h"
#include "models/methods/inversion/natural_inversion.h"
#include "models/methods/inversion/synthesis.h"
#include "models/suggest.h"

namespace engram {
namespace {

const char kNatural[] = "natural-inversion";
const char kDeep[] = "deep-inversion";

/// The canonical text of a method. Throws UsageError for any other text.
std::string canonical(const std::string& method) {
  const Component component = parse_component(method);
  const std::string& name = component.name;
  const std::vector<std::string> known = inversion_methods();
  if (std::find(known.begin(), known.end(), name) == known.end())
    throw UsageError(
        message("[invert] expected the method ", inversion_names(), ", got '", name, "'", did_you_mean(name, known)));
  if (name != kNatural && name != kDeep) return inversion_registry().canonical(method);
  if (!component.settings.empty())
    throw UsageError(message("[", name, "] expected no settings beside the name, as options of their own set this ",
                             "method (see --help), got \"", component.settings.begin()->first, "\""));
  return name;
}

void check_options(const InversionOptions& o, const ImageShape& image) {
  if (o.batch_size < 1) throw UsageError(message("[invert] expected a batch size of at least 1, got ", o.batch_size));
  const dim_t side = std::min(image.height, image.width);
  if (o.max_shift < 0 || o.max_shift >= side)
    throw UsageError(message("[invert] expected shifts of 0 to ", side - 1, " pixels, got ", o.max_shift));
  for (float value : {o.weights.bn, o.weights.tv, o.weights.l2, o.lr_generator, o.lr_pyramid, o.lr_alpha, o.lr_pixels})
    if (!(value >= 0))
      throw UsageError(message("[invert] expected loss weights and learning rates of at least 0, got ", value));
}

}  // namespace

namespace {

/// Shows parts to another visitor under longer names.
class Prefixed : public StateVisitor {
 public:
  Prefixed(const std::string& prefix, StateVisitor& inner) : prefix_(prefix + "."), inner_(inner) {}
  using StateVisitor::visit;
  void visit(const std::string& name, Generator& generator) override { inner_.visit(prefix_ + name, generator); }
  void visit(const std::string& name, const Tensor& tensor) override { inner_.visit(prefix_ + name, tensor); }
  void visit(const std::string& name, std::vector<std::int64_t>& values) override {
    inner_.visit(prefix_ + name, values);
  }
  void visit(const std::string& name, std::vector<double>& values) override { inner_.visit(prefix_ + name, values); }
  bool restores() const override { return inner_.restores(); }

 private:
  std::string prefix_;
  StateVisitor& inner_;
};

}  // namespace

void Inversion::visit_state_as(const std::string& name, StateVisitor& visitor) {
  Prefixed prefixed(name, visitor);
  visit_state(prefixed);
}

void Inversion::next_batch(dim_t index) {
  throw UsageError(message("[invert] expected a method whose batches follow each other, got batch ", index,
                           " of one whose batches are made anew"));
}

const std::vector<RegistryEntry>& inversion_entries() {
  static const std::vector<RegistryEntry> entries = [] {
    std::vector<RegistryEntry> all = {
        {kNatural,
         "NaturalInversion: a generator, a feature pyramid and channel scales for each batch; set by options",
         {},
         {}},
        {kDeep,
         "DeepInversion: the pixels themselves, by cross entropy, statistics and priors; set by options",
         {},
         {}}};
    const std::vector<RegistryEntry>& registered = inversion_registry().entries();
    all.insert(all.end(), registered.begin(), registered.end());
    return all;
  }();
  return entries;
}

std::vector<std::string> inversion_methods() {
  std::vector<std::string> names;
  for (const RegistryEntry& entry : inversion_entries()) names.push_back(entry.name);
  return names;
}

std::string inversion_names() {
  std::string text;
  for (const std::string& name : inversion_methods()) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void check_inversion_method(const std::string& method) {
  canonical(method);
}

bool carries_batches(const std::string& method) {
  const std::string name = parse_component(canonical(method)).name;
  return name != kNatural && name != kDeep && name != "adi" && name != "deepinv-cmi";
}

InversionWeights published_weights(const std::string& method, int num_classes) {
  const std::string name = canonical(method);
  if (name == kNatural) return {num_classes <= 10 ? 10.f : 3.f, 6e-3f, 1.5e-5f};
  if (name == kDeep) return {10.f, 2.5e-5f, 0.f};
  return {0, 0, 0};
}

dim_t published_iterations(const std::string& method, int num_classes) {
  const std::string name = parse_component(canonical(method)).name;
  if (name == kNatural) return num_classes <= 10 ? 2000 : 4000;
  if (name == "deepinv-cmi") return 1000;
  if (name == "cmi") return 200;
  if (name == "fast-2") return 2;
  if (name == "fast-5") return 5;
  if (name == "fast") return 10;
  if (name == "nayer") return num_classes <= 10 ? 30 : 40;
  return 2000;
}

std::vector<std::int32_t> balanced_labels(dim_t batch_size, int num_classes, std::uint64_t seed) {
  std::vector<std::int32_t> labels;
  const dim_t rounds = batch_size / num_classes;
  for (dim_t i = 0; i < rounds * num_classes; ++i) labels.push_back(std::int32_t(i % num_classes));
  Generator stream(seed);
  const std::vector<std::int32_t> order = stream.permutation(num_classes);
  for (std::size_t i = 0; dim_t(labels.size()) < batch_size; ++i) labels.push_back(order[i]);
  return labels;
}

std::unique_ptr<Inversion> start_inversion(Network& classifier, const InversionOptions& options, std::uint64_t seed,
                                           dim_t batch_index) {
  check_options(options, classifier.image());
  classifier.eval();
  classifier.set_requires_grad(false);
  const std::string method = canonical(options.method);
  if (method == kNatural) return std::make_unique<NaturalInversion>(classifier, options, seed, batch_index);
  if (method == kDeep) return std::make_unique<DeepInversion>(classifier, options, seed, batch_index);
  return inversion_registry().make(method, {.classifier = classifier,
                                            .student = options.student,
                                            .normalization = options.normalization,
                                            .batch_size = options.batch_size,
                                            .iterations = options.iterations,
                                            .seed = seed,
                                            .batch_index = batch_index});
}

}  // namespace engram
