#include <algorithm>

#include "engine/ops.h"
#include "models/methods/ood/ood_registry.h"

namespace engram {
namespace {

struct CutoutSettings {
  dim_t side = 16;
};
Settings cutout_settings(CutoutSettings& s) {
  return {{"side", &s.side, "side of the square that is set to 0, in pixels"}};
}

/// Risk minimisation on images with a square of zeros, whose centre is uniform over the image and which the border cuts
/// (DeVries and Taylor 2017).
class Cutout : public OodTask {
 public:
  Cutout(const CutoutSettings& settings, const OodSetup& setup) : OodTask(setup, {}), side_(settings.side) {
    if (side_ < 1) throw UsageError(message("[cutout] expected a side of at least 1 pixel, got ", side_));
    const ImageShape& image = network_.image();
    rows_ = Tensor::zeros({images_per_step(), 1, image.height, 1}, device());
    columns_ = Tensor::zeros({images_per_step(), 1, 1, image.width}, device());
  }

 protected:
  void stage_method(dim_t step) override {
    Generator draws = Generator(options_.seed).split(1).split(std::uint64_t(step));
    stage_values(rows_, covered(draws, network_.image().height));
    stage_values(columns_, covered(draws, network_.image().width));
  }
  void update(const EnvironmentBatch& batch) override {
    EnvironmentBatch cut_out = batch;
    const std::vector<Tensor> kept = cut((1.f + neg(rows_ * columns_)), batch);
    for (std::size_t e = 0; e < kept.size(); ++e)
      cut_out.environments[e].images = batch.environments[e].images * kept[e];
    const std::vector<Tensor> logits = environment_logits(cut_out);
    record(descend(mean_of(risks_of(logits, batch))), {}, logits, batch);
  }

 private:
  /// 1 at the pixels of each image that the square covers along an axis.
  std::vector<float> covered(Generator& draws, dim_t extent) const {
    std::vector<float> values(std::size_t(images_per_step() * extent), 0);
    for (dim_t n = 0; n < images_per_step(); ++n) {
      const dim_t begin = draws.integer(0, std::int32_t(extent)) - side_ / 2;
      for (dim_t i = std::max<dim_t>(begin, 0); i < std::min(begin + side_, extent); ++i)
        values[std::size_t(n * extent + i)] = 1;
    }
    return values;
  }

  dim_t side_;
  Tensor rows_, columns_;
};

}  // namespace

void add_cutout(OodRegistry& registry) {
  registry.add<CutoutSettings>(
      "cutout", "risk minimisation with a square of each image set to zero", {}, {}, cutout_settings,
      [](const CutoutSettings& s, const OodSetup& setup) { return std::make_unique<Cutout>(s, setup); });
}

}  // namespace engram
