/// Plans that give the threads whole images.

#include <omp.h>

#include <utility>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/conv2d/conv2d_plan.h"

namespace engram::kernels {
namespace {

/// The library sees one thread. Its products ask for the number, inside a loop and where one thread runs the loop
/// alone.
class OneThread {
 public:
  OneThread() { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = omp_get_max_threads();
};

ConvPlanKey of_one_image(ConvPlanKey key) {
  key.shape.n = 1;
  key.threads = 1;
  return key;
}

/// A plan of one image a thread, since a plan holds the operands of its call.
class PlanByImages final : public ConvPlan {
 public:
  PlanByImages(const ConvPlanKey& key, const LibraryPlanOfImage& make)
      : images_(key.shape.n), x_count_(key.shape.x().count() / images_), y_count_(key.shape.y().count() / images_) {
    const OneThread one;
    for (int thread = 0; thread < key.threads; ++thread) plans_.push_back(make(of_one_image(key)));
  }

  std::size_t workspace_bytes() const override { return plans_.size() * step(); }
  std::string info() const override { return plans_[0]->info() + " by image"; }

  void run(ConvPointers p, const ConvWeight& weight, char* workspace) override {
    parallel_items(images_, [&](dim_t image, int thread) {
      const OneThread one;
      ConvPointers of_image = p;
      of_image.x += image * x_count_;
      of_image.y += image * y_count_;
      if (p.residual) of_image.residual += image * y_count_;
      plans_[std::size_t(thread)]->run(of_image, weight, workspace + std::size_t(thread) * step());
    });
  }

 private:
  std::size_t step() const { return (plans_[0]->workspace_bytes() + 4095) / 4096 * 4096; }

  const dim_t images_, x_count_, y_count_;
  std::vector<std::unique_ptr<ConvPlan>> plans_;
};

}  // namespace

std::unique_ptr<ConvPlan> make_plan_by_images(const ConvPlanKey& key, const LibraryPlanOfImage& make) {
  return std::make_unique<PlanByImages>(key, make);
}

}  // namespace engram::kernels
