#include <algorithm>
#include <utility>

#include "kernels/batch_norm/channel_passes.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/conv2d/conv2d_plan.h"
#include "kernels/conv2d/weight_pack_cache.h"
#include "kernels/conv2d/winograd_stages.h"

namespace engram::kernels {
namespace {

using winograd::Stages;
using winograd::TileGrid;

/// Most bytes of transformed weights that are made for all panels at once.
constexpr dim_t kMaxSharedWeights = dim_t{4} << 20;
/// Bytes of transformed activations that all threads share: they stay in the third-level cache.
constexpr dim_t kSharedActivations = dim_t{8} << 20;

constexpr dim_t round_up(dim_t value, dim_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Floats between tiles or points: an odd number of cache lines, for powers of two would crowd a few sets of the
/// caches.
constexpr dim_t odd_lines(dim_t count) {
  constexpr dim_t kLine = 16;
  return round_up(count, 2 * kLine) + kLine;
}

/// Consecutive arrays of floats, each at a multiple of 4096 bytes.
class Arrays {
 public:
  static constexpr dim_t kAlignment = 1024;
  /// The offset of a new array.
  dim_t add(dim_t count) { return std::exchange(end_, end_ + round_up(count, kAlignment)); }
  std::size_t bytes() const { return std::size_t(end_) * sizeof(float); }

 private:
  dim_t end_ = 0;
};

/// What the passes have in common: a convolution of `in` to `out`, which in a dgrad are the gradients of y and x.
class WinogradPlan : public ConvPlan {
 public:
  std::size_t workspace_bytes() const final { return arrays_.bytes(); }
  std::string info() const final {
    return message("winograd:", stages_.name, " x=nChw16c y=nChw16c images=", in_.n, " scratch=", workspace_bytes());
  }

 protected:
  WinogradPlan(const ConvPlanKey& key, const Stages& stages, bool backward)
      : stages_(stages),
        in_(backward ? key.shape.y() : key.shape.x()),
        out_(backward ? key.shape.x() : key.shape.y()),
        grid_{in_.n, (out_.h + stages.result - 1) / stages.result, (out_.w + stages.result - 1) / stages.result},
        panels_((out_.c + stages.panel - 1) / stages.panel),
        threads_(key.threads) {}

  winograd::PanelArgs panel(dim_t index) const { return {out_.c, in_.c, index * stages_.panel}; }

  /// Floats from one point to the next of a panel of transformed weights, and of all its points.
  dim_t weights_point() const { return odd_lines(in_.c * stages_.panel); }
  dim_t panel_count() const { return stages_.points * weights_point(); }

  /// Tiles that all threads transform before they are multiplied, of `floats` in all points of a tile.
  dim_t shared_tiles(dim_t floats) const {
    const dim_t block = stages_.tiles, fitting = kSharedActivations / (floats * dim_t(sizeof(float))) / block * block;
    return std::min(grid_.count(), std::max(block, fitting));
  }

  /// Calls transform(begin, end) for the tiles [first, last), a few at a time.
  template <class Transform>
  static void transform_tiles(dim_t first, dim_t last, const Transform& transform) {
    constexpr dim_t kTiles = 4;
    parallel_items((last - first + kTiles - 1) / kTiles, [&](dim_t i, int) {
      const dim_t begin = first + i * kTiles;
      transform(begin, std::min(last, begin + kTiles));
    });
  }

  const Stages& stages_;
  const ActivationShape in_, out_;
  const TileGrid grid_;
  const dim_t panels_;
  const int threads_;
  Arrays arrays_;
};

bool is_strided(const Conv2dShape& s) {
  return s.stride_h == 2;
}

const Stages& stages_of(const ConvPlanKey& key) {
  if (!is_strided(key.shape)) return winograd::stride1_stages();
  return key.pass == ConvPass::kDgrad ? winograd::stride2_gradient_stages() : winograd::stride2_stages();
}

/// fprop, and dgrad as a convolution of the gradient with the mirrored kernels.
class WinogradForward final : public WinogradPlan {
 public:
  explicit WinogradForward(const ConvPlanKey& key)
      : WinogradPlan(key, stages_of(key), key.pass == ConvPass::kDgrad),
        backward_(key.pass == ConvPass::kDgrad),
        relu_(key.relu),
        pad_h_(padding(key, key.shape.pad_h)),
        pad_w_(padding(key, key.shape.pad_w)),
        // With large weights, a panel is transformed where and when it is used, and the input is shared instead.
        share_weights_(panels_ * panel_count() * dim_t(sizeof(float)) <= kMaxSharedWeights &&
                       grid_.count() >= 8 * stages_.tiles),
        block_(stages_.tiles * (share_weights_ ? 1 : 2)),
        input_tiles_(share_weights_ ? block_ : shared_tiles(stages_.points * step())) {
    packed_ = arrays_.add(panels_ * packed_step());
    weights_ = arrays_.add((share_weights_ ? panels_ : threads_ * kPanels) * weights_step());
    input_ = arrays_.add((share_weights_ ? threads_ : 1) * input_step());
    products_ = arrays_.add(threads_ * kPanels * products_step());
  }

  void run(ConvPointers p, const ConvWeight& weight, char* workspace) override {
    if (backward_) std::swap(p.x, p.y);
    float* const scratch = reinterpret_cast<float*>(workspace);
    const float* packed = packed_weights(weight, scratch + packed_);
    if (share_weights_) {
      run_by_tiles(p, packed, scratch);
    } else {
      run_by_panels(p, packed, scratch);
    }
  }

 private:
  /// How far the first window lies outside of the input. In a strided dgrad the first results, of rows 0 and 1, read
  /// the gradient's rows 0 and 1.
  static dim_t padding(const ConvPlanKey& key, dim_t pad) {
    if (key.pass != ConvPass::kDgrad) return pad;
    return is_strided(key.shape) ? 0 : key.shape.kh - 1 - pad;
  }

  /// Panels multiplied in turn for each point: they share what is read of the input.
  static constexpr dim_t kPanels = 2;

  dim_t packed_step() const { return in_.c * 9 * stages_.panel; }
  dim_t weights_step() const { return round_up(panel_count(), Arrays::kAlignment); }
  dim_t step() const { return odd_lines(in_.c); }
  dim_t input_point() const { return odd_lines(input_tiles_ * step()); }
  dim_t input_step() const { return round_up(stages_.points * input_point(), Arrays::kAlignment); }
  dim_t products_point() const { return odd_lines(block_ * stages_.panel); }
  dim_t products_step() const { return round_up(stages_.points * products_point(), Arrays::kAlignment); }

  const float* packed_weights(const ConvWeight& weight, float* scratch) const {
    float* target = scratch;
    if (weight.cache) {
      const int format = backward_ ? -2 : -1;  // the library's formats are not negative
      const auto bytes = std::size_t(panels_ * packed_step()) * sizeof(float);
      const WeightPackCache::Slot slot = weight.cache->find(weight.data, format, bytes, weight.version);
      target = reinterpret_cast<float*>(slot.data);
      if (slot.valid) return target;
    }
    parallel_items(panels_, [&](dim_t i, int) {
      (backward_ ? winograd::pack_mirrored_weights : winograd::pack_weights)(panel(i), stages_.panel, weight.data,
                                                                             target + i * packed_step());
    });
    return target;
  }

  void transform_input(const float* x, dim_t begin, dim_t end, float* out) const {
    stages_.transform_input({in_, grid_, pad_h_, pad_w_, x, begin, end, out, input_point(), step()});
  }

  void transform_weights(const float* packed, dim_t panel, float* out) const {
    stages_.transform_weights(packed + panel * packed_step(), in_.c, out, weights_point());
  }

  /// Results of tiles [begin, end) for the panels [first, last), at most kPanels; `input` holds the transforms from
  /// tile `begin` on, `weights` those of the panels.
  void multiply(const ConvPointers& p, dim_t first, dim_t last, dim_t begin, dim_t end, const float* input,
                const float* weights, float* products) const {
    // Point by point, so that the panels find the input in a nearer cache.
    for (int point = 0; point < stages_.points; ++point)
      for (dim_t i = first; i < last; ++i)
        stages_.multiply({.a = input + point * input_point(),
                          .a_row = step(),
                          .a_depth = 1,
                          .b = weights + (i - first) * weights_step() + point * weights_point(),
                          .b_depth = stages_.panel,
                          .c = products + (i - first) * products_step() + point * products_point(),
                          .rows = end - begin,
                          .depth = in_.c,
                          .accumulate = false});
    for (dim_t i = first; i < last; ++i)
      stages_.transform_output({out_, grid_, products + (i - first) * products_step(), products_point(), begin, end,
                                i * stages_.panel, p.bias, p.residual, p.y, relu_});
  }

  /// Groups of at most kPanels panels, and the panels of one.
  dim_t groups() const { return (panels_ + kPanels - 1) / kPanels; }
  dim_t group_begin(dim_t group) const { return group * kPanels; }
  dim_t group_end(dim_t group) const { return std::min(panels_, (group + 1) * kPanels); }

  /// Small weights: all are transformed first; then each thread takes blocks of tiles from input to output.
  void run_by_tiles(const ConvPointers& p, const float* packed, float* scratch) const {
    float* const weights = scratch + weights_;
    parallel_items(panels_, [&](dim_t i, int) { transform_weights(packed, i, weights + i * weights_step()); });
    const dim_t tiles = grid_.count();
    parallel_items((tiles + block_ - 1) / block_, [&](dim_t item, int thread) {
      const dim_t begin = item * block_, end = std::min(tiles, begin + block_);
      float* const input = scratch + input_ + thread * input_step();
      float* const products = scratch + products_ + thread * kPanels * products_step();
      transform_input(p.x, begin, end, input);
      for (dim_t g = 0; g < groups(); ++g)
        multiply(p, group_begin(g), group_end(g), begin, end, input, weights + group_begin(g) * weights_step(),
                 products);
    });
  }

  /// Large weights: the threads transform many tiles together; then each takes panels, from weights to output.
  void run_by_panels(const ConvPointers& p, const float* packed, float* scratch) const {
    const dim_t tiles = grid_.count();
    float* const input = scratch + input_;
    for (dim_t first = 0; first < tiles; first += input_tiles_) {
      const dim_t last = std::min(tiles, first + input_tiles_);
      transform_tiles(first, last, [&](dim_t begin, dim_t end) {
        transform_input(p.x, begin, end, input + (begin - first) * step());
      });
      parallel_items(groups(), [&](dim_t g, int thread) {
        float* const weights = scratch + weights_ + thread * kPanels * weights_step();
        float* const products = scratch + products_ + thread * kPanels * products_step();
        for (dim_t i = group_begin(g); i < group_end(g); ++i)
          transform_weights(packed, i, weights + (i - group_begin(g)) * weights_step());
        for (dim_t begin = first; begin < last; begin += block_)
          multiply(p, group_begin(g), group_end(g), begin, std::min(last, begin + block_),
                   input + (begin - first) * step(), weights, products);
      });
    }
  }

  const bool backward_, relu_;
  const dim_t pad_h_, pad_w_;
  const bool share_weights_;
  const dim_t block_;        ///< tiles that one thread multiplies at a time
  const dim_t input_tiles_;  ///< tiles in an array of transformed inputs
  dim_t packed_, weights_, input_, products_;
};

/// wgrad: the adjoint of fprop in the weights.
class WinogradWgrad final : public WinogradPlan {
 public:
  explicit WinogradWgrad(const ConvPlanKey& key)
      : WinogradPlan(key, stages_of(key), false),
        pad_h_(key.shape.pad_h),
        pad_w_(key.shape.pad_w),
        tiles_(shared_tiles(stages_.points * (odd_lines(in_.c) + odd_lines(out_.c)))),
        groups_(stages_.points / kGroupPoints) {
    input_ = arrays_.add(stages_.points * slice(in_.c));
    gradient_ = arrays_.add(stages_.points * slice(out_.c));
    sums_ = arrays_.add(panels_ * panel_count());
    if (key.bias) bias_sums_ = arrays_.add(out_.c + channel_partials_count(out_));
  }

  void run(ConvPointers p, const ConvWeight&, char* workspace) override {
    float* const scratch = reinterpret_cast<float*>(workspace);
    const dim_t tiles = grid_.count();
    for (dim_t first = 0; first < tiles; first += tiles_) {
      const dim_t last = std::min(tiles, first + tiles_);
      transform(p, first, last, scratch);
      parallel_items(panels_ * groups_, [&](dim_t item, int) {
        multiply(item / groups_, item % groups_ * kGroupPoints, last - first, first == 0, scratch);
      });
    }
    parallel_items(panels_, [&](dim_t i, int) {
      stages_.transform_weight_gradient(panel(i), scratch + sums_ + i * panel_count(), weights_point(), p.gw);
    });
    if (p.bias)
      gradient_sums_pass(out_, {p.y, nullptr, nullptr, Activation::kNone, 0}, nullptr, nullptr, p.bias,
                         scratch + bias_sums_, scratch + bias_sums_ + out_.c);
  }

 private:
  /// Points that a thread takes at a time, beside a panel: there may be fewer panels than threads.
  static constexpr int kGroupPoints = 9;
  /// Floats from one point to the next of the transforms of an activation.
  dim_t slice(dim_t channels) const { return odd_lines(tiles_ * odd_lines(channels)); }

  /// Transforms of x and gy for tiles [first, last).
  void transform(const ConvPointers& p, dim_t first, dim_t last, float* scratch) const {
    const dim_t x_step = odd_lines(in_.c), y_step = odd_lines(out_.c);
    transform_tiles(first, last, [&](dim_t begin, dim_t end) {
      float* const x = scratch + input_ + (begin - first) * x_step;
      float* const gy = scratch + gradient_ + (begin - first) * y_step;
      stages_.transform_input({in_, grid_, pad_h_, pad_w_, p.x, begin, end, x, slice(in_.c), x_step});
      stages_.transform_output_gradient({out_, grid_, 0, 0, p.y, begin, end, gy, slice(out_.c), y_step});
    });
  }

  /// Adds the products of `tiles` transformed tiles to the sums of one panel and one group of points, or starts them.
  void multiply(dim_t panel, dim_t point, dim_t tiles, bool start, float* scratch) const {
    const dim_t x_step = odd_lines(in_.c), y_step = odd_lines(out_.c);
    // The last panel may reach into the gap between the tiles: those columns of its sums are not used.
    for (dim_t p = point; p < point + kGroupPoints; ++p)
      stages_.multiply({.a = scratch + input_ + p * slice(in_.c),
                        .a_row = 1,
                        .a_depth = x_step,
                        .b = scratch + gradient_ + p * slice(out_.c) + panel * stages_.panel,
                        .b_depth = y_step,
                        .c = scratch + sums_ + panel * panel_count() + p * weights_point(),
                        .rows = in_.c,
                        .depth = tiles,
                        .accumulate = !start});
  }

  const dim_t pad_h_, pad_w_;
  const dim_t tiles_;  ///< that are transformed, then multiplied
  const dim_t groups_;
  dim_t input_, gradient_, sums_;
  dim_t bias_sums_ = 0;  ///< scratch of the bias gradient
};

}  // namespace

bool winograd_pays(const Conv2dShape& s) {
  const bool blocked = s.x_block == kCpuChannelBlock && s.y_block == kCpuChannelBlock;
  if (!blocked || s.groups != 1 || s.kh != 3 || s.kw != 3 || s.oh() < 4 || s.ow() < 4) return false;
  if (s.stride_h == 1 && s.stride_w == 1) return s.pad_h <= 1 && s.pad_w <= 1;
  return s.stride_h == 2 && s.stride_w == 2 && s.pad_h == 1 && s.pad_w == 1 && s.ic >= 32 && s.oc >= 32;
}

std::unique_ptr<ConvPlan> make_winograd_plan(const ConvPlanKey& key) {
  if (key.pass == ConvPass::kWgrad) return std::make_unique<WinogradWgrad>(key);
  return std::make_unique<WinogradForward>(key);
}

}  // namespace engram::kernels
