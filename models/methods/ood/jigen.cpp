#include "engine/ops.h"
#include "models/methods/ood/jigsaw.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalty_schedule.h"

namespace engram {
namespace {

struct JigenSettings {
  dim_t grid = 3;
  dim_t permutations = 30;
  double gamma = 0.9;
  double whole = 0.7;
  bool classify_whole = true;
};
Settings jigen_settings(JigenSettings& s) {
  return {{"grid", &s.grid, "tiles a side"},
          {"permutations", &s.permutations, "orders besides the right one"},
          {"gamma", &s.gamma, "weight of the order's loss"},
          {"whole", &s.whole, "probability that an image is left whole"},
          {"classify_whole", &s.classify_whole, "learn labels from whole images alone"}};
}

/// Labels from the network's head; from a second head on the same features, in which order the tiles are.
class Jigen : public OodTask {
 public:
  Jigen(const JigenSettings& settings, const OodSetup& setup)
      : OodTask(setup, {"risk", "jigsaw"}, false),
        settings_(settings),
        permutations_(distant_permutations(int(settings.grid * settings.grid), int(settings.permutations), 0)),
        head_(feature_width(), settings.permutations + 1, device()),
        orders_(std::size_t(images_per_step()), 0) {
    check_penalty("jigen", settings.gamma, 0);
    const dim_t images = images_per_step(), tiles = settings.grid * settings.grid;
    matrices_ = Tensor::zeros({images, tiles, tiles}, device());
    order_labels_ = Tensor::from(orders_, {images}, device());
    whole_ = Tensor::zeros({images}, device());
    head_.initialize(options_.seed);
    add_parameters("jigsaw", head_);
  }

 protected:
  void stage_method(dim_t step) override {
    Generator draws = Generator(options_.seed).split(1).split(std::uint64_t(step));
    std::vector<float> whole;
    for (std::int32_t& order : orders_) {
      const std::int32_t proposed = draws.integer(0, std::int32_t(settings_.permutations) + 1);
      order = drawn_order(proposed, draws.number(), settings_.whole);
      whole.push_back(order == 0 || !settings_.classify_whole ? 1.f : 0.f);
    }
    stage_values(matrices_, tile_matrices(permutations_, orders_));
    stage_values(order_labels_, orders_);
    stage_values(whole_, whole);
  }
  void update(const EnvironmentBatch& batch) override {
    const LabelledBatch all = joined(batch);
    const Tensor features = features_of(shuffle_tiles(all.images, matrices_, settings_.grid));
    const Tensor targets = one_hot(all.labels, source_.num_classes());
    const Tensor losses = neg(sum(log_softmax(classify(features)) * targets, {1}));
    // A batch without a whole image teaches no labels.
    const Tensor count = maximum(sum(whole_), Tensor::ones({}, device()));
    const Tensor risk = sum(losses * whole_) / count;
    const Tensor jigsaw = softmax_cross_entropy(head_.forward(features), order_labels_);
    record(descend(risk + float(settings_.gamma) * jigsaw), {risk, jigsaw}, {}, batch);
  }
  void visit_method(StateVisitor& visitor) override { visitor.visit("jigsaw", head_); }

 private:
  JigenSettings settings_;
  std::vector<Permutation> permutations_;
  Linear head_;
  std::vector<std::int32_t> orders_;
  Tensor matrices_, order_labels_, whole_;
};

}  // namespace

void add_jigen(OodRegistry& registry) {
  registry.add<JigenSettings>(
      "jigen", "images cut into tiles: labels, and the order of the tiles (Carlucci et al. 2019)", {}, {},
      jigen_settings, [](const JigenSettings& s, const OodSetup& setup) { return std::make_unique<Jigen>(s, setup); });
}

}  // namespace engram
